"""Concurrent calls of one query become one statement: what is called while it runs makes the next one.

Nobody waits for company: a call that comes alone runs at once, as its own statement and in its own task.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from typing import Any, Final
from weakref import WeakValueDictionary

import psycopg
from psycopg.rows import AsyncRowFactory
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from botcore import queries
from botcore.errors import is_lost
from botcore.joins import FORMS, Call, Flight, Limits, Values, dealt
from botcore.queries import Query

Execute = Callable[[Query, AsyncRowFactory[Any], Values, int], Awaitable[list[Any]]]
"""Gives the rows of one statement, which is for so many calls."""

_MOST_CALLS: Final = 128
# One connection serves many of them: so many wait here for each that may wait for a connection
_CALLS_PER_CONNECTION: Final = 20
# While so many run by themselves, the others wait
_MOST_APART: Final = 1_000
# A statement has costs of its own, so few go at a time, of many calls each: the server has one of two in hand while the
# other's callers go on. One that takes longer than this is not waited for
_AT_ONCE: Final = 2
_TURN_SECONDS: Final = 0.05
# Where so many wait a second statement is worth it
_FEW: Final = 8
# SQLSTATE classes of what is no call's fault: the transaction's state, such as read-only, and full disks
_EVERYBODYS: Final = ("25", "53")
_ALONE: Final = None
"""The answer to a call that the statement of many did not settle: it runs by itself."""


def lines(execute: Execute, limits: Limits) -> "dict[str, Line]":
    """The lines of one database's calls, by the name of the query: each that joins has one."""
    turn = asyncio.Semaphore(min(_AT_ONCE, limits.max_size))
    # those that run by themselves wait here rather than in the pool, where there may be no room for so many
    alone = asyncio.Semaphore(limits.max_size)
    return {name: Line(name, execute, limits, turn, alone) for name in FORMS}


