"""What the queries of stats return, figure by figure: rows as those of rows.py. Days are as 2026-11-21."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from botcore.rows import ChatType, Role

Unit = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Active:
    """How many people wrote in the day, week or month that begins on `starts_on`."""

    starts_on: str
    people: int


@dataclass(frozen=True, slots=True)
class Daily:
    """What was said on a day: messages by role, and characters of those of people and of the bot."""

    day: str
    system_messages: int
    user_messages: int
    assistant_messages: int
    user_characters: int
    assistant_characters: int


@dataclass(frozen=True, slots=True)
class Spoke:
    """What one role said: how much, with how many people, in how many chats, and how long half of it is at most."""

    role: Role
    messages: int
    people: int
    chats: int
    characters: int
    median_characters: int


@dataclass(frozen=True, slots=True)
class Hour:
    """How many messages people sent on a weekday, Monday being 1, in an hour of the clock, 0..23."""

    weekday: int
    hour: int
    messages: int


@dataclass(frozen=True, slots=True)
class Cohort:
    """Of those who came in the week that begins on `week`, how many wrote so many weeks after; all of them did in 0."""

    week: str
    weeks_after: int
    people: int


@dataclass(frozen=True, slots=True)
class BusyChat:
    """A chat with what was said in it; without a title a private one has its person's name."""

    chat_id: int
    telegram_chat_id: int
    type: ChatType
    title: str | None
    messages: int
    people: int
    characters: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """How long people waited for a first reply on a day, or in all where `day` is None; no times without an answer."""

    day: str | None
    questions: int
    answered: int
    median_milliseconds: int | None
    p95_milliseconds: int | None


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the answers of a model cost on a day by UTC."""

    day: str
    people: int
    requests: int
    input_tokens: int
    output_tokens: int
