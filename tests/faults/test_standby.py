"""Reads from a standby that is behind, paused, gone or not there yet."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest

from botcore import Database, Metrics, Unavailable, migrations
from tests.conftest import Measured
from tests.factories import dialogue, said
from tests.faults.standbys import Node, pair
from tests.faults.test_limits import sleep


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Node, Node]]:
    """A primary and a standby, which nobody waits for."""
    with pair() as (primary, standby):
        asyncio.run(migrations.upgrade(primary.url()))
        yield primary, standby


@pytest.fixture
async def database(nodes: tuple[Node, Node]) -> AsyncIterator[Database]:
    """A Database on the primary, with the standby as its replica."""
    primary, standby = nodes
    async with Database.connect(primary.url(), replica_url=standby.url()) as opened:
        yield opened


@pytest.mark.fault("a standby is behind: 300 reads, each right after a write")
async def test_caught_up_shows_what_was_just_written(database: Database, measured: Measured) -> None:
    """Through `caught_up` each read has the write before it, be it the standby's or the primary's."""
    message = (await said(database)).message
    stale = 0
    for number in range(1, 301):
        key = dialogue(message)
        added = await database.messages.add(**key, role="assistant", content=str(number))
        stale += await database.replica.messages.get(chat_id=added.chat_id, message_id=added.id) is None

        reads = await database.caught_up()

        assert await reads.messages.get(chat_id=added.chat_id, message_id=added.id) == added
    measured("stale without it", stale)


@pytest.mark.fault("a standby stops replaying")
async def test_caught_up_of_a_paused_standby_is_the_primary(database: Database, nodes: tuple[Node, Node]) -> None:
    """The replica stays behind, `caught_up` gives the primary after its time, and the replica once it goes on."""
    _, standby = nodes
    standby.execute("SELECT pg_wal_replay_pause()")
    standby.until("pg_get_wal_replay_pause_state() = 'paused'")
    message = (await said(database, telegram_message_id=2_000)).message

    old = await database.replica.messages.get(chat_id=message.chat_id, message_id=message.id)
    started = time.monotonic()
    reads = await database.caught_up(timeout_seconds=0.2)
    took = time.monotonic() - started
    new = await reads.messages.get(chat_id=message.chat_id, message_id=message.id)
    standby.execute("SELECT pg_wal_replay_resume()")

    assert (old, new, reads) == (None, message, database)
    assert took < 1
    assert await database.caught_up(timeout_seconds=10) is database.replica


async def test_listen_of_a_replica_is_the_primary_s(database: Database, nodes: tuple[Node, Node]) -> None:
    """Who is storing is known there alone: what is new is given as it comes, though the standby is behind."""
    _, standby = nodes
    message = (await said(database, telegram_message_id=3_000)).message
    standby.execute("SELECT pg_wal_replay_pause()")
    standby.until("pg_get_wal_replay_pause_state() = 'paused'")
    await database.messages.add(**dialogue(message), role="assistant", content="new")

    async with asyncio.timeout(10), aclosing(database.replica.messages.listen(after_id=message.id)) as messages:
        heard = await anext(messages)
    standby.execute("SELECT pg_wal_replay_resume()")

    assert heard.content == "new"


@pytest.mark.fault("a standby is frozen (SIGSTOP)")
async def test_replica_that_is_frozen_is_read_from_the_primary(
    database: Database, nodes: tuple[Node, Node], measured: Measured
) -> None:
    """Reads of more than a second later are the primary's after 2 s at most, the next at once; thawed, it is read."""
    _, standby = nodes
    message = (await said(database, telegram_message_id=5_000)).message
    key = {"chat_id": message.chat_id, "message_id": message.id}
    assert await database.caught_up(timeout_seconds=10) is database.replica
    standby.freeze()
    await asyncio.sleep(1)

    took = []
    for callers in (20, 1):
        started = time.monotonic()
        async with asyncio.timeout(5):
            found = await asyncio.gather(*(database.replica.messages.get(**key) for _ in range(callers)))
        took.append(time.monotonic() - started)
        assert found == [message] * callers
    assert await database.caught_up(timeout_seconds=10) is database
    standby.thaw()
    async with asyncio.timeout(20):
        while await database.caught_up() is database:  # noqa: ASYNC110 - polled, as a caller does
            await asyncio.sleep(0.1)

    assert took[0] < 2
    assert took[1] < 0.5
    measured("read after", took[0])


