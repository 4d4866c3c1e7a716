"""Runs a query on a connection of the pool or of a transaction: checks, times and translates its errors."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from functools import wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import psycopg
from psycopg.rows import AsyncRowFactory
from psycopg.transaction import OutOfOrderTransactionNesting

from botcore import batching, caching, inputs, queries, tracing
from botcore.connection import Connection
from botcore.errors import Unavailable, from_psycopg, is_lost
from botcore.joins import Limits
from botcore.queries import Query

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from botcore.metrics import Metrics

Row = TypeVar("Row")
Result = TypeVar("Result")
P = ParamSpec("P")

_log = logging.getLogger("botcore.queries")
_OPEN_INSIDE: Final = (
    "a transaction or a stream inside of this one is open: call that one, or close the stream by contextlib.aclosing"
)
# of a stream at a time; messages of 4,096 characters are some MB then
_FETCHED_ROWS: Final = 1_000
# Holds what people wrote: silent, whatever the root's level, until somebody sets this logger's own
_sql_log = logging.getLogger("botcore.sql")
_sql_log.setLevel(logging.CRITICAL)


class Executor:
    """What every repository runs its queries through; `connect` gives a connection for one query or block.

    With `joining` concurrent calls of the queries in `joins.FORMS` are one statement; in a transaction none is. What
    removes rows for good goes through the executor's `eraser`, which is itself unless another one is given, and
    what has to see each commit on its own through its `primary`, of which transactions and standbys have another.
    `metrics` and `tracer` are told of each call.
    """

    def __init__(
        self,
        connect: Callable[[], AbstractAsyncContextManager[Connection]],
        *,
        in_transaction: bool = False,
        joining: Limits | None = None,
        metrics: "Metrics | None" = None,
        tracer: "Tracer | None" = None,
        eraser: "Executor | None" = None,
        primary: "Executor | None" = None,
    ) -> None:
        self.eraser = eraser or self
        self.primary = primary or self
        self._connect = connect
        self._in_transaction = in_transaction
        self._metrics = metrics
        self._tracer = tracer
        self._lines = batching.lines(self._execute, joining) if joining else {}
        self.cache: caching.Cache | None = None

    def over(self, connect: Callable[[], AbstractAsyncContextManager[Connection]]) -> "Executor":
        """An executor over other connections that tells the same metrics and tracer."""
        return Executor(connect, metrics=self._metrics, tracer=self._tracer, primary=self.primary)

    def cached(self, cache: caching.Cache) -> "Executor":
        """An executor over the same connections whose `kept` is from the cache."""
        executor = copy(self)
        executor.cache = cache
        return executor

    async def all(self, name: str, row: AsyncRowFactory[Row], /, **values: Any) -> list[Row]:
        """All rows of the query `sql/<name>.sql`; one that only reads is asked again where its connection was lost.

        Any is, once, that a concurrent change undid by 40001. Raises InvalidInput before the server is asked, and what
        `from_psycopg` makes of the driver's errors.
        """
        query = queries.load(name)
        inputs.check(query, values)
        if _sql_log.isEnabledFor(logging.DEBUG):
            _sql_log.debug(queries.paste(query, values))
        return await self._observed(name, self._call(query, row, values))

    async def one(self, name: str, row: AsyncRowFactory[Row], /, **values: Any) -> Row | None:
        """The only row of the query, or None; raises as `all` does."""
        return next(iter(await self.all(name, row, **values)), None)

    async def kept(self, name: str, row: AsyncRowFactory[Row], /, **values: Any) -> Row | None:
        """As `one`, from the cache where there is one, for a query of `caching.QUERIES`: what is given may be old."""
        if self.cache is None:
            return await self.one(name, row, **values)
        # before it is a key: True is 1 there
        inputs.check(queries.load(name), values)
        return next(iter(await self.cache.rows(name, values, lambda: self.all(name, row, **values))), None)

    async def copy(
        self, name: str, statement: bytes, /, types: Sequence[str], rows: Iterable[Sequence[object]]
    ) -> None:
        """Sends the rows by a binary COPY FROM STDIN, unchecked; raises what `from_psycopg` makes of errors."""
        await self._observed(name, self._copy(name, statement, types, rows))

    async def stream(self, name: str, row: AsyncRowFactory[Row], /, **values: Any) -> AsyncGenerator[list[Row], None]:
        """The query's rows by a cursor of the server, some at a time: as they were when it began, in flat memory.

        It holds a connection in a transaction until its end, so close it where it is left before. Raises as `all` does.
        """
        query = queries.load(name)
        inputs.check(query, values)
        async with self.transaction() as transaction, transaction._connect() as connection:  # noqa: SLF001 - its own
            try:
                async with connection.cursor("stream", row_factory=row) as cursor:
                    await self._observed(name, cursor.execute(query.statement, values, binary=True))
                    while rows := await cursor.fetchmany(_FETCHED_ROWS):
                        yield rows
            except psycopg.Error as error:
                raise from_psycopg(error, name, is_undone=True) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Executor"]:
        """An executor whose queries are one transaction; inside of one already, a savepoint."""
        is_undone = True
        try:
            async with self._connect() as connection, connection.transaction():
                turns = _Turns(connection)
                try:
                    yield Executor(
                        turns.take,
                        in_transaction=True,
                        metrics=self._metrics,
                        tracer=self._tracer,
                        primary=self.primary,
                    )
                finally:
                    turns.over = True
                # what comes now is COMMIT, and whether that was heard nobody knows
                is_undone = self._in_transaction
        except psycopg.Error as error:
            if self._metrics is not None:
                self._metrics.failed("transaction", error)
            if isinstance(error, OutOfOrderTransactionNesting):
                raise Unavailable(_OPEN_INSIDE) from error
            raise from_psycopg(error, "transaction", is_undone=is_undone) from error

    def _observed(self, name: str, call: Coroutine[Any, Any, Result]) -> Coroutine[Any, Any, Result]:
        if self._tracer is not None:
            call = tracing.call(self._tracer, name, call)
        return call if self._metrics is None else self._metrics.call(name, call)

    async def _call(self, query: Query, row: AsyncRowFactory[Row], values: Mapping[str, Any]) -> list[Row]:
        started = perf_counter()
        try:
            try:
                return await self._run(query, row, values)
            except psycopg.OperationalError as error:
                # a row that moved into another partition, or a standby's conflict: nothing stays of the statement
                may_be_asked_again = error.sqlstate == "40001" or (query.only_reads and is_lost(error))
                if self._in_transaction or not may_be_asked_again:
                    raise
                return await self._run(query, row, values)
        except psycopg.Error as error:
            raise from_psycopg(error, query.name, is_undone=self._in_transaction or query.only_reads) from error
        finally:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("query", extra={"query": query.name, "milliseconds": (perf_counter() - started) * 1e3})

    async def _copy(self, name: str, statement: bytes, types: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        started = perf_counter()
        try:
            async with self._connect() as connection, connection.copy(statement) as copy:
                copy.set_types(types)
                for row in rows:
                    await copy.write_row(row)
        except psycopg.Error as error:
            raise from_psycopg(error, name, is_undone=self._in_transaction) from error
        finally:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("copy", extra={"query": name, "milliseconds": (perf_counter() - started) * 1e3})

    async def _run(self, query: Query, row: AsyncRowFactory[Row], values: Mapping[str, Any]) -> list[Row]:
        if line := self._lines.get(query.name):
            return await line.run(row, values)
        return await self._execute(query, row, values)

    async def _execute(
        self, query: Query, row: AsyncRowFactory[Row], values: Mapping[str, Any], calls: int = 1
    ) -> list[Row]:
        """The rows of one statement, which is for so many calls."""
        async with self._connect() as connection:
            answer = _ask(connection, query, row, values)
            return await (answer if self._metrics is None else self._metrics.statement(query.name, answer, calls))


async def _ask(connection: Connection, query: Query, row: AsyncRowFactory[Row], values: Mapping[str, Any]) -> list[Row]:
    cursor = connection.cursor(binary=True, row_factory=row)
    await cursor.execute(query.statement, values, prepare=True)
    # its `description` would make an object of each column
    return await cursor.fetchall() if cursor.pgresult and cursor.pgresult.nfields else []


def repeatable(
    key: str | None = None,
) -> Callable[[Callable[P, Awaitable[Row]]], Callable[P, Coroutine[Any, Any, Row]]]:
    """Marks a method that may happen twice and is then as once: it runs again where its connection was lost under it.

    With `key` only a call that has this argument, by which the row is found again.
    """

    def decorate(method: Callable[P, Awaitable[Row]]) -> Callable[P, Coroutine[Any, Any, Row]]:
        @wraps(method)
        async def run(*args: P.args, **kwargs: P.kwargs) -> Row:
            try:
                return await method(*args, **kwargs)
            except Unavailable as error:
                if not is_lost(error.__cause__) or (key and not kwargs.get(key)):
                    raise
            try:
                return await method(*args, **kwargs)
            except Unavailable as error:
                if not is_lost(error.__cause__):
                    raise
                raise Unavailable(error.reason, retry_is_safe=True, sqlstate=error.sqlstate) from error.__cause__

        return run

    return decorate


class _Turns:
    """A transaction's connection for one call or savepoint at a time, and for none after the end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._free = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None
        self.over = False

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Connection]:
        self._check()
        if self._holder is not None and self._holder is asyncio.current_task():
            raise Unavailable(_OPEN_INSIDE)
        async with self._free:
            # it may have been undone meanwhile, and the connection be somebody else's
            self._check()
            self._holder = asyncio.current_task()
            try:
                yield self._connection
            finally:
                self._holder = None

    def _check(self) -> None:
        if self.over:
            raise Unavailable("the transaction has ended: call the database itself")
