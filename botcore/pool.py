"""Every setting of a connection and of the pool, each with its reason."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from time import monotonic
from types import coroutine
from typing import Any, Final, Literal, TypedDict, get_args

import psycopg
from psycopg.adapt import AdaptersMap
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from botcore import identity, queries, urls
from botcore.connection import Connection
from botcore.errors import UNPREPARED, InvalidInput, Unavailable
from botcore.outages import WrongPooler, unreachable

# An int goes as bigint whatever its value; by default one statement is prepared for smallint, int and bigint each.
# The text form comes last and wins, because a list of ints would go as smallint[] with the binary one alone.
ADAPTERS: Final = AdaptersMap(psycopg.adapters)
ADAPTERS.register_dumper(int, Int8BinaryDumper)
ADAPTERS.register_dumper(int, Int8Dumper)

Pooler = Literal["none", "session", "transaction", "transaction-unprepared"]
"""What stands in front of the server, by its kind of pooling; `transaction` knows prepared statements."""

Setting = Literal["DATABASE_URL", "DATABASE_REPLICA_URL", "DATABASE_ERASER_URL"]
"""Whose URL a pool is for."""

_NAMES: Final[dict[Setting, str]] = {
    "DATABASE_URL": "botcore",
    "DATABASE_REPLICA_URL": "botcore-replica",
    "DATABASE_ERASER_URL": "botcore-eraser",
}
"""What the pool is called in metrics and in logs."""

DEFAULTS: Final[dict[str, str | int]] = {
    # what pg_stat_activity shows
    "application_name": "botcore",
    # seconds for one address; libpq waits for ever by default
    "connect_timeout": 10,
    # an idle peer that vanished without a word is noticed in 30 s + 3 * 10 s rather than in two hours
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # milliseconds; one that vanished under a query, too, where the kernel would resend for a quarter of an hour
    "tcp_user_timeout": 60_000,
}

# PgBouncer lets everybody in at once, and then has them wait for a connection of its own
_SETTLE_SECONDS: Final = 5.0
# A server that stays read-only must not make the pool connect without end
_RENEWAL_PAUSE_SECONDS: Final = 1.0


async def connect(url: str) -> Connection:
    """One connection outside of any pool, in autocommit.

    Raises Unavailable with the true cause, which a pool would hide behind its timeout, and InvalidInput for a URL
    that cannot be read.
    """
    conninfo = urls.conninfo(url, **DEFAULTS)
    try:
        # nothing is prepared: it would not be asked again, and not every pooler bears it
        return await Connection.connect(conninfo, autocommit=True, context=ADAPTERS, prepare_threshold=None)
    except psycopg.Error as error:
        raise unreachable(conninfo, error) from error


def connect_sync(url: str, *, autocommit: bool = True, **defaults: str | int) -> psycopg.Connection[TupleRow]:
    """One blocking connection, as Alembic needs it; raises as `connect` does."""
    conninfo = urls.conninfo(url, **DEFAULTS, **defaults)
    try:
        return psycopg.connect(conninfo, autocommit=autocommit, context=ADAPTERS, prepare_threshold=None)
    except psycopg.Error as error:
        raise unreachable(conninfo, error) from error


class PoolSettings(TypedDict, total=False):
    """The arguments of `create` that a caller of `Database.connect` may give."""

    min_size: int
    max_size: int
    max_waiting: int
    timeout_seconds: float
    pooler: Pooler


class Pool(AsyncConnectionPool[Connection]):
    """psycopg's pool, which gives no connection that the server ended, and heals soon after an outage of any length.

    Who sets `waited` is told the seconds of each wait for a connection.
    """

    def __init__(self, conninfo: str, *, pooler: Pooler, setting: str, **settings: Any) -> None:
        # most calls are one statement: BEGIN and COMMIT would cost two round trips more
        self._options: dict[str, Any] = {"autocommit": True, "context": ADAPTERS, "report": self._report}
        if pooler == "transaction-unprepared":
            self._options["prepare_threshold"] = None
        super().__init__(
            conninfo, connection_class=Connection, kwargs=self._options, configure=self._configure, **settings
        )
        self._address = conninfo
        self._setting = setting
        self._pooler = pooler
        self.shares_sessions = pooler.startswith("transaction")
        self._failure: psycopg.Error | None = None
        self._renewed_at = 0.0
        self.waited: Callable[[float], object] | None = None

    async def probe(self, *, identify: bool = False) -> str | None:
        """One connection beside the pool, made and ended; raises Unavailable with the true cause, or InvalidInput.

        Gives on request which database it is, and None where the server does not tell.
        """
        try:
            async with await Connection.connect(self._address, **self._options) as connection:
                await self._configure(connection)
                async with asyncio.timeout(_SETTLE_SECONDS):
                    return await identity.of(connection) if identify else None
        except TimeoutError as error:
            raise unreachable(self._address, _timed_out(), self._setting) from error
        except psycopg.Error as error:
            raise unreachable(self._address, error, self._setting) from error

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - the pool's
        """A connection on which the server has not hung up; raises Unavailable with the cause where none can be made.

        psycopg's `check` asks the server each time, and after a restart it waits a second for each idle connection.
        """
        deadline = monotonic() + (self.timeout if timeout is None else timeout)
        task = asyncio.current_task()
        cancellations = task.cancelling() if task else 0
        while True:
            # The last used is the next given: a few hot sessions serve better than all of them in turn
            self._pool.rotate(1)
            try:
                connection = await super().getconn(deadline - monotonic())
            except PoolTimeout as error:
                raise self.overdue() from error
            # Python 3.11's asyncio.wait_for, which the pool waits by, swallows one that comes with the connection
            if task and task.cancelling() > cancellations:
                await self.putconn(connection)
                raise asyncio.CancelledError
            if not connection.is_hung_up():
                return connection
            await connection.close()
            await self.putconn(connection)

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncIterator[Connection]:  # noqa: ASYNC109 - the pool's
        """As psycopg's, which would also commit: in autocommit there is nothing to."""
        connection = await (self.getconn(timeout) if self.waited is None else self._timed(self.waited, timeout))
        try:
            yield connection
        except (psycopg.Error, Unavailable) as error:
            # it leads to a standby, and the others may: new ones can find the primary
            if error.sqlstate == "25006" and monotonic() - self._renewed_at > _RENEWAL_PAUSE_SECONDS:
                await self._renew()
            raise
        finally:
            await self.putconn(connection)

    async def putconn(self, connection: Connection) -> None:
        """Takes the connection back; where it was lost, those made before go too, once.

        They can be as dead and look alive, when whatever was between forgot them.
        """
        returning = super().putconn(connection)
        try:
            pending = returning.send(None)
        except StopIteration:
            pass  # it waited for nothing, as nearly always; a task would take as long as all the rest
        else:
            # it waits for a lock: cancelled there, the connection would be lost
            await asyncio.shield(_rest(returning, pending))
        if connection.broken and connection.opened_at > self._renewed_at:
            await self._renew()

    async def close(self, timeout: float = 0.5) -> None:  # noqa: ASYNC109 - the pool's
        """Closes the pool, at once but for a connection that is being made: a frozen server is not waited for."""
        await super().close(timeout)

    async def reconnect_failed(self) -> None:
        """Goes on as long as somebody waits: the pool would try again only when somebody else comes."""
        if self.get_stats()["requests_waiting"]:
            # with nobody served there is none to check; this makes it grow
            await self.check()

    def overdue(self) -> Exception:
        """What who waited for too long is told: why no connection can be made, where that is so."""
        return unreachable(self._address, self._failure, self._setting) if self._failure else PoolTimeout()

    async def _renew(self) -> None:
        """Replaces all connections; those that are out when they come back."""
        self._renewed_at = monotonic()
        await self.drain()

    async def _timed(self, waited: Callable[[float], object], timeout: float | None) -> Connection:  # noqa: ASYNC109
        started = monotonic()
        try:
            return await self.getconn(timeout)
        finally:
            waited(monotonic() - started)

    def _report(self, failure: psycopg.Error) -> None:
        self._failure = failure

    async def _configure(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(_SETTLE_SECONDS):
                await self._settle(connection)
        except BaseException as error:
            # the pool leaves it open; and what is raised holds it by its traceback
            await connection.close()
            if isinstance(error, TimeoutError):
                raise self._failed(_timed_out()) from None
            if isinstance(error, psycopg.Error):
                self._failed(error)
            raise
        self._failure = None

    def _failed(self, error: psycopg.Error) -> psycopg.Error:
        self._failure = type(error)(*error.args)
        return error

    async def _settle(self, connection: Connection) -> None:
        """Sets up the session, by a statement since PgBouncer refuses libpq's options, and sees who is in between."""
        statement = queries.load("database/connect_pooled" if self.shares_sessions else "database/connect").statement
        own = connection.info.backend_pid
        values = {"backend_pid": own if self.shares_sessions or self._pooler == "none" else 0}
        cursor = await connection.execute(statement, values, prepare=self._pooler == "transaction")
        [found] = await cursor.fetchone() or [None]
        if self._pooler == "none" and found != own:
            raise WrongPooler(
                "a pooler stands in front of the server: say session, transaction or transaction-unprepared"
            )
        if self._pooler == "transaction" and found:
            raise WrongPooler("no pooler stands in front of the server: say none" if found < 0 else UNPREPARED)


@coroutine
def _rest(started: Coroutine[Any, Any, None], pending: Any) -> Generator[Any, Any, None]:
    """What is left of a coroutine that waits for `pending`, as one that a task can run.

    It goes on in another task than it began in: right for what waits for locks and futures, as the pool does.
    """
    yield pending
    yield from started


def _timed_out() -> psycopg.Error:
    return psycopg.errors.ConnectionTimeout("timeout expired")


def create(
    url: str,
    *,
    min_size: int = 1,
    max_size: int = 10,
    max_waiting: int = 1_000,
    timeout_seconds: float = 10.0,
    pooler: Pooler = "none",
    setting: Setting = "DATABASE_URL",
) -> Pool:
    """A closed pool for this URL: at most `max_size` connections, `max_waiting` callers that wait for one.

    A caller beyond is refused at once, one that waited `timeout_seconds` then. `pooler` says what stands in front of
    the server; raises InvalidInput for another word, and for a URL that cannot be read as the setting that has it.
    """
    if pooler not in get_args(Pooler):
        raise InvalidInput("pooler", f"must be one of {', '.join(get_args(Pooler))}")
    return Pool(
        urls.conninfo(url, setting, **DEFAULTS),
        pooler=pooler,
        setting=setting,
        min_size=min_size,
        max_size=max_size,
        max_waiting=max_waiting,
        timeout=timeout_seconds,
        # Connections are replaced now and then, so that a server's memory for them and a stale DNS answer go
        max_lifetime=60 * 60.0,
        max_idle=10 * 60.0,
        # Attempts to connect begin anew after this. Their pauses double from 1 s on: with the default of five minutes a
        # caller could wait for two of them though the server is back
        reconnect_timeout=2.0,
        # opened by Database.connect inside the running loop
        open=False,
        name=_NAMES[setting],
    )
