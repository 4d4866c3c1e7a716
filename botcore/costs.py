"""What people and chats use, what people choose and are kept of: rows as those of rows.py."""

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


@dataclass(frozen=True, slots=True)
class Cost:
    """What a model's answers to everybody cost, by one bot on one day."""

    people: int
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person chose; `language` is an IETF tag, None for the one that Telegram tells."""

    user_id: int
    language: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Throttled:
    """How often in succession a person was refused a place in the minute, 0 where they have one, and for how long.

    `to_tell` is whether it is this message to which they should be told so: the first one that was refused in its chat.
    """

    refused: int
    wait_seconds: int
    to_tell: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """How many rows are kept about a person, and how many of them are hidden: deleted, but not purged yet.

    `updates` are those that wait to be handled, or were set aside, `states` are of forms, `usage` of days,
    `throttles` of bots.
    """

    users: int
    chats: int
    messages: int
    versions: int
    updates: int
    states: int
    usage: int
    preferences: int
    throttles: int
    hidden_users: int
    hidden_chats: int
    hidden_messages: int