class Line:
    """The calls of one query: two statements of them at a time, of those that do not take long."""

    def __init__(
        self, name: str, execute: Execute, limits: Limits, turn: asyncio.Semaphore, alone: asyncio.Semaphore
    ) -> None:
        self._form = FORMS[name]
        self._execute = execute
        self._limits = limits
        self._turn = turn
        self._alone = alone
        self._plain = plain = queries.load(name)
        self._joined = joined = queries.load(self._form.joined)
        self._lists = [
            (one, many, plain.parameters[one].type)
            for one, many in zip(plain.parameters, joined.parameters, strict=True)
        ]
        self._waiting: deque[Call] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._flights = 0
        # of them those that the others wait for, and whether one is still to take aboard who waits
        self._ahead = 0
        self._is_boarding = False
        # the last that its caller runs by itself: it needs a clock only when somebody comes
        self._single: Flight | None = None
        # whether the last statement was of several calls: then the next is likely to be
        self._is_crowded = False
        # how many calls of a key are not settled, of those that no longer wait: the key's others stay in line
        self._taken: Counter[Any] = Counter()
        self._locks: WeakValueDictionary[Any, asyncio.Lock] = WeakValueDictionary()
        self._apart = 0

    async def run(self, row: AsyncRowFactory[Any], values: Values) -> list[Any]:
        """The rows of one call; raises what driver and pool raise."""
        key = values[self._form.order] if self._form.order else None
        if self._ahead or self._waiting or self._is_crowded or key in self._taken:
            call = Call(row, values, self._form, self._limits.timeout_seconds)
            rows = await self._with_others(call)
            return await self._by_itself(call) if rows is _ALONE else rows
        self._single = flight = self._departing()
        self._taken[key] += 1
        try:
            return await self._execute(self._plain, row, values, 1)
        finally:
            self._settled(key)
            self._arrive(flight)

    async def _with_others(self, call: Call) -> list[Any] | None:
        if 0 < self._limits.max_waiting * _CALLS_PER_CONNECTION <= len(self._waiting):
            raise TooManyRequests
        self._waiting.append(call)
        self._watch()
        if self._single and self._single.is_ahead and not self._single.clock:
            self._time(self._single)
        # who keeps it back starts the line
        if call.key is None or call.key not in self._taken:
            self._start()
        try:
            return await call.future
        except asyncio.CancelledError:
            self._leave(call)
            raise

    def _leave(self, call: Call) -> None:
        """The statement goes on for the others; where nobody is left, it ends."""
        flight = call.flight
        if flight and flight.task and all(each.future.cancelled() for each in flight.calls):
            flight.task.cancel()
        # answered at the same moment: it does not run by itself, and an error that nobody takes would be logged
        if not call.future.cancelled() and call.future.exception() is None and call.future.result() is _ALONE:
            self._settled(call.key)
            self._start()

    async def _by_itself(self, call: Call) -> list[Any]:
        # those of one key in their order
        lock = self._locks.setdefault(call.key if self._form.order else call, asyncio.Lock())
        self._apart += 1
        try:
            async with asyncio.timeout(self._limits.timeout_seconds) as patience, lock, self._alone:
                patience.reschedule(None)
                return await self._execute(self._plain, call.row, call.values, 1)
        except TimeoutError as error:
            raise self._limits.overdue() from error
        finally:
            self._apart -= 1
            self._settled(call.key)
            self._start()

    def _settled(self, key: Any) -> None:
        self._taken[key] -= 1
        if not self._taken[key]:
            del self._taken[key]

    def _may_start(self) -> bool:
        return self._ahead < _AT_ONCE and self._flights < self._limits.max_size and self._apart < _MOST_APART

    def _start(self) -> None:
        is_worth_it = len(self._waiting) >= (_FEW if self._ahead else 1)
        if is_worth_it and not self._is_boarding and self._may_start():
            self._is_boarding = True
            flight = self._departing()
            flight.task = asyncio.create_task(self._fly(flight))
            flight.task.add_done_callback(lambda _: self._cancelled(flight))

    def _cancelled(self, flight: Flight) -> None:
        """What `_fly` does at its end, where it was cancelled before it began."""
        if not flight.is_begun:
            self._is_boarding = False
            self._arrive(flight)

    async def _fly(self, flight: Flight) -> None:
        is_empty = False
        flight.is_begun = True
        try:
            try:
                # for a moment at most: who has the turn and takes long gives it up
                flight.has_turn = await self._turn.acquire()
                flight.began = asyncio.get_running_loop().time()
                self._board(flight)
            finally:
                self._is_boarding = False
            self._taken.update(call.key for call in flight.calls)
            self._time(flight)
            is_empty = not flight.calls
            if not is_empty:
                self._is_crowded = len(flight.calls) > 1
                self._start()
                await self._settle(flight.calls)
        finally:
            for call in flight.calls:
                # in a circle with it the rows would stay until the garbage collector comes
                call.flight = None
                if not call.future.done():  # the task was cancelled from outside: nobody knows what became of them
                    call.fail(psycopg.OperationalError("the task of the statement was cancelled"))
                if call.future.cancelled() or call.future.exception() or call.future.result() is not _ALONE:
                    self._settled(call.key)
            self._arrive(flight, is_empty=is_empty)

    def _departing(self) -> Flight:
        self._flights += 1
        self._ahead += 1
        return Flight(asyncio.get_running_loop().time())

    def _time(self, flight: Flight) -> None:
        flight.clock = asyncio.get_running_loop().call_at(flight.began + _TURN_SECONDS, self._let_pass, flight)

    def _arrive(self, flight: Flight, *, is_empty: bool = False) -> None:
        self._flights -= 1
        self._let_pass(flight, is_empty=is_empty)

    def _let_pass(self, flight: Flight, *, is_empty: bool = False) -> None:
        """Lets the next statement of this line go, and one of another line, if this one kept them back."""
        if flight.clock:
            flight.clock.cancel()
        if flight.has_turn:
            flight.has_turn = False
            self._turn.release()
        if flight.is_ahead:
            flight.is_ahead = False
            self._ahead -= 1
        # with nobody to take aboard, those who wait are kept back by somebody who starts the line
        if not is_empty:
            self._start()

    def _board(self, flight: Flight) -> None:
        """Takes as many of those who wait as go into one statement; of many one half, if the other can go with it."""
        waiting = len(self._waiting)
        is_half = waiting >= 2 * _FEW and self._may_start() and not self._turn.locked()
        if not is_half or self._take(flight, -(-waiting // 2)) < _FEW:
            self._take(flight, _MOST_CALLS)

    def _take(self, flight: Flight, most: int) -> int:
        """Takes them aboard in order, beyond `most` who would wait for somebody aboard; counts who else could go."""
        kept: list[Call] = []
        aboard = {call.key for call in flight.calls} - {None}
        size = sum(call.size for call in flight.calls)
        left = 0
        while self._waiting and len(flight.calls) < _MOST_CALLS:
            call = self._waiting.popleft()
            if call.future.done():
                continue
            if call.key is not None and call.key in self._taken:
                kept.append(call)
            elif len(flight.calls) >= most and call.key not in aboard:
                kept.append(call)
                left += 1
            elif flight.calls and size + call.size > self._form.most:
                kept.append(call)
                break
            else:
                size += call.size
                call.flight = flight
                flight.calls.append(call)
                if call.key is not None:
                    aboard.add(call.key)
        self._waiting.extendleft(reversed(kept))
        return left

    async def _settle(self, calls: list[Call]) -> None:
        try:
            answers = await self._answers(calls)
        except psycopg.Error as error:
            is_everybodys = (
                is_lost(error)
                or isinstance(error, (PoolClosed, PoolTimeout, TooManyRequests))
                or (error.sqlstate or "").startswith(_EVERYBODYS)
            )
            for call in calls:
                if is_everybodys or len(calls) == 1:
                    call.fail(error)
                else:
                    call.answer(_ALONE)
        except Exception as error:  # noqa: BLE001 - each caller raises it
            for call in calls:
                call.fail(error)
        else:
            for call, rows in zip(calls, answers, strict=True):
                call.answer(rows)

    async def _answers(self, calls: list[Call]) -> list[list[Any] | None]:
        row = calls[0].row
        if len(calls) == 1:
            return [await self._execute(self._plain, row, calls[0].values, 1)]
        lists = {many: queries.array((call.values[one] for call in calls), kind) for one, many, kind in self._lists}
        answers: list[list[Any]] = [[] for _ in calls]
        await self._execute(self._joined, dealt(row, answers), lists, len(calls))
        if self._form.order is None:
            return [*answers]
        return [rows or _ALONE for rows in answers]

    def _watch(self) -> None:
        # one clock for the line: one for each call would cost more than its turn
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_at(self._waiting[0].deadline, self._expire)

    def _expire(self) -> None:
        """Ends the calls that waited for too long, and comes back for the next one."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0].deadline <= now:
            self._waiting.popleft().fail(self._limits.overdue())
        self._watch()
