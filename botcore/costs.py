"""What the queries of usage return, and of how chats are used: rows as those of rows.py."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model's answers to one person cost, of one bot on one day, as 2026-11-21 by UTC.

    `input_characters` are those of what the model read, by which its tokens can be foretold.
    """

    user_id: int
    bot_id: int
    day: str
    requests: int
    input_tokens: int
    output_tokens: int
    input_characters: int


@dataclass(frozen=True, slots=True)
class Spent:
    """What a model's answers to one person cost, by one bot: on one day, and in all."""

    today_requests: int
    today_input_tokens: int
    today_output_tokens: int
    requests: int
    input_tokens: int
    output_tokens: int
    input_characters: int

    @property
    def today_tokens(self) -> int:
        """Read and written, on that day."""
        return self.today_input_tokens + self.today_output_tokens


@dataclass(frozen=True, slots=True)
class ChatUse:
    """A chat, how many live messages it has, and when the newest was stored, live or hidden; None without any."""

    chat_id: int
    telegram_chat_id: int
    title: str | None
    messages: int
    last_at: datetime | None
