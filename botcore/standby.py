"""Reads from a standby, which may be behind, and from the primary while there is none."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

from psycopg.rows import scalar_row
from psycopg_pool import PoolTimeout, TooManyRequests

from botcore.connection import Connection
from botcore.errors import BotcoreError, Unavailable
from botcore.executor import Executor
from botcore.pool import Pool

# What a read waits for a connection to the standby, and for how long the others are spared that then
_PATIENCE_SECONDS: Final = 1.0
_AVOIDED_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.01

_log = logging.getLogger(__name__)


class Standby:
    """The standby's pool beside the primary's."""

    def __init__(self, standby: Pool, primary: Pool) -> None:
        self._standby = standby
        self._primary = primary
        self._avoided_until = 0.0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One of the standby's, or of the primary's where the standby gives none."""
        connection = await self._its_own()
        if connection is None:
            async with self._primary.connection() as connection:
                yield connection
            return
        try:
            yield connection
        finally:
            await self._standby.putconn(connection)

    async def has_caught_up(self, position: str, timeout_seconds: float) -> bool:
        """Whether the standby itself shows all up to this position of the primary's log, in time."""
        if monotonic() < self._avoided_until:
            return False
        executor, answered = Executor(self._standby.connection), False
        try:
            async with asyncio.timeout(timeout_seconds):
                while not await executor.one("database/caught_up_replayed", scalar_row, position=position):
                    answered = True
                    await asyncio.sleep(_LOOK_SECONDS)
        except (TimeoutError, Unavailable):
            if not answered:
                # gone or frozen; one that is merely behind is asked again
                self._avoided_until = monotonic() + _AVOIDED_SECONDS
            return False
        return True

    async def _its_own(self) -> Connection | None:
        if monotonic() < self._avoided_until:
            return None
        was_gone = self._avoided_until > 0
        if was_gone:
            # one looks whether it is back, the others need not wait for that
            self._avoided_until = monotonic() + _AVOIDED_SECONDS
        try:
            connection = await self._standby.getconn(_PATIENCE_SECONDS)
        except (BotcoreError, PoolTimeout, TooManyRequests) as error:
            self._avoided_until = monotonic() + _AVOIDED_SECONDS
            reason = str(error) if isinstance(error, BotcoreError) else "no connection came free in time"
            if not was_gone:
                _log.warning("no standby for now, the primary is read", extra={"reason": reason})
            return None
        self._avoided_until = 0.0
        return connection
