"""Reads from a standby, which may be behind, and from the primary while there is none."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from psycopg.rows import scalar_row
from psycopg_pool import PoolTimeout, TooManyRequests

from botcore.connection import Connection
from botcore.errors import BotcoreError, Unavailable
from botcore.executor import Executor
from botcore.pool import Pool

# What a read waits for the standby's first word, and for how long the others are spared that then
_PATIENCE_SECONDS: Final = 1.0
_CONNECTION_SECONDS: Final = 0.8
_AVOIDED_SECONDS: Final = 5.0
# Who answered within this is there; a bound on the reads themselves would end those that are slow for a reason
_FRESH_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.01

Answer = TypeVar("Answer")

_log = logging.getLogger(__name__)


class Standby:
    """The standby's pool beside the primary's; `executor` is the primary's."""

    def __init__(self, standby: Pool, primary: Pool, executor: Executor) -> None:
        self._standby = standby
        self._primary = primary
        its_own = executor.over(standby.connection)
        self._position = Shared[int | None](lambda: executor.one("database/caught_up", scalar_row))
        self._replayed = Shared[int](lambda: its_own.one("database/caught_up_replayed", scalar_row))
        self._quickly = executor.over(lambda: standby.connection(_CONNECTION_SECONDS))
        self._word = Shared[bool](self._ask)
        self._answered_at = self._avoided_until = 0.0
        self._was_gone = False
        self._returning: asyncio.Task[bool] | None = None

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
        position = await self._position.answer()
        if position is None:
            reason = "database/caught_up: the server is a standby, after a failover connect again"
            raise Unavailable(reason, retry_is_safe=True, sqlstate="25006")
        try:
            async with asyncio.timeout(timeout_seconds):
                if not await self._is_there():
                    return False
                while await self._replayed.answer() < position:  # noqa: ASYNC110 - the standby has no event for it
                    await asyncio.sleep(_LOOK_SECONDS)
        except (TimeoutError, Unavailable):
            return False
        self._answered_at = monotonic()
        return True

    async def close(self) -> None:
        """Ends what is under way."""
        if self._returning:
            self._returning.cancel()
            await asyncio.wait({self._returning})

    async def _its_own(self) -> Connection | None:
        if not await self._is_there():
            return None
        try:
            return await self._standby.getconn(_CONNECTION_SECONDS)
        except (BotcoreError, PoolTimeout, TooManyRequests) as error:
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
            self._returning = asyncio.create_task(self._ask())
            return False
        return now - self._answered_at < _FRESH_SECONDS or await self._word.answer()

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._quickly.one("database/ping", scalar_row)
        except (TimeoutError, BotcoreError) as error:
            self._avoid(error)
            return False
        self._answered_at, self._avoided_until, self._was_gone = monotonic(), 0.0, False
        return True

    def _avoid(self, error: Exception) -> None:
        if not self._was_gone:
            reason = str(error) if isinstance(error, BotcoreError) else "no answer or no connection in time"
            _log.warning("no standby for now, the primary is read", extra={"reason": reason})
        self._avoided_until, self._was_gone = monotonic() + _AVOIDED_SECONDS, True


class Shared(Generic[Answer]):
    """The answer to a question that is asked once for all who come before it is asked, one at a time.

    Who comes while it is under way waits for the next one: what is under way may have looked before they came.
    """

    def __init__(self, ask: Callable[[], Awaitable[Any]]) -> None:
        self._ask = ask
        self._free = asyncio.Lock()
        self._next: _Turn[Answer] | None = None

    async def answer(self) -> Answer:
        """What was found after this call; raises what the question raised."""
        if self._next is None:
            self._next = _Turn()
            self._next.task = asyncio.create_task(self._take(self._next))
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
        async with self._free:
            self._pass(turn)
            answer: Answer = await self._ask()
            return answer

    def _pass(self, turn: "_Turn[Answer]") -> None:
        if self._next is turn:
            self._next = None


class _Turn(Generic[Answer]):
    task: asyncio.Task[Answer]
    waiting = 0
