"""Too much at once, too slow, or cancelled: a named error, and afterwards a pool as it was."""

import asyncio
import gc
import time
import tracemalloc
from collections import Counter
from random import Random

import psycopg
import pytest

from botcore import Database, Transaction, Unavailable
from botcore.pool import Pool
from tests.conftest import Measured
from tests.factories import said
from tests.faults.servers import Server
from tests.faults.test_losses import BACKENDS


def pool_of(database: Database) -> Pool:
    """The pool behind a database."""
    return database._executor._connect.__self__  # type: ignore[attr-defined, no-any-return]


async def sleep(transaction: Transaction, seconds: float) -> None:
    """Keeps a transaction's connection at work."""
    async with transaction._executor._connect() as connection:
        await connection.execute("SELECT pg_sleep(%s)", [seconds])


@pytest.mark.fault("the pool is exhausted: 2 connections, 100 callers, slow queries")
async def test_exhausted_pool_refuses_quickly_and_keeps_no_memory(url: str, measured: Measured) -> None:
    """Who gets none in time is refused then and may try again, memory stays flat, and afterwards it works at once."""

    async def call(database: Database) -> str:
        try:
            async with database.transaction() as transaction:
                await sleep(transaction, 0.2)
        except Unavailable as error:
            return f"{error.reason}, {error.retry_is_safe}"
        return "served"

    async with Database.connect(url, max_size=2, timeout_seconds=0.1) as database:
        tracemalloc.start()
        started = time.monotonic()
        outcomes = Counter[str]()
        kept = []
        for _ in range(5):
            outcomes.update(await asyncio.gather(*(call(database) for _ in range(100))))
            gc.collect()
            kept.append(tracemalloc.get_traced_memory()[0])
        took = (time.monotonic() - started) / 5
        tracemalloc.stop()

        await database.ping()

    assert outcomes["transaction: no connection came free in time, True"] == 500 - outcomes["served"]
    assert outcomes["served"] >= 2 * 5
    assert kept[-1] - kept[0] < 100_000
    assert took < 1
    measured("100 callers", took)


@pytest.mark.fault("1,500 calls are cancelled at random moments")
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
async def test_random_cancels_leave_the_pool_full(seed: int, url: str, measured: Measured) -> None:
    """No connection is lost in the pool or left on the server, and no cancellation is swallowed."""
    random = Random(seed)  # noqa: S311 - a repeatable one

    async def call(database: Database, number: int) -> None:
        if number % 3 == 0:
            await database.ping()
        elif number % 3 == 1:
            await said(database, telegram_message_id=number)
        else:
            async with database.transaction() as transaction, transaction.transaction() as inner:
                await said(inner, telegram_message_id=number)
                await sleep(inner, 0.001)

    loop = asyncio.get_running_loop()
    async with Database.connect(url, min_size=10, max_size=10, max_waiting=1_500) as database:
        tasks: list[asyncio.Task[None]] = []
        asked = set[asyncio.Task[None]]()

        def cancel(task: asyncio.Task[None]) -> None:
            if task.cancel():
                asked.add(task)

        while len(asked) < 1_500:
            for _ in range(100):
                tasks.append(asyncio.create_task(call(database, len(tasks) + 1)))
                loop.call_later(random.uniform(0, 0.05), cancel, tasks[-1])
            await asyncio.sleep(0.05)
        done, stuck = await asyncio.wait(tasks, timeout=30)
        stats = await settled(pool_of(database))
        with psycopg.connect(url) as connection:
            sessions = len(connection.execute(BACKENDS.encode()).fetchall())

        await asyncio.gather(*(database.ping() for _ in range(20)))

    assert not stuck
    assert [task for task in asked if not task.cancelled()] == []
    assert [error for task in done - asked if (error := task.exception())] == []
    assert stats["pool_available"] == stats["pool_size"] == sessions == 10
    assert stats["requests_waiting"] == 0
    measured("cancelled", len(asked))
    measured("of calls", len(tasks))


async def settled(pool: Pool) -> dict[str, int]:
    """The pool's figures once every connection is back, or as they are after 5 s."""
    for _ in range(500):
        stats = pool.get_stats()
        if stats["pool_available"] == stats["pool_size"]:
            break
        await asyncio.sleep(0.01)
    return stats


@pytest.mark.fault("a slow query, a held lock, an idle transaction")
@pytest.mark.parametrize(
    ("setting", "sqlstate", "retry_is_safe"),
    [("statement_timeout", "57014", False), ("lock_timeout", "55P03", True)],
)
async def test_server_side_timeout_is_named_and_not_retried(
    setting: str, sqlstate: str, retry_is_safe: object, url: str, faulty: Server
) -> None:
    """A call that the server ended says by which limit and whether it may be repeated, and was made once."""
    name = url.partition("?")[0].rpartition("/")[2]
    faulty.execute(f"ALTER DATABASE {name} SET {setting} = '100ms'")
    async with Database.connect(url) as database:
        await database.ping()
        before = pool_of(database).get_stats()["requests_num"]
        with psycopg.connect(url) as holder:
            holder.execute("SET statement_timeout = 0; LOCK TABLE messages")

            with pytest.raises(Unavailable) as ended:
                await database.messages.recent(chat_id=1, user_id=1)

        requests = pool_of(database).get_stats()["requests_num"] - before

    assert (ended.value.sqlstate, ended.value.retry_is_safe) == (sqlstate, retry_is_safe)
    assert requests == 1


@pytest.mark.fault("a slow query, a held lock, an idle transaction")
async def test_idle_transaction_is_named_and_undone(url: str, faulty: Server) -> None:
    """A transaction that the server ended for idling says so, nothing of it stays, and the pool goes on."""
    name = url.partition("?")[0].rpartition("/")[2]
    faulty.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '100ms'")
    async with Database.connect(url, max_size=1) as database:
        with pytest.raises(Unavailable) as ended:
            async with database.transaction() as transaction:
                await said(transaction)
                await asyncio.sleep(0.3)
                await said(transaction, telegram_message_id=2)

        assert await database.users.page() == []

    assert (ended.value.sqlstate, ended.value.retry_is_safe) == ("25P03", True)
