"""A connection that is given up where the server does not answer, and that shows when the server hung up."""

import asyncio
import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import waiting
from psycopg.abc import PQGen
from psycopg.generators import copy_end
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

PATIENCE_SECONDS: Final = 0.3
"""What a cancelled call still grants the server: a living one needs milliseconds, a frozen one never answers."""

# how often psycopg looks whether it is to stop
_INTERVAL_SECONDS: Final = 0.1

T = TypeVar("T")


class Connection(psycopg.AsyncConnection[TupleRow]):
    """psycopg's, but that a cancelled call ends in time: by itself it waits 10 s for a server that is frozen."""

    opened_at = 0.0
    _is_leaving = False

    @classmethod
    async def connect(  # type: ignore[override] # psycopg's takes any word for libpq
        cls, conninfo: str = "", *, report: Callable[[psycopg.Error], None] = lambda _: None, **kwargs: Any
    ) -> Self:
        """As psycopg's; `report` is told why there is no connection."""
        try:
            connection = await super().connect(conninfo, **kwargs)
        except psycopg.Error as error:
            report(error)
            raise
        connection.opened_at = monotonic()
        return connection

    def is_hung_up(self) -> bool:
        """Whether the server said something while nothing was asked: a goodbye. One system call, no round trip."""
        if not hasattr(select, "poll"):  # Windows
            return bool(select.select([self], [], [], 0)[0])
        poll = select.poll()
        poll.register(self, select.POLLIN)
        return bool(poll.poll(0))

    @asynccontextmanager
    async def transaction(
        self,
        savepoint_name: str | None = None,
        force_rollback: bool = False,  # noqa: FBT001, FBT002 - psycopg's
    ) -> AsyncIterator[psycopg.AsyncTransaction]:
        """As psycopg's; the rollback of a cancelled block is waited for as long as a cancelled call is."""
        try:
            async with super().transaction(savepoint_name, force_rollback) as transaction:
                try:
                    yield transaction
                except asyncio.CancelledError:
                    self._is_leaving = True
                    raise
        finally:
            self._is_leaving = False

    async def wait(
        self,
        gen: PQGen[T],
        interval: float = _INTERVAL_SECONDS,
        timeout: float | None = None,  # noqa: ASYNC109 - psycopg's
    ) -> T:
        """As psycopg's; a connection whose server does not end a cancelled call in time is closed."""
        if self._is_leaving:
            return await self._leave(gen)
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, interval, timeout)
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                await self._interrupt(gen)
            raise

    @asynccontextmanager
    async def copy(self, statement: bytes) -> AsyncIterator[psycopg.AsyncCopy]:
        """As `copy` of psycopg's cursors, but that a COPY is ended whose caller was cancelled as it began."""
        try:
            async with self.cursor().copy(statement) as copy:
                yield copy
        except asyncio.CancelledError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                await self._interrupt(copy_end(self.pgconn, b"cancelled"))
            raise

    async def _interrupt(self, gen: PQGen[Any]) -> None:
        deadline = monotonic() + PATIENCE_SECONDS
        try:
            await self.cancel_safe(timeout=PATIENCE_SECONDS)
            await waiting.wait_async(gen, self.pgconn.socket, _INTERVAL_SECONDS, deadline - monotonic())
        except psycopg.errors.QueryCanceled:
            return
        except BaseException as error:
            await self.close()
            # cancelled once more: that goes on, an error yields to the first
            if not isinstance(error, Exception):
                raise

    async def _leave(self, gen: PQGen[T]) -> T:
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, _INTERVAL_SECONDS, PATIENCE_SECONDS)
        except (psycopg.Error, asyncio.CancelledError) as error:
            await self.close()
            raise asyncio.CancelledError from error
