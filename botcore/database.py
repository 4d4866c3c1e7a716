"""The one object that a service opens."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Final, Self, Unpack

from psycopg.rows import scalar_row

from botcore import listening, pool, tracing
from botcore.caching import Cache
from botcore.chats import Chats
from botcore.erasers import Erasers
from botcore.errors import BotcoreError, Unavailable
from botcore.executor import Executor
from botcore.health import Checks, Health
from botcore.joins import Limits
from botcore.messages import Messages
from botcore.pool import PoolSettings
from botcore.preferences import Choices
from botcore.standby import Standby
from botcore.states import States
from botcore.stats import Stats
from botcore.throttles import Throttles
from botcore.updates import Updates
from botcore.usage import Usages
from botcore.users import Users

if TYPE_CHECKING:
    from botcore.metrics import Metrics

# connections of the eraser at most, none while nobody is erased
_ERASERS: Final = 2

_log = logging.getLogger(__name__)


class Transaction:
    """The repositories on one connection: all of their changes are committed together, or none."""

    users: Users
    chats: Chats
    messages: Messages
    updates: Updates
    states: States
    stats: Stats
    usage: Usages
    preferences: Choices
    throttles: Throttles

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.users = Users(executor)
        self.chats = Chats(executor)
        self.messages = Messages(executor)
        self.updates = Updates(executor)
        self.states = States(executor)
        self.stats = Stats(executor)
        self.usage = Usages(executor)
        self.preferences = Choices(executor)
        self.throttles = Throttles(executor)

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncIterator["Transaction"]:
        """The same repositories in one transaction; inside of one already, in a savepoint.

        With `read_only` the server refuses what would change something, whatever the role may: as Unavailable, which
        leaves the block as BotcoreError.
        Call neither Telegram nor a model inside: the connection and its locks would wait for them.
        """
        async with self._executor.transaction() as executor:
            if read_only:
                await executor.one("database/transaction_read_only", scalar_row)
            try:
                yield Transaction(executor)
            except Unavailable as error:
                if read_only and error.sqlstate == "25006":
                    # it is not the server that is: nobody has to look for another one
                    raise BotcoreError("this transaction only reads") from error
                raise


class Database(Transaction):
    """The repositories over a pool of connections: every call is a transaction of its own."""

    replica: Transaction
    """The same repositories on the standby of `replica_url`, for reads that may be behind; otherwise this itself.

    While the standby gives no connection they read from the primary.
    """

    cached: Transaction
    """The same repositories with `get` and `find` of users and chats from a cache, or this itself; see `connect`."""

    def __init__(
        self,
        executor: Executor,
        listen_url: str | None,
        standby: Standby | None,
        health: Health,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(executor)
        self.cached = Transaction(executor.cached(cache)) if cache else self
        self._listen_url = listen_url
        self._standby = standby
        self.replica = Transaction(executor.over(standby.connection)) if standby else self
        self._health = health

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        direct_url: str | None = None,
        replica_url: str | None = None,
        eraser_url: str | None = None,
        require_server: bool = True,
        join_calls: bool = True,
        cache_ttl_seconds: float = 0.0,
        metrics: "Metrics | None" = None,
        **settings: Unpack[PoolSettings],
    ) -> AsyncIterator[Self]:
        """Opens the pool and closes it at the end; `settings` are those of `botcore.pool.create`.

        Where a `pooler` is in front of the server, `direct_url` leads past it, for `listen`. `replica_url` leads to one
        standby, for `replica`; it need not be there.
        Raises Unavailable at once, with the cause, when no connection can be made or `pooler` is not what is there,
        and InvalidInput for a URL that cannot be read, or an `eraser_url` that leads to another database. With
        `require_server=False` it opens without a server: calls raise Unavailable, and work a second or two after the
        server does. With `join_calls=False` each call is a statement of its own, also where concurrent ones of a kind
        could be one. `metrics` has what the database does; where the program has set OpenTelemetry's tracer provider by
        now, each call is a span.
        With `cache_ttl_seconds` people and chats that are read through `cached` are kept for so long, or until they are
        changed by whomever, which is heard of as `listen` hears: while it is not, they are read from the database.
        With an `eraser_url` the calls `erase`, `erase_again` and `purge` of users, chats and messages, but for those
        inside of a transaction, go by that one, so that the first one's role need not be able to remove rows.
        """
        closed = pool.create(url, **settings)
        few: PoolSettings = {**settings, "min_size": 0, "max_size": _ERASERS}
        closed_erasers = pool.create(eraser_url, setting="DATABASE_ERASER_URL", **few) if eraser_url else None
        erasing = Erasers(closed_erasers, closed) if closed_erasers else None
        if require_server:
            await (erasing or closed).probe()
        async with (
            closed as opened,
            closed_erasers or nullcontext() as erasers,
            _opened(replica_url, settings) as replica,
        ):
            limits = Limits(opened.max_size, opened.max_waiting, opened.timeout, opened.overdue)
            tracer = tracing.tracer()
            eraser = Executor(erasing.connection, metrics=metrics, tracer=tracer) if erasing else None
            executor = Executor(
                opened.connection, joining=limits if join_calls else None, eraser=eraser, metrics=metrics, tracer=tracer
            )
            health = Health(opened, url)
            standby = Standby(replica, opened, executor) if replica else None
            listen_url = direct_url or (None if opened.shares_sessions else url)
            cache = Cache(cache_ttl_seconds, metrics.cached if metrics else None) if cache_ttl_seconds > 0 else None
            with ExitStack() as watched:
                for each in filter(None, (opened, replica, erasers)):
                    watched.enter_context(metrics.watch(each) if metrics else nullcontext())
                try:
                    async with _followed(cache, listen_url, executor):
                        yield cls(executor, listen_url, standby, health, cache)
                finally:
                    await health.close()
                    if standby:
                        await standby.close()

    async def ping(self) -> None:
        """One round trip to the server; raises Unavailable when there is no answer."""
        await self._executor.one("database/ping", scalar_row)

    async def health(self) -> Checks:
        """Whether the server takes writes (`database`), the `schema` is this code's, the `pool` has a connection left.

        Never raises, is told within a second whatever the server does, and may be a second old: ask as often as you
        like. `botcore.health.status` sums it up.
        """
        return await self._health.checks()

    async def server_version(self) -> str:
        """What the server calls itself, as `18.4 (Debian 18.4-1.pgdg12+1)`."""
        return str(await self._executor.one("database/server_version", scalar_row))

    async def caught_up(self, *, timeout_seconds: float = 1.0) -> Transaction:
        """The replica, once it shows all that was committed before this call; this itself where that takes longer."""
        if self._standby is None:
            return self
        return self.replica if await self._standby.has_caught_up(timeout_seconds) else self

    def listen(self, channel: str) -> AsyncGenerator[str, None]:
        """The payloads of NOTIFY on this channel, and '' whenever it listens anew: what was sent before is missed.

        It holds a connection of its own beside the pool's, comes back by itself after a loss, and ends when it is
        cancelled. Through a pooler of transactions nothing arrives but the first '', unless there is a `direct_url`:
        look for work now and then as well. Raises InvalidInput for a channel that is empty or beyond 63 bytes.
        """
        return listening.payloads(self._listen_url, channel)


@asynccontextmanager
async def _followed(cache: Cache | None, url: str | None, executor: Executor) -> AsyncIterator[None]:
    """Has the cache hear of changes for as long as the block runs."""
    if cache is None or url is None:
        if cache:
            _log.warning("nothing is cached: no notifications through this pooler, set DATABASE_DIRECT_URL")
        yield
        return
    say = partial(executor.one, "database/connect_cached", scalar_row)
    following = asyncio.create_task(cache.follow(url, lambda saying: say(saying=saying)))
    try:
        yield
    finally:
        following.cancel()
        await asyncio.wait({following})


def _opened(url: str | None, settings: PoolSettings) -> AbstractAsyncContextManager[pool.Pool | None]:
    return pool.create(url, setting="DATABASE_REPLICA_URL", **settings) if url else nullcontext()
