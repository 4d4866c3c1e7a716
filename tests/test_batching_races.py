"""Calls that join, beside locks, deletions, cancellations, losses and limits: each is as safe as if it were alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from random import Random

import psycopg
import pytest

from botcore import Database, NotFound, Recorded, Unavailable
from tests.conftest import until_waiting
from tests.crowds import crowd, ids
from tests.factories import dialogue, said


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database whose calls join, whatever the suite's default."""
    async with Database.connect(database_url, join_calls=True) as opened:
        yield opened


@pytest.mark.parametrize("parent", ["chats WHERE telegram_chat_id", "users WHERE telegram_user_id"])
async def test_locked_parent_keeps_no_other_waiting(
    database: Database, connection: psycopg.Connection, parent: str
) -> None:
    """While somebody changes a chat or person, others' messages are stored; theirs follow, in their order."""
    await crowd(database)
    mine = []
    with psycopg.connect(connection.info.dsn) as other:
        other.execute(f"SELECT FROM {parent} = 7 FOR UPDATE".encode())
        for number in (2, 3, 4):
            calls = [
                asyncio.create_task(said(database, telegram_user_id=n, telegram_message_id=number)) for n in ids(20)
            ]
            mine.append(calls.pop(6))

            await asyncio.wait_for(asyncio.gather(*calls), 5)

            assert not any(call.done() for call in mine)

    recorded = [each.message for each in await asyncio.gather(*mine)]
    assert [each.id for each in recorded] == sorted(each.id for each in recorded)


async def test_calls_in_a_transaction_join_nothing(database: Database, connection: psycopg.Connection) -> None:
    """What is rolled back takes no message of others with it, and is seen by none."""
    await crowd(database)

    async def undone() -> None:
        async with database.transaction() as transaction:
            await asyncio.gather(
                *(said(transaction, telegram_user_id=n, telegram_message_id=3) for n in ids(20)),
            )
            raise ZeroDivisionError

    ends = await asyncio.gather(
        undone(),
        *(said(database, telegram_user_id=n, telegram_message_id=2) for n in ids(20)),
        return_exceptions=True,
    )

    assert isinstance(ends[0], ZeroDivisionError)
    assert connection.execute("SELECT count(*) FROM messages WHERE telegram_message_id = 2").fetchone() == (20,)
    assert connection.execute("SELECT count(*) FROM messages WHERE telegram_message_id = 3").fetchone() == (0,)


async def test_programs_that_store_the_same_messages_store_each_once(database_url: str) -> None:
    """Four databases record the same 300 messages of 15 chats, each in an order of its own: is_new once for each."""
    async with AsyncExitStack() as opened:
        databases = [await opened.enter_async_context(Database.connect(database_url)) for _ in range(4)]
        numbers = list(range(300))
        calls = []
        for place, database in enumerate(databases):
            Random(place).shuffle(numbers)  # noqa: S311 - no secret
            calls += [said(database, telegram_user_id=n % 15, telegram_message_id=n + 1) for n in numbers]

        recorded = await asyncio.gather(*calls)

        assert sum(each.is_new for each in recorded) == 300
        assert len({each.message.id for each in recorded}) == 300


async def test_deletions_beside_joined_calls_leave_nothing_live(
    database: Database, connection: psycopg.Connection
) -> None:
    """People and chats are deleted all the time while their messages come: none is live under a deleted parent."""
    messages = await crowd(database, chats=8)

    async def delete() -> None:
        for each in messages * 5:
            await database.chats.delete(chat_id=each.chat_id)
            await database.users.delete(user_id=each.user_id or 0)

    async def talk(person: int) -> None:
        for number in range(2, 40):
            message = (await said(database, telegram_user_id=person, telegram_message_id=number)).message
            with suppress(NotFound):
                await database.messages.add(**dialogue(message), role="assistant", content="Answer")

    await asyncio.gather(delete(), *(talk(person) for person in ids(8)))

    orphans = """
        SELECT count(*) FROM messages AS m
        JOIN chats AS c ON c.id = m.chat_id
        JOIN users AS u ON u.id = m.user_id
        WHERE m.deleted_at IS NULL AND (c.deleted_at IS NOT NULL OR u.deleted_at IS NOT NULL)
    """
    assert connection.execute(orphans).fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM messages WHERE role = 'user'").fetchone() == (8 * 39,)


async def test_joined_calls_wait_no_longer_than_for_a_connection(database_url: str) -> None:
    """Where none comes free, all callers are told in time; afterwards calls work as ever."""
    async with Database.connect(database_url, max_size=1, timeout_seconds=0.3, join_calls=True) as database:
        await crowd(database)
        async with database.transaction() as transaction:
            await transaction.users.get(user_id=1)

            ends = await asyncio.wait_for(
                asyncio.gather(
                    *(said(database, telegram_user_id=n, telegram_message_id=2) for n in ids(300)),
                    return_exceptions=True,
                ),
                2,
            )

        assert all(isinstance(end, Unavailable) and end.retry_is_safe for end in ends)
        assert (await said(database, telegram_user_id=1, telegram_message_id=2)).is_new


async def test_calls_behind_a_statement_that_hangs_are_told_in_time(
    database_url: str, connection: psycopg.Connection
) -> None:
    """The callers of the statement itself wait as long as they like, as they would for one of their own."""
    async with Database.connect(database_url, timeout_seconds=0.3, join_calls=True) as database:
        await crowd(database)
        with psycopg.connect(database_url) as other:
            other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            first = [asyncio.create_task(said(database, telegram_user_id=n, telegram_message_id=2)) for n in ids(20)]
            await until_waiting(connection)

            second = [said(database, telegram_user_id=n, telegram_message_id=3) for n in ids(20)]
            ends = await asyncio.wait_for(asyncio.gather(*second, return_exceptions=True), 2)

        assert all(isinstance(end, Unavailable) and end.retry_is_safe for end in ends)
        assert all(each.is_new for each in await asyncio.gather(*first))