@pytest.mark.fault("a standby is frozen (SIGSTOP), its callers have deadlines of 0.5 s")
async def test_replica_that_is_frozen_is_found_out_by_the_impatient(
    database: Database, nodes: tuple[Node, Node]
) -> None:
    """Callers who all leave before it is found out lose a second together, and not each of them for ever."""
    _, standby = nodes
    message = (await said(database, telegram_message_id=7_000)).message
    async with asyncio.timeout(20):
        while await database.caught_up() is database:  # noqa: ASYNC110 - polled, as a caller does
            await asyncio.sleep(0.1)
    standby.freeze()
    await asyncio.sleep(1)

    found = []
    for _ in range(6):
        try:
            async with asyncio.timeout(0.5):
                found.append(await database.replica.messages.get(chat_id=message.chat_id, message_id=message.id))
        except TimeoutError:
            found.append(None)
    standby.thaw()

    assert found[-3:] == [message] * 3
    async with asyncio.timeout(20):
        while await database.caught_up() is database:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)


async def test_caught_up_beside_a_dead_connection_of_the_primary(database: Database) -> None:
    """Who waits long on one holds nobody up for more than a second, and each one's time holds."""
    assert await database.caught_up(timeout_seconds=10) is database.replica
    async with database._executor._connect() as connection:
        pid = connection.info.backend_pid
    os.kill(pid, signal.SIGSTOP)
    try:
        patient = asyncio.create_task(database.caught_up(timeout_seconds=30))
        await asyncio.sleep(0.05)

        async with asyncio.timeout(5):
            started = time.monotonic()
            quick = await database.caught_up(timeout_seconds=0.2)
            took = time.monotonic() - started
            other = await database.caught_up(timeout_seconds=20)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert (quick, other, await patient) == (database, database.replica, database.replica)
    assert took < 0.5


async def test_replica_whose_pool_is_busy_is_not_taken_for_gone(nodes: tuple[Node, Node]) -> None:
    """A read for which no connection comes free is the primary's, and the standby's again as soon as one is free."""
    primary, standby = nodes
    async with Database.connect(primary.url(), replica_url=standby.url(), max_size=1) as database:
        message = (await said(database, telegram_message_id=8_000)).message
        key = {"chat_id": message.chat_id, "message_id": message.id}
        assert await database.caught_up(timeout_seconds=10) is database.replica
        async with database.replica.transaction():
            for _ in range(2):
                assert await database.replica.messages.get(**key) == message

        assert await database.caught_up(timeout_seconds=10) is database.replica


async def test_replica_with_a_slow_query_is_not_taken_for_gone(database: Database) -> None:
    """A query of two seconds goes to its end there, and the reads beside it stay there too."""
    assert await database.caught_up(timeout_seconds=10) is database.replica
    async with database.replica.transaction() as transaction:
        slow = asyncio.create_task(sleep(transaction, 2))
        await asyncio.sleep(1.5)

        assert await database.caught_up() is database.replica
        await slow


