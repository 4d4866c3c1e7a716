"""`copy_in` beside others, cut off, and of more than fits into memory: nothing lost, doubled or half-stored."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import psycopg
import pytest

from botcore import Database, Incoming, NotFound, Unavailable
from tests.conftest import until_waiting
from tests.factories import archived, copied, said

# the app makes no temporary table, which each batch goes through
pytestmark = pytest.mark.role("migrator")

STORED = "SELECT count(*), count(DISTINCT telegram_message_id) FROM messages WHERE telegram_message_id <> 100"
ASTRAY = """
    SELECT count(*) FROM messages AS m
    WHERE reply_to_id IS NOT NULL
      AND NOT EXISTS (SELECT FROM messages AS r WHERE (r.chat_id, r.id) = (m.chat_id, m.reply_to_id))
"""
POOLED = "SELECT pid FROM pg_stat_activity WHERE application_name = 'botcore' AND datname = current_database()"
LIVE = "SELECT count(*) FROM messages WHERE deleted_at IS NULL"
BACKEND = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
async def parents(database: Database) -> dict[str, Any]:
    """The chat and the person of the messages to store; message 100 is there already."""
    message = (await said(database)).message
    return {"chat_id": message.chat_id, "user_id": message.user_id}


def archive(parents: dict[str, Any], count: int) -> list[Incoming]:
    """So many messages from 101 on, of which each but the first answers the one before."""
    return [archived(number, **parents, reply_to_message_id=number - 1) for number in range(101, 101 + count)]


def one(connection: psycopg.Connection, query: str) -> Any:
    """The only row of a query; its only value, where it has one column."""
    [row] = connection.execute(query.encode()).fetchall()
    return row if len(row) > 1 else row[0]


async def test_copy_in_of_the_same_messages_at_once_stores_each_once(
    database_url: str, connection: psycopg.Connection
) -> None:
    """Four imports of 2,000 messages, two of them backwards: together they store each once, and replies are right."""
    async with Database.connect(database_url, min_size=4) as database:
        message = (await said(database)).message
        messages = archive({"chat_id": message.chat_id, "user_id": message.user_id}, 2_000)

        counts = await asyncio.gather(
            copied(database, messages),
            copied(database, messages[::-1]),
            copied(database, messages, batch_size=130),
            copied(database, messages[::-1], batch_size=90),
        )

    assert sum(each.stored for each in counts) == 2_000
    assert sum(each.known for each in counts) == 6_000
    assert one(connection, STORED) == (2_000, 2_000)
    assert one(connection, ASTRAY) == 0


async def test_copy_in_beside_record_of_the_same_messages(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """What Telegram delivers meanwhile is stored once, by the one or the other."""
    messages = archive(parents, 300)

    async def deliver(numbers: range) -> int:
        return sum([(await said(database, telegram_message_id=number)).is_new for number in numbers])

    counts, *new = await asyncio.gather(
        copied(database, messages, batch_size=20), deliver(range(101, 401)), deliver(range(400, 100, -1))
    )

    assert counts.stored + sum(new) == 300
    assert one(connection, STORED) == (300, 300)
    assert one(connection, ASTRAY) == 0


async def test_copy_in_that_loses_a_message_to_another_call_answers_that_one(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """A reply points at the message that was stored while the batch waited, not at the one that it brought."""
    async with database.transaction() as transaction:
        won = (await said(transaction, telegram_message_id=101)).message
        waits = asyncio.create_task(copied(database, archive(parents, 2)))
        await until_waiting(connection)

    counts = await waits

    [reply] = await database.messages.recent(**parents, page_size=1)
    assert (counts.stored, counts.known) == (1, 1)
    assert (reply.telegram_message_id, reply.reply_to_id) == (102, won.id)


async def test_copy_in_while_its_chat_is_deleted_leaves_nothing_live(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """The deletion takes along what is stored, and the next batch says that the chat is not there."""

    async def delete() -> None:
        while one(connection, LIVE) < 300:  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0)
        await database.chats.delete(chat_id=parents["chat_id"])

    deleting = asyncio.create_task(delete())
    with pytest.raises(NotFound) as refused:
        await copied(database, archive(parents, 20_000), batch_size=100)
    await deleting

    assert refused.value.key == {"chat_id": parents["chat_id"]}
    assert one(connection, STORED)[0] >= 300
    assert one(connection, LIVE) == 0


@pytest.mark.own_session("which of its own connections serves a batch is the pooler's choice")
@pytest.mark.parametrize("batch_size", [1, 50])
async def test_copy_in_that_is_cancelled_has_stored_whole_batches(
    database_url: str, connection: psycopg.Connection, batch_size: int
) -> None:
    """Cut off at any moment, what is there are whole batches; the connection goes on, and so does the import."""
    random = Random(5)  # noqa: S311 - nothing secret
    async with Database.connect(database_url, max_size=1) as database:
        message = (await said(database)).message
        messages = archive({"chat_id": message.chat_id, "user_id": message.user_id}, 2_000)
        backend = one(connection, POOLED)
        for _ in range(60):
            task = asyncio.create_task(copied(database, messages, batch_size=batch_size))
            await asyncio.sleep(random.uniform(0.01, 0.03))
            task.cancel()
            await asyncio.wait([task])
            assert one(connection, STORED)[0] % batch_size == 0

        await database.ping()
        assert one(connection, POOLED) == backend
        counts = await copied(database, messages)

    assert counts.stored + counts.known == 2_000
    assert one(connection, STORED) == (2_000, 2_000)


async def test_copy_in_that_loses_its_connection_goes_on(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """A batch of messages with Telegram ids is stored by a second attempt, and each is there once."""
    async with database.transaction() as transaction:
        await said(transaction, telegram_message_id=101)
        waits = asyncio.create_task(copied(database, archive(parents, 10)))
        await until_waiting(connection)
        connection.execute(BACKEND)
        async with asyncio.timeout(10):
            await until_waiting(connection)

    counts = await waits

    assert (counts.stored, counts.known) == (9, 1)
    assert one(connection, STORED) == (10, 10)


async def test_copy_in_without_telegram_ids_that_loses_its_connection_says_so(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """Such messages could be stored twice, so it is for the caller to give them again; where, the note says."""
    messages = [*archive(parents, 2), archived(0, **parents)]
    async with database.transaction() as transaction:
        await said(transaction, telegram_message_id=101)
        waits = asyncio.create_task(copied(database, messages))
        await until_waiting(connection)
        connection.execute(BACKEND)
        with pytest.raises(Unavailable) as lost:
            async with asyncio.timeout(10):
                await waits

    assert lost.value.retry_is_safe
    assert lost.value.__notes__ == ["messages/copy_in: in the batch from row 0 on, counted from 0"]
    assert one(connection, STORED) == (1, 1)


async def test_copy_in_through_an_endless_wait_for_rows_holds_no_connection(database_url: str) -> None:
    """While its source waits, as for a download, others have the only connection."""
    async with Database.connect(database_url, max_size=1, timeout_seconds=2) as database:
        message = (await said(database)).message

        async def source() -> AsyncIterator[Incoming]:
            for number in range(1, 5):
                assert (await said(database, telegram_message_id=number + 200)).is_new
                yield archived(number, chat_id=message.chat_id, user_id=message.user_id)

        counts = await copied(database, source(), batch_size=2)

    assert counts.stored == 4


@pytest.mark.slow
async def test_copy_in_of_200000_messages_takes_the_memory_of_a_batch(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """However long the source is, at most 15 MB are in use: two batches of 5,000, and rows of one."""

    async def source() -> AsyncIterator[Incoming]:
        for number in range(101, 200_101):
            yield archived(number, **parents, content=f"{number} " * 5)

    tracemalloc.start()
    try:
        counts = await copied(database, source())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert counts.stored == 200_000
    assert one(connection, STORED) == (200_000, 200_000)
    assert peak < 15e6
