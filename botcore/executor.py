"""Runs a query on a connection of the pool or of a transaction: checks, times and translates its errors."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from time import perf_counter
from typing import Any, TypeVar

import psycopg
from psycopg.rows import AsyncRowFactory, TupleRow

from botcore import inputs, queries
from botcore.errors import from_psycopg

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
                yield Executor(lambda: nullcontext(connection))
        except psycopg.Error as error:
            raise from_psycopg(error, "transaction") from error
