"""What the queries return: frozen rows, their fields in the order of the SELECT."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar

from psycopg.rows import AsyncRowFactory

Row = TypeVar("Row")

Role = Literal["system", "user", "assistant"]
ChatType = Literal["private", "group", "supergroup", "channel"]
Delivery = Literal["pending", "unconfirmed"]
Scope = Literal["all", "hidden"]
UpdateState = Literal["pending", "running", "failed", "done"]


@dataclass(frozen=True, slots=True)
class User:
    """A person, the same one for every bot."""

    id: int
    telegram_user_id: int
    username: str | None
    first_name: str
    last_name: str | None
    language_code: str | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as one bot sees it; `business_connection_id` is '' outside of business connections.

    `blocked_at` is since when the bot cannot write there, as far as is known.
    """

    id: int
    bot_id: int
    telegram_chat_id: int
    business_connection_id: str
    type: str
    title: str | None
    created_at: datetime
    updated_at: datetime
    blocked_at: datetime | None
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its newest edit left it; `user_id` is the person the bot talks with, `length` counts characters.

    `kind` is Telegram's word for what it is, `sender_chat_id` Telegram's id of a chat that spoke in place of a person,
    `forward_date` when a forwarded message was first sent. `telegram_message_id` is negated where it counted in the
    group that this chat was before it became a supergroup. The message that `reply_to_id` names may be gone.
    `delivery` is of what the bot sends: pending while Telegram surely does not have it, unconfirmed once it was handed
    over without an answer so far, then None, as for all that is not to be sent.
    """

    chat_id: int
    id: int
    user_id: int | None
    message_thread_id: int
    role: Role
    kind: str
    content: str = field(repr=False)  # a log line that shows a row must not show what somebody wrote
    length: int
    telegram_message_id: int | None
    reply_to_id: int | None
    media_group_id: str | None
    sender_chat_id: int | None
    forward_date: datetime | None
    delivery: Delivery | None
    sent_at: datetime
    edited_at: datetime | None
    created_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Version:
    """What a message said from `edited_at` on; that is None for the text that was sent first."""

    chat_id: int
    message_id: int
    edited_at: datetime | None
    content: str = field(repr=False)
    length: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A message in the store, and whether this call put it there."""

    message: Message
    is_new: bool


@dataclass(frozen=True, slots=True)
class Copied:
    """One batch of `messages.copy_in`: of so many given messages these are new, in the store already, not recorded."""

    given: int
    stored: int
    known: int
    refused: int


@dataclass(frozen=True, slots=True)
class Missing:
    """A chat or a person, as `kind` says, that is unknown or deleted."""

    kind: str
    id: int


@dataclass(frozen=True, slots=True)
class Found:
    """A message that a search found; `rank` is ts_rank in millionths, higher for the better match, 0 in `newest`."""

    message: Message
    rank: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """A message of a chat's window, and the name of the person or the title of the chat that said it.

    `speaker` is None where the bot spoke, in a system message, and for a chat that this bot does not know.
    """

    message: Message
    speaker: str | None


@dataclass(frozen=True, slots=True)
class Cleared:
    """One batch of a clearing: how many messages it hid and the lowest id among them."""

    cleared: int
    lowest_id: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What one erasure removed, and when; `person` is a digest of Telegram's id, there is no name and no content."""

    person: str
    erased_at: datetime
    users: int
    chats: int
    messages: int
    versions: int


@dataclass(frozen=True, slots=True)
class Erased:
    """One batch of an erasure: how many messages it removed, and how many versions went with them."""

    messages: int
    versions: int


@dataclass(frozen=True, slots=True)
class Person:
    """A digest of the ledger, and the Telegram id that it is of."""

    person: str
    telegram_user_id: int


@dataclass(frozen=True, slots=True)
class Update:
    """What Telegram delivered; of a done one nothing is left but its number and times.

    `telegram_chat_id` is whose turn it is: the chat's id, or the person's where there is no chat, 0 for neither.
    `due_at` is when a worker may take it; in work, until when its worker has it. `sends` counts what the handling has
    begun to send, `arrived` what of that arrived.
    """

    bot_id: int
    update_id: int
    telegram_chat_id: int
    telegram_user_id: int
    payload: str | None = field(repr=False)
    state: UpdateState
    due_at: datetime
    worker: str
    attempts: int
    failures: int
    sends: int
    arrived: int
    error: str | None
    sqlstate: str | None
    received_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class State:
    """Where somebody stands in a form; all ids are Telegram's. `data` is what they entered so far, a JSON object."""

    bot_id: int
    telegram_chat_id: int
    telegram_user_id: int
    message_thread_id: int
    business_connection_id: str
    destiny: str
    state: str | None
    data: str = field(repr=False)
    updated_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Purged:
    """One batch of a purge, and the last row that it looked at: None at the end.

    `purged` are those that are gone; in a dry run, those that would be. Chats and people have no `last_chat_id`.
    """

    examined: int
    purged: int
    last_chat_id: int | None
    last_id: int | None


@dataclass(frozen=True, slots=True)
class Totals:
    """What one bot has stored, or one dialogue has, counted over live rows; the times are Telegram's dates."""

    people: int
    chats: int
    system_messages: int
    user_messages: int
    assistant_messages: int
    characters: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many updates wait, are in work and were set aside; `oldest_seconds` is how long the first waits, or 0."""

    pending: int
    running: int
    failed: int
    oldest_seconds: int


@dataclass(frozen=True, slots=True)
class Failure:
    """How many updates an error of that class has set aside."""

    error: str
    count: int


def row_of(kind: type[Row]) -> AsyncRowFactory[Row]:
    """The driver's factory of rows of a class."""
    make = maker(kind)  # type: ignore[arg-type] # a class is hashable
    return lambda _: make


def row_with_message(kind: Callable[[Message, Any], Row]) -> AsyncRowFactory[Row]:
    """The driver's factory of rows of a class that holds a message, and of the last column."""
    make = maker(Message)
    return lambda _: lambda values: kind(make(values[:-1]), values[-1])


@cache
def maker(kind: type[Any]) -> Callable[[Sequence[Any]], Any]:
    """What makes a row of its values, in a sixth of the time: a frozen class sets each by a call, its twin does not."""
    twin = make_dataclass(kind.__name__, [each.name for each in fields(kind)], slots=True)

    def make(values: Sequence[Any]) -> Any:
        made: Any = twin(*values)
        made.__class__ = kind
        return made

    return make