async def test_caught_up_of_many_at_once_looks_once(nodes: tuple[Node, Node]) -> None:
    """Three hundred who wrote share their looks at both servers, and each reads what it wrote."""
    primary, standby = nodes
    metrics = Metrics()
    async with Database.connect(primary.url(), replica_url=standby.url(), metrics=metrics) as database:
        await said(database, telegram_message_id=6_000)

        async def write_and_read(number: int) -> bool:
            message = (await said(database, telegram_message_id=6_000 + number)).message
            reads = await database.caught_up(timeout_seconds=10)
            return await reads.messages.get(chat_id=message.chat_id, message_id=message.id) == message

        assert all(await asyncio.gather(*(write_and_read(number) for number in range(300))))
        looks = [_count(metrics, f"database/{name}") for name in ("caught_up", "caught_up_replayed")]
        size = metrics.registry.get_sample_value("botcore_pool_size", {"pool": "botcore-replica"})

    assert 0 < looks[0] < 100
    assert 0 < looks[1] < 150
    assert size


async def test_caught_up_whose_callers_leave_holds_nobody_up(database: Database) -> None:
    """Where all who look left, the next one looks anew; where one of them stays, it is answered."""
    async with asyncio.TaskGroup() as tasks:
        leaving = [tasks.create_task(database.caught_up(timeout_seconds=10)) for _ in range(20)]
        await asyncio.sleep(0)
        for task in leaving[1:]:
            task.cancel()
    assert await leaving[0] is database.replica
    both = [asyncio.create_task(database.caught_up(timeout_seconds=10)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in both:
        task.cancel()

    async with asyncio.timeout(5):
        assert await database.caught_up(timeout_seconds=4) is database.replica


def _count(metrics: Metrics, query: str) -> float:
    return metrics.registry.get_sample_value("botcore_statement_duration_seconds_count", {"query": query}) or 0.0


async def test_replica_takes_no_write(database: Database) -> None:
    """A write that was marked by mistake is refused by the standby."""
    await database.caught_up(timeout_seconds=10)

    with pytest.raises(Unavailable) as refused:
        await said(database.replica, telegram_message_id=3_000)

    assert refused.value.sqlstate == "25006"


@pytest.mark.fault("a standby is down, at the start and later")
async def test_replica_that_is_down_is_read_from_the_primary(nodes: tuple[Node, Node]) -> None:
    """It opens without it; one read takes a second longer; and the standby is read again when it is back."""
    primary, standby = nodes
    await asyncio.to_thread(standby.stop)
    async with Database.connect(primary.url(), replica_url=standby.url()) as database:
        message = (await said(database, telegram_message_id=4_000)).message
        key = {"chat_id": message.chat_id, "message_id": message.id}

        took = []
        for _ in range(2):
            started = time.monotonic()
            assert await database.replica.messages.get(**key) == message
            took.append(time.monotonic() - started)
        assert await database.caught_up() is database
        await asyncio.to_thread(standby.start)
        async with asyncio.timeout(20):
            while await database.caught_up() is database:  # noqa: ASYNC110 - polled, as a caller does
                await asyncio.sleep(0.1)

        assert await database.replica.messages.get(**key) == message
    assert took[0] < 2
    assert took[1] < 0.5


@pytest.mark.fault("a standby is promoted beside a primary that lives, then a primary not rewound as its standby")
async def test_caught_up_of_another_timeline_is_the_primary() -> None:
    """A server that left the primary's log is not caught up, however far its own is."""
    with pair() as (primary, standby):
        await migrations.upgrade(primary.url())
        async with Database.connect(primary.url(), replica_url=standby.url()) as database:
            await said(database, telegram_message_id=1)
            assert await database.caught_up(timeout_seconds=10) is database.replica
            await asyncio.to_thread(standby.execute, "SELECT pg_promote()")
            await said(database, telegram_message_id=2)

            assert await database.caught_up(timeout_seconds=10) is database

        primary.execute("CREATE TABLE ahead AS SELECT repeat('x', 100) FROM generate_series(1, 50000)")
        await asyncio.to_thread(primary.stop)
        (primary.data / "standby.signal").touch()
        await asyncio.to_thread(primary.start)
        async with Database.connect(standby.url(), replica_url=primary.url()) as database:
            await said(database, telegram_message_id=3)

            assert await database.caught_up(timeout_seconds=10) is database
