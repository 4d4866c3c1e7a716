"""Concurrent calls of one query become one statement: what is called while it runs makes the next one.

Nobody waits for company: a call that comes alone runs at once, as its own statement and in its own task.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.rows import AsyncRowFactory, RowMaker
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from botcore import queries
from botcore.errors import is_lost
from botcore.queries import Query

Values = Mapping[str, Any]
Execute = Callable[[bytes, AsyncRowFactory[Any], Values], Awaitable[list[Any]]]

_MOST_CALLS: Final = 128
_MOST_CHARACTERS: Final = 262_144
_MOST_ROWS: Final = 2_560
# One connection serves many of them: so many wait here for each that may wait for a connection
_CALLS_PER_CONNECTION: Final = 20
# While so many run by themselves, the others wait
_MOST_APART: Final = 1_000
# What a statement costs is mostly its own: one at a time is of more calls. Nobody waits for longer than this
_TURN_SECONDS: Final = 0.05


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


@dataclass(frozen=True, slots=True)
class Limits:
    """The pool's: connections, callers that may wait for one, and how long."""

    max_size: int
    max_waiting: int
    timeout_seconds: float


class Batching:
    """One database's lines of calls, one for each query that joins."""

    def __init__(self, execute: Execute, limits: Limits) -> None:
        # those that run by themselves wait here rather than in the pool, where there may be no room for so many
        semaphore = asyncio.Semaphore(limits.max_size)
        turn = asyncio.Lock()
        self._lines = {name: _Line(name, execute, limits, turn, semaphore) for name in FORMS}

    async def run(self, query: Query, row: AsyncRowFactory[Any], values: Values) -> list[Any]:
        """The rows of one call of a query in FORMS; raises what driver and pool raise."""
        return await self._lines[query.name].run(row, values)


class _Call:
    """A call that waits: for its rows, or for None, which is that it runs by itself."""

    def __init__(self, row: AsyncRowFactory[Any], values: Values, form: Form, timeout_seconds: float) -> None:
        loop = asyncio.get_running_loop()
        size = values[form.size]
        self.row = row
        self.values = values
        self.size: int = size if isinstance(size, int) else len(size or "")
        self.key: Hashable = self if form.order is None else values[form.order]
        self.future: asyncio.Future[list[Any] | None] = loop.create_future()
        self.deadline = loop.time() + timeout_seconds
        self.flight: _Flight | None = None

    def answer(self, rows: list[Any] | None) -> None:
        if not self.future.done():
            self.future.set_result(rows)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Flight:
    """The calls of one statement, and the task that runs it."""

    task: asyncio.Task[None]

    def __init__(self) -> None:
        self.calls: list[_Call] = []


