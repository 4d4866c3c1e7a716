"""Reads from a standby, which may be behind, and from the primary while there is none."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from psycopg.rows import args_row, scalar_row
from psycopg_pool import PoolTimeout, TooManyRequests

from botcore.connection import Connection
from botcore.errors import BotcoreError, NotPermitted, Unavailable
from botcore.executor import Executor
from botcore.pool import Pool

# What a read waits for the standby's word, first by its pool, and for how long the others are spared that then
_PATIENCE_SECONDS: Final = 1.0
_POOL_SECONDS: Final = 0.4
_CONNECTION_SECONDS: Final = 0.8
_AVOIDED_SECONDS: Final = 5.0
# Who answered within this is there; a bound on the reads themselves would end those that are slow for a reason
_FRESH_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.01
# A question whose connection is dead is not waited for by those that come after it
_TURN_SECONDS: Final = 1.0
_BUSY: Final = (PoolTimeout, TooManyRequests)

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a server's log is, in bytes of that timeline; None where it has no such log."""

    timeline: int | None
    position: int | None


class Standby:
    """The standby's pool beside the primary's; `executor` is the primary's."""

    def __init__(self, standby: Pool, primary: Pool, executor: Executor) -> None:
        self._standby = standby
        self._primary = primary
        its_own = executor.over(standby.connection)
        self._end = Shared[Place](lambda: executor.one("database/caught_up", args_row(Place)))
        self._replayed = Shared[Place](lambda: its_own.one("database/caught_up_replayed", args_row(Place)))
        self._quickly = executor.over(lambda: standby.connection(_POOL_SECONDS))
        self._answered_at = self._avoided_until = 0.0
        self._was_gone = False
        self._asking: asyncio.Task[bool] | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One of the standby's, or of the primary's where the standby gives none or does not answer."""
        connection = await self._its_own()
        if connection is None:
            async with self._primary.connection() as connection:
                yield connection
            return
        try:
            yield connection
            self._answered_at = monotonic()
        finally:
            await self._standby.putconn(connection)

    async def has_caught_up(self, timeout_seconds: float) -> bool:
        """Whether the standby itself shows, in time, all that was committed on the primary before this call.

        Raises Unavailable where what should be the primary is a standby.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                end = await self._end.answer()
                if end.position is None:
                    reason = "database/caught_up: the server is a standby, after a failover connect again"
                    raise Unavailable(reason, retry_is_safe=True, sqlstate="25006")
                return await self._is_there() and await self._shows(end.timeline, end.position)
        except TimeoutError:
            return False

    async def close(self) -> None:
        """Ends what is under way."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    async def _shows(self, timeline: int | None, position: int) -> bool:
        """Returns once the standby is there, or does not follow that log at all."""
        try:
            while True:
                replayed = await self._replayed.answer()
                if replayed.timeline != timeline or replayed.position is None:
                    return False
                if replayed.position >= position:
                    self._answered_at = monotonic()
                    return True
                await asyncio.sleep(_LOOK_SECONDS)
        except (Unavailable, NotPermitted):
            return False

    async def _its_own(self) -> Connection | None:
        if not await self._is_there():
            return None
        try:
            return await self._standby.getconn(_CONNECTION_SECONDS)
        except _BUSY:
            return None
        except BotcoreError as error:
            self._avoid(error)
            return None

    async def _is_there(self) -> bool:
        """Whether it answered a moment ago, or does now: asked once for all who want to know at a time."""
        now = monotonic()
        if now < self._avoided_until:
            return False
        if self._was_gone:
            # whether it is back nobody waits for
            self._avoided_until = now + _AVOIDED_SECONDS
            self._ask()
            return False
        if now - self._answered_at < _FRESH_SECONDS:
            return True
        asking = self._ask()
        # not cancelled with the one who waits: those with the shortest patience would never find out
        await asyncio.wait({asking})
        return not asking.cancelled() and asking.result()

    def _ask(self) -> asyncio.Task[bool]:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._answers())
        return self._asking

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._hear()
        except (TimeoutError, BotcoreError) as error:
            self._avoid(error)
            return False
        self._answered_at, self._avoided_until, self._was_gone = monotonic(), 0.0, False
        return True

    async def _hear(self) -> None:
        """Returns when it has said something; a pool that has no connection left may be busy with one that is well."""
        try:
            await self._quickly.one("database/ping", scalar_row)
        except Unavailable as error:
            if not isinstance(error.__cause__, _BUSY):
                raise
            await self._standby.probe()

    def _avoid(self, error: Exception) -> None:
        if not self._was_gone:
            reason = str(error) if isinstance(error, BotcoreError) else "no answer in time"
            _log.warning("no standby for now, the primary is read", extra={"reason": reason})
        self._avoided_until, self._was_gone = monotonic() + _AVOIDED_SECONDS, True


class Shared(Generic[Answer]):
    """The answer to a question that is asked once for all who come before it is asked, one at a time.

    Who comes while it is under way waits for the next one: what is under way may have looked before they came. That is
    asked beside it where it takes longer than a second.
    """

    def __init__(self, ask: Callable[[], Awaitable[Any]]) -> None:
        self._ask = ask
        self._next: _Turn[Answer] | None = None
        self._under_way: asyncio.Task[Answer] | None = None

    async def answer(self) -> Answer:
        """What was found after this call; raises what the question raised."""
        if self._next is None:
            self._next = _Turn()
            self._next.task = asyncio.create_task(self._take(self._next))
            # an error that nobody waits for any more is nobody's
            self._next.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        turn = self._next
        turn.waiting += 1
        try:
            return await asyncio.shield(turn.task)
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                # nobody is left who wants to know, and whoever comes begins anew
                turn.task.cancel()
                self._pass(turn)

    async def _take(self, turn: "_Turn[Answer]") -> Answer:
        if self._under_way and not self._under_way.done():
            await asyncio.wait({self._under_way}, timeout=_TURN_SECONDS)
        self._pass(turn)
        self._under_way = turn.task
        answer: Answer = await self._ask()
        return answer

    def _pass(self, turn: "_Turn[Answer]") -> None:
        if self._next is turn:
            self._next = None


class _Turn(Generic[Answer]):
    task: asyncio.Task[Answer]
    waiting = 0
