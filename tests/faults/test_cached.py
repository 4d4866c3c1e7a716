"""A cache whose connection, server or writers fail: it gives nothing that was changed."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from botcore import Database, Metrics, User
from tests.conftest import Measured
from tests.faults.proxy import Proxy
from tests.faults.servers import Server
from tests.test_cached import counted, heard

KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE (query {}) AND datname = current_database() AND pid <> pg_backend_pid()
"""


async def named(database: Database, name: str) -> User:
    """Ada, by that name from now on."""
    return await database.users.get_or_create(telegram_user_id=7, first_name=name)


async def ada(database: Database) -> User | None:
    """Ada, from the cache."""
    return await database.cached.users.find(telegram_user_id=7)


async def seen_after(database: Database, user: User) -> float:
    """Seconds until the cache gives that, or what the database has."""
    started = time.monotonic()
    async with asyncio.timeout(10):
        while await ada(database) != user:  # noqa: ASYNC110 - as a caller does
            await asyncio.sleep(0.001)
    return time.monotonic() - started


@pytest.fixture
async def other(url: str) -> AsyncIterator[Database]:
    """Another process."""
    async with Database.connect(url) as opened:
        yield opened


@pytest.mark.fault("a row is changed while the cache reads it")
async def test_cached_row_that_is_changed_while_it_is_read(
    url: str, proxied_url: str, network: Proxy, other: Database
) -> None:
    """An answer that was on its way when the change was heard of is given to who asked, and not kept."""
    async with Database.connect(proxied_url, direct_url=url, cache_ttl_seconds=600, max_size=1) as database:
        await heard(database)
        old = await named(other, "Ada")
        # prepared: then it is one round trip
        assert await database.users.find(telegram_user_id=7) == old
        network.latency_seconds = 0.3
        reading = asyncio.create_task(ada(database))
        # the server has answered by now, and the answer is on its way
        await asyncio.sleep(0.45)
        new = await named(other, "Countess")
        found = await reading
        network.latency_seconds = 0.0

        assert (found, await ada(database)) == (old, new)


@pytest.mark.fault("what the cache hears by is killed, a writer is, the server is restarted or killed")
async def test_cached_row_after_a_loss(url: str, faulty: Server, measured: Measured) -> None:
    """A change right after it is seen within a second; what a killed writer left is not; then rows are kept again."""

    def loses_its_ear() -> None:
        assert faulty.execute(KILL.format("LIKE 'LISTEN%' OR query LIKE 'SELECT count(*) = 4%'"), database) == [(True,)]

    def loses_a_writer() -> None:
        with psycopg.connect(url) as writer:
            writer.execute("UPDATE users SET first_name = 'Nobody'")
            faulty.execute(KILL.format("LIKE 'UPDATE users%'"), database)
            with pytest.raises(psycopg.OperationalError):
                writer.commit()

    def restarts() -> None:
        faulty.stop()
        faulty.start()

    def crashes() -> None:
        faulty.kill()
        faulty.start()

    database = url.partition("?")[0].rpartition("/")[2]
    async with Database.connect(url, cache_ttl_seconds=600, metrics=Metrics()) as caching:
        for number, loses in enumerate((loses_its_ear, loses_a_writer, restarts, crashes)):
            await heard(caching)
            old = await named(caching, f"Ada {number}")
            await seen_after(caching, old)
            await asyncio.to_thread(loses)
            assert await ada(caching) == old
            # a process of its own: its connections are none of those that were lost
            async with Database.connect(url) as other:
                new = await named(other, f"Ada {number}, Countess")
            took = await seen_after(caching, new)
            measured("seen after", took)
            assert took < 1
            await heard(caching)
            assert await ada(caching) == new

        hits = counted(caching)["hit"]
        await ada(caching)
        await ada(caching)
        assert counted(caching)["hit"] > hits


@pytest.mark.fault("what the cache hears by is a black hole")
async def test_cached_row_while_nothing_is_heard(
    url: str, proxied_url: str, network: Proxy, other: Database, measured: Measured
) -> None:
    """A connection that looks alive and brings nothing is noticed: no row is older than 2.5 s."""
    async with Database.connect(url, direct_url=proxied_url, cache_ttl_seconds=600, metrics=Metrics()) as database:
        await heard(database)
        await named(other, "Ada")
        assert await ada(database)
        network.flows.clear()

        new = await named(other, "Countess")
        took = await seen_after(database, new)

        assert took < 2.6
        for _ in range(20):
            assert await ada(database) == new
            await asyncio.sleep(0.05)
        network.flows.set()
        network.reset()
        await heard(database)
        assert await ada(database) == new
    measured("seen after", took)
