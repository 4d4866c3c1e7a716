"""Runs a query on a connection of the pool or of a transaction: checks, times and translates its errors."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import perf_counter
from typing import Any, TypeVar

import psycopg
from psycopg.rows import AsyncRowFactory, TupleRow

from botcore import inputs, queries
from botcore.errors import Unavailable, from_psycopg

Row = TypeVar("Row")
Connection = psycopg.AsyncConnection[TupleRow]

_log = logging.getLogger("botcore.queries")
# Holds what people wrote: silent, whatever the root's level, until somebody sets this logger's own
_sql_log = logging.getLogger("botcore.sql")
_sql_log.setLevel(logging.CRITICAL)


class Executor:
    """What every repository runs its queries through; `connect` gives a connection for one query or block."""

    def __init__(self, connect: Callable[[], AbstractAsyncContextManager[Connection]]) -> None:
        self._connect = connect

    async def all(self, name: str, row: AsyncRowFactory[Row], /, **values: Any) -> list[Row]:
        """All rows of the query `sql/<name>.sql`.

        Raises InvalidInput before the server is asked, and what `from_psycopg` makes of the driver's errors.
        """
        query = queries.load(name)
        inputs.check(query, values)
        if _sql_log.isEnabledFor(logging.DEBUG):
            _sql_log.debug(queries.paste(query, values))
        started = perf_counter()
        try:
            async with self._connect() as connection:
                cursor = connection.cursor(binary=True, row_factory=row)
                await cursor.execute(query.statement, values, prepare=True)
                return await cursor.fetchall()
        except psycopg.Error as error:
            raise from_psycopg(error, name) from error
        finally:
            _log.debug("query", extra={"query": name, "milliseconds": (perf_counter() - started) * 1e3})

    async def one(self, name: str, row: AsyncRowFactory[Row], /, **values: Any) -> Row | None:
        """The only row of the query, or None; raises as `all` does."""
        return next(iter(await self.all(name, row, **values)), None)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Executor"]:
        """An executor whose queries are one transaction; inside of one already, a savepoint."""
        try:
            async with self._connect() as connection, connection.transaction():
                turns = _Turns(connection)
                try:
                    yield Executor(turns.take)
                finally:
                    turns.over = True
        except psycopg.Error as error:
            raise from_psycopg(error, "transaction") from error


class _Turns:
    """A transaction's connection for one call or savepoint at a time, and for none after the end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._free = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None
        self.over = False

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Connection]:
        if self.over:
            raise Unavailable("the transaction has ended: call the database itself")
        if self._holder is not None and self._holder is asyncio.current_task():
            raise Unavailable("a transaction inside of this one is open: call that one")
        async with self._free:
            self._holder = asyncio.current_task()
            try:
                yield self._connection
            finally:
                self._holder = None
