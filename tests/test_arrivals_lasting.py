"""Listeners through outages, restored backups and transactions, and what they leave behind."""

import asyncio

import psycopg
import pytest

from botcore import Database, Unavailable, arrivals
from tests.factories import dialogue, said
from tests.test_arrivals import follow, given, nothing

END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def until_logged(caplog: pytest.LogCaptureFixture, text: str) -> None:
    """Returns when the log has it."""
    async with asyncio.timeout(20):
        while text not in caplog.text:  # noqa: ASYNC110 - the log has no event for it
            await asyncio.sleep(0.01)


async def test_listen_after_a_restored_backup(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """An id that was never drawn here is of another time: what is stored from now on is heard, and the log says so."""
    await said(database, content="before")
    messages = follow(database, after_id=1_000_000)
    first = asyncio.create_task(given(messages, 1))
    await asyncio.sleep(0.1)

    await said(database, telegram_message_id=101, content="after")

    assert await first == ["after"]
    assert "never drawn here" in caplog.text


async def test_listen_while_ids_begin_anew(
    database: Database, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a promoted standby lacks the newest, it waits for who is storing then, too, and says so once."""
    stored = (await said(database)).message
    connection.execute("SELECT setval('messages_id_seq', 1000)")
    await said(database, telegram_message_id=101, content="lost")
    messages = follow(database, after_id=stored.id)
    await given(messages, 1)
    connection.execute("DELETE FROM messages WHERE id > 1000")
    connection.execute("SELECT setval('messages_id_seq', %s)", [stored.id])

    async with database.transaction() as transaction:
        await transaction.messages.add(**dialogue(stored), role="user", content="first")
        heard = asyncio.create_task(given(messages, 3))
        await until_logged(caplog, "never drawn here")
        await said(database, telegram_message_id=102, content="second")
        await asyncio.sleep(0.1)
        await transaction.messages.add(**dialogue(stored), role="user", content="third")

    assert await heard == ["first", "second", "third"]
    assert caplog.text.count("never drawn here") == 1


async def test_position_while_ids_begin_anew(database: Database, connection: psycopg.Connection) -> None:
    """It is of the ids that are given then."""
    stored = (await said(database)).message
    connection.execute("SELECT setval('messages_id_seq', 1000)")

    async with database.transaction() as transaction:
        await transaction.messages.add(**dialogue(stored), role="user", content="lost")
        await said(database, telegram_message_id=101, content="lost")
        waiting = asyncio.create_task(database.messages.position())
        await asyncio.sleep(0.1)
        connection.execute("DELETE FROM messages WHERE id > 1000")
        connection.execute("SELECT setval('messages_id_seq', %s)", [stored.id])
        await transaction.messages.add(**dialogue(stored), role="user", content="last")
    connection.execute("DELETE FROM messages WHERE id > 1000")

    async with asyncio.timeout(5):
        assert await waiting == stored.id + 1


def test_horizon_over_a_restart_with_a_prepared_transaction() -> None:
    """The server names it anew by then: what it stored below the newest is waited for all the same."""
    horizon = arrivals._Horizon()

    horizon.see(arrivals.Position(10, 10, ""))
    horizon.see(arrivals.Position(12, 12, "3/7"))
    before = horizon.id
    horizon.see(arrivals.Position(12, 12, "-1/745"))
    held = horizon.id
    horizon.see(arrivals.Position(14, 14, "-1/745,3/1"))
    horizon.see(arrivals.Position(14, 14, "3/1"))

    assert (before, held, horizon.id) == (10, 10, 12)


def test_horizon_after_a_standby_was_promoted() -> None:
    """A writer there may store any id, though one of the lost server had the same name."""
    horizon = arrivals._Horizon()
    horizon.see(arrivals.Position(1000, 1000, ""))
    horizon.see(arrivals.Position(1001, 1001, "3/7"))

    horizon.forget()
    horizon.see(arrivals.Position(5, 6, "3/7"))

    assert horizon.id == 0


@pytest.mark.own_session("the pooler keeps its own connections")
async def test_listen_outlives_an_outage(
    database_url: str, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """While the server admits nobody it asks again, says so once, and then misses nothing."""
    limit = f"ALTER DATABASE {connection.info.dbname} CONNECTION LIMIT"
    async with Database.connect(database_url, timeout_seconds=0.2) as database:
        stored = (await said(database)).message
        heard = asyncio.create_task(given(follow(database, after_id=stored.id), 1))
        connection.execute(f"{limit} 0".encode())
        connection.execute(END_OTHERS)
        await until_logged(caplog, "not heard of for now")
        await asyncio.sleep(0.5)

        connection.execute(
            "INSERT INTO messages (chat_id, role, content, sent_at) VALUES (%s, 'user', 'meanwhile', now())",
            [stored.chat_id],
        )
        connection.execute(f"{limit} -1".encode())

        assert await heard == ["meanwhile"]
    assert [record.getMessage() for record in caplog.records if record.name == arrivals.__name__] == [
        "new messages are not heard of for now",
        "new messages are heard of again",
    ]


async def test_listen_says_that_it_is_held_back(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that keeps everybody's messages waiting for long is told of, once."""
    monkeypatch.setattr(arrivals, "_LONG_SECONDS", 0.05)
    stored = (await said(database)).message

    async with database.transaction() as transaction:
        await transaction.messages.add(**dialogue(stored), role="user", content="first drawn")
        await said(database, telegram_message_id=101, content="first committed")
        is_held = await nothing(follow(database, after_id=stored.id), seconds=0.3)

    assert is_held
    assert caplog.text.count("does not end") == 1


async def test_listen_ends_with_its_database(database_url: str) -> None:
    """A listener that is left behind holds no connection, so that the database closes; asked again it says so."""
    async with Database.connect(database_url, max_size=1) as database:
        await said(database)
        messages = follow(database)
        await given(messages, 1)
        await database.ping()

    with pytest.raises(Unavailable, match="closed"):
        await anext(messages)


async def test_listen_inside_of_a_transaction_is_the_database_s(database: Database) -> None:
    """It leaves the transaction's connection alone, and goes on when that has ended."""
    stored = (await said(database)).message

    async with database.transaction() as transaction:
        messages = follow(transaction, after_id=stored.id)
        await said(database, telegram_message_id=101, content="meanwhile")
        inside = await given(messages, 1)
    await said(database, telegram_message_id=102, content="after")

    assert (inside, await given(messages, 1)) == (["meanwhile"], ["after"])
