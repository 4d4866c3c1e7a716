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
        executor = Executor(self._standby.connection)
        try:
            async with asyncio.timeout(timeout_seconds):
                replayed = "database/caught_up_replayed"
                while not await executor.one(replayed, scalar_row, position=position):  # noqa: ASYNC110 - polled
                    await asyncio.sleep(_LOOK_SECONDS)
        except (TimeoutError, Unavailable):
            return False
        return True

    async def _its_own(self) -> Connection | None:
        if monotonic() < self._avoided_until:
            return None
        try:
            return await self._standby.getconn(_PATIENCE_SECONDS)
        except (BotcoreError, PoolTimeout, TooManyRequests) as error:
            self._avoided_until = monotonic() + _AVOIDED_SECONDS
            reason = str(error) if isinstance(error, BotcoreError) else "no connection came free in time"
            _log.warning("no standby for now, the primary is read", extra={"reason": reason})
            return None