async def test_statement_of_many_that_was_lost_is_nobodys_success(
    database: Database, connection: psycopg.Connection
) -> None:
    """What has no Telegram id is not tried again by itself: it could be stored twice. Each caller is told."""
    keys = [dialogue(each) for each in await crowd(database)]
    # from now on they are known to come together
    await asyncio.gather(*(database.messages.add(**key, role="user", content="Well?") for key in keys))
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        calls = [asyncio.create_task(database.messages.add(**key, role="assistant", content="Answer")) for key in keys]
        await until_waiting(connection)
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        ends = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)

    assert all(isinstance(end, Unavailable) and not end.retry_is_safe for end in ends)
    assert connection.execute("SELECT count(*) FROM messages WHERE role = 'assistant'").fetchone() == (0,)


async def test_joined_calls_that_wait_are_limited(database_url: str) -> None:
    """Twenty calls wait for each caller that may wait for a connection; those beyond are refused at once."""
    async with Database.connect(database_url, max_size=1, max_waiting=2, join_calls=True) as database:
        messages = await crowd(database)
        async with database.transaction() as transaction:
            await transaction.users.get(user_id=1)
            calls = [asyncio.create_task(database.messages.recent(**dialogue(messages[0]))) for _ in range(400)]

            done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_EXCEPTION)

            assert {type(each.exception()) for each in done} == {Unavailable}
            assert len(waiting) >= 40

        assert all(len(each) == 1 for each in await asyncio.gather(*waiting))


async def test_cancelled_call_does_not_stop_the_others(database: Database, connection: psycopg.Connection) -> None:
    """Each third caller leaves while the statement is under way: the others have their messages."""
    await crowd(database, chats=30)
    for number in range(2, 30):
        calls = [asyncio.create_task(said(database, telegram_user_id=n, telegram_message_id=number)) for n in ids(30)]
        await asyncio.sleep(number / 5_000)
        for call in calls[::3]:
            call.cancel()

        ends = await asyncio.gather(*calls, return_exceptions=True)

        assert all(isinstance(end, Recorded) for place, end in enumerate(ends) if place % 3)
        count = "SELECT count(*) FROM messages WHERE telegram_message_id = %s"
        [stored] = connection.execute(count, [number]).fetchone() or (0,)
        assert 20 <= stored <= 30


async def test_statement_that_everybody_left_is_stopped(database: Database, connection: psycopg.Connection) -> None:
    """The callers of a statement that waits for a lock all leave: the server drops it, and the line goes on."""
    await crowd(database)
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        calls = [asyncio.create_task(said(database, telegram_user_id=n, telegram_message_id=2)) for n in ids(20)]
        await until_waiting(connection)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0.2)

        waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        assert connection.execute(waiting).fetchall() == []

    recorded = await asyncio.gather(*(said(database, telegram_user_id=n, telegram_message_id=3) for n in ids(20)))
    assert all(each.is_new for each in recorded)


async def test_ten_thousand_calls_on_ten_connections(database: Database, connection: psycopg.Connection) -> None:
    """Half of them are cancelled at any moment: stored once or not at all; the rest all are, and memory stays small."""
    random = Random(3)  # noqa: S311 - no secret
    await crowd(database, chats=200)
    before = resident_bytes()
    peak = before
    calls = [
        asyncio.create_task(said(database, telegram_user_id=n % 200 + 1, telegram_message_id=n + 2))
        for n in range(10_000)
    ]
    left = random.sample(calls, 5_000)
    while not all(call.done() for call in calls):
        await asyncio.sleep(0.01)
        peak = max(peak, resident_bytes())
        for _ in range(min(50, len(left))):
            left.pop().cancel()

    ends = await asyncio.gather(*calls, return_exceptions=True)

    kept = [end for end in ends if isinstance(end, Recorded)]
    assert all(isinstance(end, (Recorded, asyncio.CancelledError)) for end in ends)
    assert len(kept) >= 5_000
    assert all(end.is_new for end in kept)
    stored = {row[0] for row in connection.execute("SELECT telegram_message_id FROM messages")}
    assert {end.message.telegram_message_id for end in kept} <= stored
    assert peak - before < 100e6


async def test_ten_thousand_calls_are_all_stored(database: Database, connection: psycopg.Connection) -> None:
    """Of 200 chats that nobody knows yet, fifty messages each, at once: none is refused or runs out of time."""
    recorded = await asyncio.gather(
        *(said(database, telegram_user_id=n % 200 + 1, telegram_message_id=n) for n in range(1, 10_001))
    )

    assert all(each.is_new for each in recorded)
    assert connection.execute("SELECT count(*) FROM messages").fetchone() == (10_000,)


async def test_recording_at_once_after_the_connections_were_ended(
    database: Database, connection: psycopg.Connection
) -> None:
    """The server ends all connections while messages come: none is lost or doubled, and no caller notices."""
    await crowd(database)
    calls = [
        asyncio.create_task(said(database, telegram_user_id=n, telegram_message_id=place))
        for place in range(2, 30)
        for n in ids(20)
    ]
    await asyncio.sleep(0.01)
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    await asyncio.gather(*calls)

    assert connection.execute("SELECT count(*) FROM messages").fetchone() == (20 * 29,)


def resident_bytes() -> int:
    """What this process occupies."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * 4096
