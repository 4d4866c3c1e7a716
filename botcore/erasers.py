"""The connections by which people are erased, once it is known that they lead to the same database as the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botcore.connection import Connection
from botcore.errors import InvalidInput
from botcore.pool import Pool


class Erasers:
    """The erasers' pool beside the database's: else nobody would be erased here, and somebody elsewhere."""

    def __init__(self, erasers: Pool, database: Pool) -> None:
        self._erasers = erasers
        self._database = database
        self._free = asyncio.Lock()
        self._is_known = False

    async def probe(self) -> None:
        """Looks whether both lead to one database; raises InvalidInput where they do not, and as the pools' own."""
        found = {await each.probe(identify=True) for each in (self._database, self._erasers)}
        if None not in found and len(found) > 1:
            raise InvalidInput("DATABASE_ERASER_URL", "leads to another database than DATABASE_URL")
        self._is_known = True

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """As the pool's; raises as `probe` where nobody has looked yet."""
        if not self._is_known:
            await self._look()
        async with self._erasers.connection() as connection:
            yield connection

    async def _look(self) -> None:
        try:
            # one looks for all: each look is a connection to both, beside their pools
            async with asyncio.timeout(self._erasers.timeout), self._free:
                if not self._is_known:
                    await self.probe()
        except TimeoutError:
            raise self._erasers.overdue() from None
