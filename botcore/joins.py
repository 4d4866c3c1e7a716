"""What joins: the queries, the calls that wait, and the statements on their way with their rows."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.rows import AsyncRowFactory, RowMaker

Values = Mapping[str, Any]

_MOST_CHARACTERS: Final = 262_144
_MOST_ROWS: Final = 2_560


@dataclass(frozen=True, slots=True)
class Limits:
    """The pool's: connections, callers that may wait for one (0 for any number), how long, and what they are told."""

    max_size: int
    max_waiting: int
    timeout_seconds: float
    overdue: Callable[[], Exception]


@dataclass(frozen=True, slots=True)
class Form:
    """How calls of a query join: the query of many, what tells how large a call is, and how large a statement gets.

    With `order` the calls that have the same value there are settled in their order, and one without a row in the
    joined statement is not settled by it: it runs by itself.
    """

    joined: str
    size: str
    most: int
    order: str | None = None


FORMS: Final = {
    "messages/record": Form("messages/record_many", "content", _MOST_CHARACTERS, order="telegram_chat_id"),
    "messages/add": Form("messages/add_many", "content", _MOST_CHARACTERS, order="chat_id"),
    "messages/recent": Form("messages/recent_many", "page_size", _MOST_ROWS),
    "messages/window": Form("messages/window_many", "max_messages", _MOST_ROWS),
    "users/get_or_create": Form("users/get_or_create_many", "first_name", _MOST_CHARACTERS, order="telegram_user_id"),
    "chats/get_or_create": Form("chats/get_or_create_many", "title", _MOST_CHARACTERS, order="telegram_chat_id"),
}
"""What joins; the lists of the query of many stand in the order of the plain one's parameters."""


class Call:
    """A call that waits for its rows."""

    __slots__ = ("deadline", "flight", "future", "key", "row", "size", "values")

    def __init__(self, row: AsyncRowFactory[Any], values: Values, form: Form, timeout_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        size = values[form.size]
        self.row = row
        self.values = values
        self.size: int = size if isinstance(size, int) else len(size or "")
        self.key: Any = values[form.order] if form.order else None
        self.deadline = loop.time() + timeout_seconds
        self.future: asyncio.Future[list[Any] | None] = loop.create_future()
        self.flight: Flight | None = None

    def answer(self, rows: list[Any] | None) -> None:
        """Gives the caller its rows, unless it has left."""
        if not self.future.done():
            self.future.set_result(rows)

    def fail(self, error: Exception) -> None:
        """Raises the error where the call was made, unless its caller has left."""
        if not self.future.done():
            self.future.set_exception(error)


@dataclass(slots=True)
class Flight:
    """A statement since `began`, its task and the calls aboard; `clock` rings when it takes long.

    One that its caller runs by itself has neither task nor calls.
    """

    began: float
    calls: list[Call] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    clock: asyncio.TimerHandle | None = None
    is_begun: bool = False
    has_turn: bool = False
    is_ahead: bool = True


def dealt(row: AsyncRowFactory[Any], answers: list[list[Any]]) -> AsyncRowFactory[None]:
    """Puts each row to those of its call, whose place is the last column."""

    def deal(cursor: psycopg.AsyncCursor[Any]) -> RowMaker[None]:
        make = row(cursor)
        return lambda values: answers[values[-1] - 1].append(make(values[:-1]))

    return deal