@dataclass(slots=True)
class _Queue:
    """Calls of one key that run by themselves, one after the other."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    length: int = 0


class _Line:
    """The calls of one query: one statement of them at a time."""

    def __init__(
        self, name: str, execute: Execute, limits: Limits, turn: asyncio.Lock, semaphore: asyncio.Semaphore
    ) -> None:
        self._form = FORMS[name]
        self._execute = execute
        self._limits = limits
        self._turn = turn
        self._semaphore = semaphore
        plain, joined = queries.load(name), queries.load(self._form.joined)
        self._plain, self._joined = plain.statement, joined.statement
        self._lists = [
            (one, many, plain.parameters[one].type)
            for one, many in zip(plain.parameters, joined.parameters, strict=True)
        ]
        self._waiting: deque[_Call] = deque()
        self._is_busy = False
        # whether the last statement was of several calls: then the next is likely to be
        self._is_crowded = False
        self._timer: asyncio.TimerHandle | None = None
        self._apart: dict[Hashable, _Queue] = {}
        self._length_apart = 0

    async def run(self, row: AsyncRowFactory[Any], values: Values) -> list[Any]:
        call = _Call(row, values, self._form, self._limits.timeout_seconds)
        if not (self._is_busy or self._is_crowded or call.key in self._apart):
            self._is_busy = True
            try:
                return await self._execute(self._plain, row, values)
            finally:
                self._is_busy = False
                self._start()
        rows = await self._with_others(call)
        return await self._by_itself(call) if rows is None else rows

    async def _with_others(self, call: _Call) -> list[Any] | None:
        if len(self._waiting) >= self._limits.max_waiting * _CALLS_PER_CONNECTION:
            raise TooManyRequests
        self._waiting.append(call)
        self._watch()
        self._start()
        try:
            return await call.future
        except asyncio.CancelledError:
            # the statement goes on for the others; where nobody is left, it ends
            if call.flight and all(each.future.cancelled() for each in call.flight.calls):
                call.flight.task.cancel()
            if not call.future.cancelled():
                # it was answered at the same moment; an error that nobody takes would be logged
                call.future.exception()
            raise

    async def _by_itself(self, call: _Call) -> list[Any]:
        queue = self._apart.setdefault(call.key, _Queue())
        queue.length += 1
        self._length_apart += 1
        try:
            async with asyncio.timeout(self._limits.timeout_seconds) as patience, queue.turn, self._semaphore:
                patience.reschedule(None)
                return await self._execute(self._plain, call.row, call.values)
        except TimeoutError as error:
            raise PoolTimeout from error
        finally:
            queue.length -= 1
            self._length_apart -= 1
            if not queue.length:
                del self._apart[call.key]
            self._start()

    def _watch(self) -> None:
        # one clock for the line: one for each call would cost more than its turn
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._waiting[0].deadline, self._expire)

    def _start(self) -> None:
        if self._waiting and not self._is_busy and self._length_apart < _MOST_APART:
            self._is_busy = True
            flight = _Flight()
            flight.task = asyncio.create_task(self._fly(flight))

    async def _fly(self, flight: _Flight) -> None:
        try:
            async with self._taken_turn():
                self._board(flight)
                if flight.calls:
                    await self._settle(flight.calls)
        finally:
            self._is_crowded = len(flight.calls) > 1
            self._is_busy = False
            self._start()

    @asynccontextmanager
    async def _taken_turn(self) -> AsyncIterator[None]:
        """The database's lines take turns, but a statement that takes long keeps the others for a moment only."""
        is_mine = False
        with suppress(TimeoutError):
            async with asyncio.timeout(_TURN_SECONDS):
                is_mine = await self._turn.acquire()
        try:
            yield
        finally:
            if is_mine:
                self._turn.release()

    def _board(self, flight: _Flight) -> None:
        """Takes as many of those who wait as go into one statement, in their order."""
        size = 0
        while self._waiting and len(flight.calls) < _MOST_CALLS:
            call = self._waiting[0]
            size += call.size
            if flight.calls and size > self._form.most:
                break
            self._waiting.popleft()
            if call.key in self._apart:
                call.answer(None)
            elif not call.future.done():
                call.flight = flight
                flight.calls.append(call)

    async def _settle(self, calls: list[_Call]) -> None:
        try:
            answers = await self._answers(calls)
        except psycopg.Error as error:
            is_everybodys = is_lost(error) or isinstance(error, (PoolClosed, PoolTimeout, TooManyRequests))
            for call in calls:
                if is_everybodys or len(calls) == 1:
                    call.fail(error)
                else:
                    call.answer(None)
        except Exception as error:  # noqa: BLE001 - each caller raises it
            for call in calls:
                call.fail(error)
        else:
            for call, rows in zip(calls, answers, strict=True):
                call.answer(rows)

    async def _answers(self, calls: list[_Call]) -> list[list[Any] | None]:
        """Each call's rows, or None where it is to run by itself."""
        row = calls[0].row
        if len(calls) == 1:
            return [await self._execute(self._plain, row, calls[0].values)]
        lists = {many: queries.array((call.values[one] for call in calls), kind) for one, many, kind in self._lists}
        answers: list[list[Any]] = [[] for _ in calls]
        await self._execute(self._joined, _dealt(row, answers), lists)
        return [rows or (None if self._form.order else rows) for rows in answers]

    def _expire(self) -> None:
        """Ends the calls that waited for too long, and comes back for the next one."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0].deadline <= now:
            self._waiting.popleft().fail(PoolTimeout())
        self._watch()


def _dealt(row: AsyncRowFactory[Any], answers: list[list[Any]]) -> AsyncRowFactory[None]:
    """Puts each row to those of its call, whose place is the last column."""

    def deal(cursor: psycopg.AsyncCursor[Any]) -> RowMaker[None]:
        make = row(cursor)
        return lambda values: answers[values[-1] - 1].append(make(values[:-1]))

    return deal
