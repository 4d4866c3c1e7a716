"""Rows of users and chats that are kept for a moment, until another process changes them."""

import asyncio
import logging
import math
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Final, Literal

import psycopg

from botcore import pool, queries
from botcore.connection import Connection
from botcore.errors import BotcoreError, Unavailable

CHANNEL: Final = "botcore_changes"
"""What the triggers of users and chats notify: a table and botcore's id, or a table that was emptied."""

QUERIES: Final = {"users/get": "users", "users/find": "users", "chats/get": "chats", "chats/find": "chats"}
"""What is kept, and of which table its rows are."""

_MOST_ROWS: Final = 10_000
_BEAT_SECONDS: Final = 1.0
# what was committed longer ago than this was heard, or nothing is given: half a beat more than two in a row may take
_LEASE_SECONDS: Final = 2.5
# how often the connections that are read by are asked whether they lead where this one hears
_SAYING_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)

Outcome = Literal["hit", "miss", "off"]
"""Of a read: it was there, it was not, or the cache does not hear."""

Key = tuple[object, ...]
Load = Callable[[], Awaitable[list[Any]]]


class Cache:
    """At most 10,000 rows, each for `ttl_seconds` at most; nothing while it does not hear what is changed.

    `count` is told of each read, by its query.
    """

    def __init__(self, ttl_seconds: float, count: Callable[[str, Outcome], None] | None = None) -> None:
        self._ttl_seconds = ttl_seconds
        self._count = count or (lambda *_: None)
        # oldest first, which are also those that end first
        self._rows: dict[Key, tuple[str, float, list[Any]]] = {}
        self._keys = defaultdict[str, set[Key]](set)
        self._loading: dict[Key, asyncio.Future[list[Any]]] = {}
        self._hears_until = 0.0
        self._saying = self._complaint = ""

    async def rows(self, name: str, values: Mapping[str, Any], load: Load) -> list[Any]:
        """The rows of a query: kept ones, or those that are loaded, once for all who ask meanwhile."""
        key = (name, *values.values())
        while monotonic() < self._hears_until:
            kept = self._rows.get(key)
            if kept and monotonic() < kept[1]:
                self._count(name, "hit")
                return kept[2]
            if not (loading := self._loading.get(key)):
                self._count(name, "miss")
                return await self._load(key, load)
            # not cancelled with the one who waits
            await asyncio.wait({loading})
            if not loading.cancelled():
                self._count(name, "hit")
                return loading.result()
        self._count(name, "off")
        return await load()

    async def follow(self, url: str, say: Callable[[str], Awaitable[object]]) -> None:
        """Hears of changes until it is cancelled, by a connection of its own that comes back after every loss.

        `say` notifies by the connections that are read by, in the database where the triggers are: what is heard of
        that is what makes the cache give anything.
        """
        while True:
            try:
                async with _connected(url) as connection:
                    await self._hear(connection, say)
            except (psycopg.Error, BotcoreError, TimeoutError) as error:
                self._complain(error)
            finally:
                self._hears_until = 0.0
                self.forget()
            await asyncio.sleep(_RETRY_SECONDS)

    def forget(self) -> None:
        """Drops everything, and has nothing kept that is being loaded."""
        self._rows.clear()
        self._keys.clear()
        self._loading.clear()

    def heard(self, payload: str) -> None:
        """Drops the row that was changed."""
        if payload == self._saying:
            self._saying = ""
        elif " " not in payload:
            self.forget()
        else:
            # whose row that is which is being loaded is not known yet
            self._loading.clear()
            for key in self._keys.pop(payload, ()):
                del self._rows[key]

    async def _hear(self, connection: Connection, say: Callable[[str], Awaitable[object]]) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        heard_at = -math.inf
        while True:
            heard_at = await self._say(say, heard_at)
            began = monotonic()
            async with asyncio.timeout(_BEAT_SECONDS):
                asked = await connection.execute(queries.load("database/connect_cached_triggers").statement)
                [fires] = await asked.fetchone() or [False]
            if not fires:
                raise Unavailable("the triggers that tell of changes are missing, or not enabled always")
            # what was committed before is here by now
            await self._take(connection, 0.0)
            if self._saying:
                raise Unavailable("what is notified is not heard: DATABASE_DIRECT_URL leads elsewhere")
            self._hears_until, self._complaint = began + _LEASE_SECONDS, ""
            await self._take(connection, _BEAT_SECONDS)

    async def _say(self, say: Callable[[str], Awaitable[object]], heard_at: float) -> float:
        """Says something that must be heard next, where it is time to; gives when that was done last."""
        now = monotonic()
        if now - heard_at < _SAYING_SECONDS:
            return heard_at
        self._saying = saying = f"listening {secrets.token_hex(8)}"
        try:
            async with asyncio.timeout(_BEAT_SECONDS):
                await say(saying)
        except (BotcoreError, TimeoutError):
            # the pool is busy, say: then reading even more by it helps nobody
            if now - heard_at >= 2 * _SAYING_SECONDS:
                raise
            self._saying = ""
            return heard_at
        return now

    async def _take(self, connection: Connection, seconds: float) -> None:
        async for notify in connection.notifies(timeout=seconds):
            self.heard(notify.payload)

    async def _load(self, key: Key, load: Load) -> list[Any]:
        loading = self._loading[key] = asyncio.get_running_loop().create_future()
        began = monotonic()
        try:
            rows = await load()
        except Exception as error:
            loading.set_exception(error)
            # whether anybody else waits for it or not
            loading.exception()
            raise
        except BaseException:
            loading.cancel()
            raise
        else:
            loading.set_result(rows)
            # otherwise something was changed meanwhile
            if rows and self._loading.get(key) is loading:
                self._keep(key, began + self._ttl_seconds, rows)
            return rows
        finally:
            if self._loading.get(key) is loading:
                del self._loading[key]

    def _keep(self, key: Key, until: float, rows: list[Any]) -> None:
        if key in self._rows:
            self._drop(key)
        while len(self._rows) >= _MOST_ROWS:
            self._drop(next(iter(self._rows)))
        row = f"{QUERIES[str(key[0])]} {rows[0].id}"
        self._rows[key] = (row, until, rows)
        self._keys[row].add(key)

    def _drop(self, key: Key) -> None:
        row, _, _ = self._rows.pop(key)
        self._keys[row].discard(key)
        if not self._keys[row]:
            del self._keys[row]

    def _complain(self, error: Exception) -> None:
        # the class only: a driver's text can quote anything
        reason = error.reason if isinstance(error, Unavailable) else type(error).__name__
        if reason != self._complaint:
            _log.warning("nothing is cached for now", extra={"reason": reason})
        self._complaint = reason


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await pool.connect(url)
    try:
        yield connection
    finally:
        # not by its own context, which would end a transaction and wait for the server
        await connection.close()
