"""Partitioning messages beside others: each change meets the copy of its row from either side, and none is lost."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from botcore import Database, Unavailable, partitions, queries
from tests import roles
from tests.conftest import CreateDatabase, until_waiting
from tests.partitioning import fill, rows, step

CHANGES = [
    "UPDATE messages SET content = 'edited' WHERE telegram_message_id = 3",
    "UPDATE messages SET telegram_message_id = -telegram_message_id WHERE telegram_message_id = 3",
    """UPDATE messages SET telegram_message_id = NULL WHERE telegram_message_id = 3;
    UPDATE messages SET telegram_message_id = 3 WHERE telegram_message_id = 4""",
    "DELETE FROM messages WHERE telegram_message_id = 3",
    "UPDATE messages SET chat_id = chat_id % 10 + 1, telegram_message_id = -3 WHERE telegram_message_id = 3",
    "UPDATE messages SET chat_id = 11 - chat_id, telegram_message_id = -3 WHERE telegram_message_id = 3",
    """INSERT INTO messages (chat_id, user_id, role, content, telegram_message_id, sent_at)
    SELECT id, 1, 'user', 'new', 99, now() FROM chats""",
    # the chat's own row goes first, its messages after it
    "WITH gone AS (DELETE FROM messages WHERE chat_id = 3) DELETE FROM chats WHERE id = 3",
]


@pytest.fixture(scope="module")
def mirrored(create_database: CreateDatabase, template: str) -> Iterator[str]:
    """The name of a database that is being partitioned, where nothing is copied yet."""
    with create_database(template, as_template=True) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection, 10, 5)
            connection.execute("SET ROLE botcore_owner")
            step(connection, "create")
            step(connection, "mirror")
        yield str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture
def database_url(create_database: CreateDatabase, mirrored: str) -> Iterator[str]:
    """The URL of a copy of it."""
    with create_database(mirrored) as url:
        yield url


@pytest.fixture
def writer(database_url: str) -> Iterator[psycopg.Connection]:
    """A second connection, whose transaction is open until it is ended."""
    with psycopg.connect(database_url) as opened:
        yield opened


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_copy_beside_an_open_change(
    change: str, end: str, connection: psycopg.Connection, writer: psycopg.Connection
) -> None:
    """A copy that meets a change which has not ended has what comes of it."""
    writer.execute(change.encode())

    copying = asyncio.create_task(asyncio.to_thread(step, connection, "copy"))
    await asyncio.wait([copying], timeout=0.1)
    getattr(writer, end)()
    await copying

    assert_equal(connection)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("end", ["commit", "rollback"])
async def test_change_beside_an_open_copy(
    change: str, end: str, connection: psycopg.Connection, writer: psycopg.Connection
) -> None:
    """A change that meets a copied row whose copy has not ended is made in both, once it has."""
    connection.execute("BEGIN")
    step(connection, "copy")

    changing = asyncio.create_task(asyncio.to_thread(writer.execute, change.encode()))
    await asyncio.wait([changing], timeout=0.1)
    connection.execute(end.encode())
    await changing
    writer.commit()
    if end == "rollback":
        step(connection, "copy")

    assert_equal(connection)


@pytest.mark.parametrize("change", CHANGES)
def test_change_of_what_is_copied_already_or_not_yet(change: str, connection: psycopg.Connection) -> None:
    """In the middle of the copy a change is mirrored on either side of the position, and across it."""
    connection.execute("SELECT set_config('botcore.batch', '27', FALSE)")
    step(connection, "copy")

    connection.execute(change.encode())

    connection.execute("SELECT set_config('botcore.batch', '', FALSE)")
    step(connection, "copy")
    assert_equal(connection)


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_change_by_an_older_snapshot(level: str, connection: psycopg.Connection, writer: psycopg.Connection) -> None:
    """It could not see a row that was copied since, so that it is refused rather than half made."""
    writer.execute(f"SET TRANSACTION ISOLATION LEVEL {level}".encode())
    writer.execute("SELECT FROM messages")
    step(connection, "copy")

    with pytest.raises(errors.FeatureNotSupported):
        writer.execute("DELETE FROM messages")

    writer.rollback()
    assert_equal(connection)


def test_change_without_triggers(connection: psycopg.Connection) -> None:
    """What is replicated, or restored with triggers disabled, is mirrored too; so is a table that is emptied."""
    step(connection, "copy")

    connection.execute("SET session_replication_role = replica")
    connection.execute(CHANGES[0].encode())
    connection.execute("TRUNCATE messages, message_versions")
    connection.execute(CHANGES[-2].encode())

    connection.execute("RESET session_replication_role")
    assert_equal(connection)


async def test_run_beside_a_deletion_that_takes_long(
    database: Database, connection: psycopg.Connection, writer: psycopg.Connection, database_url: str
) -> None:
    """The copy gives way and comes again; others write meanwhile, and nobody runs into a deadlock."""
    writer.execute("DELETE FROM messages WHERE chat_id = 4")

    running = asyncio.create_task(partitions.run(roles.url_of("migrator", database_url), partitions=4))
    await until_waiting(connection)
    await database.chats.delete(chat_id=5)
    # in the reverse of the copy's order
    writer.execute("DELETE FROM messages WHERE chat_id = 2")
    await asyncio.sleep(1.2)
    assert not running.done()
    writer.commit()
    await running

    left = rows(connection, list(range(1, 11)))
    assert {chat for chat, _ in left} == {1, 3, 5, 6, 7, 8, 9, 10}
    assert {chat for (chat, _), (_, hidden) in left.items() if hidden} == {5}


async def test_deletions_beside_a_run(database_url: str, connection: psycopg.Connection) -> None:
    """Who deletes a chat and who deletes its person do not wait for each other more than without a run."""
    app = roles.url_of("app", database_url)
    with psycopg.connect(app) as chats, psycopg.connect(app) as users:
        chats.execute(queries.load("chats/delete_lock").statement, {"chat_id": 3})
        users.execute(queries.load("users/delete_lock").statement, {"user_id": 3})

        def delete(opened: psycopg.Connection, name: str, **key: int) -> None:
            opened.execute(queries.load(name).statement, key)
            opened.commit()

        deleting = asyncio.create_task(asyncio.to_thread(delete, chats, "chats/delete", chat_id=3))
        await asyncio.sleep(0.1)
        await asyncio.to_thread(delete, users, "users/delete", user_id=3)
        await deleting

    step(connection, "copy")
    assert_equal(connection)


async def test_switch_beside_a_long_reader(
    database: Database, connection: psycopg.Connection, writer: psycopg.Connection, database_url: str
) -> None:
    """Who comes while the switch waits for one who reads waits for a moment only, and the switch comes again."""
    writer.execute("SELECT FROM messages")

    running = asyncio.create_task(partitions.run(roles.url_of("migrator", database_url), partitions=4))
    await until_waiting(connection)
    loop = asyncio.get_running_loop()
    slowest, end = 0.0, loop.time() + 2
    while loop.time() < end:
        began = loop.time()
        await database.messages.recent(chat_id=1, user_id=1)
        slowest = max(slowest, loop.time() - began)
    assert not running.done()
    writer.commit()
    await running

    # 0.5 s, on a machine that has other work
    assert 0.1 < slowest < 1.5
    assert len(rows(connection, [1])) == 5


async def test_run_beside_an_upgrade(
    connection: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever migrates or partitions is alone, and the other is told so soon."""
    monkeypatch.setattr(partitions, "_LOCK_SECONDS", 0.1)
    connection.execute(queries.load("migrations/lock").statement)

    with pytest.raises(Unavailable, match="another process migrates or partitions"):
        await partitions.run(roles.url_of("migrator", database_url), partitions=4)


def assert_equal(connection: psycopg.Connection) -> None:
    """The comparison of a run finds nothing, and there was something to compare."""
    connection.execute("UPDATE messages_partitioning SET step = 'compare'")
    step(connection, "compare")
    found = connection.execute(
        "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM messages_partitioned)"
    ).fetchone()
    assert found is not None
    assert found[0] == found[1] >= 10
