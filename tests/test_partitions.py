"""Partitioning messages: what it makes, what it keeps, where it refuses, and how it goes on."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from botcore import BotcoreError, Database, InvalidInput, partitions
from tests import roles
from tests.conftest import CreateDatabase
from tests.factories import dialogue, said
from tests.partitioning import content_hash, fill, layout

FILES = ["create", "mirror", "copy", "compare", "switch", "validate"]
SHAPE = """
    SELECT 'index', c.relname, regexp_replace(pg_get_indexdef(c.oid), 'ON (ONLY )?', '') FROM pg_index AS i
    INNER JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = 'messages'::regclass
    UNION ALL
    SELECT 'constraint', conname, pg_get_constraintdef(oid) || convalidated FROM pg_constraint
    WHERE 'messages'::regclass IN (conrelid, confrelid) AND conparentid = 0
    UNION ALL
    SELECT 'statistics', stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
    WHERE stxrelid = 'messages'::regclass
    UNION ALL
    SELECT 'column', attname, concat_ws(' ', attnum, atttypid::regtype, attnotnull, attidentity, attgenerated,
        array(SELECT unnest(attacl)::text ORDER BY 1)) FROM pg_attribute
    WHERE attrelid = 'messages'::regclass AND attnum > 0
    UNION ALL
    SELECT 'right', relname, array(SELECT unnest(relacl)::text ORDER BY 1)::text FROM pg_class
    WHERE oid IN ('messages'::regclass, pg_get_serial_sequence('messages', 'id')::regclass)
"""
"""All that migrations, queries and roles know of the table."""


@pytest.fixture(scope="module")
def plain(create_database: CreateDatabase, template: str) -> Iterator[str]:
    """The name of a database with some rows that no test changes."""
    with create_database(template, as_template=True) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection, 40, 25)
        yield str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture
def database_url(create_database: CreateDatabase, plain: str) -> Iterator[str]:
    """The URL of a copy of it."""
    with create_database(plain) as url:
        yield url


@pytest.fixture
def migrator_url(database_url: str) -> str:
    """The same for the migrator."""
    return roles.url_of("migrator", database_url)


async def test_run_keeps_rows_and_shape(connection: psycopg.Connection, database_url: str, migrator_url: str) -> None:
    """Each row, column, index, constraint, statistics and right is there under its name, and all is the owner's."""
    before, shape = content_hash(connection), set(roles.rows(database_url, SHAPE))
    steps: list[str] = []

    await partitions.run(migrator_url, partitions=4, progress=lambda now: steps.append(now.step))

    assert content_hash(connection) == before
    assert set(roles.rows(database_url, SHAPE)) == shape
    assert {owner for _, owner in roles.rows(database_url, roles.OBJECTS)} == {"botcore_owner"}
    places = connection.execute("SELECT tableoid::regclass::text FROM messages GROUP BY 1 ORDER BY 1").fetchall()
    assert places == [(f"messages_p0{n}",) for n in range(4)]
    assert list(dict.fromkeys(steps)) == ["copy", "compare", "switch"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_run_goes_on_where_it_was_ended(
    file: str, moment: str, connection: psycopg.Connection, migrator_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever a run ends, messages can be read and written, and the next run completes it."""
    before = content_hash(connection)
    end_run(monkeypatch, file, moment)
    with pytest.raises(ConnectionAbortedError):
        await partitions.run(migrator_url, partitions=4)
    monkeypatch.undo()
    assert content_hash(connection) == before

    if (file, moment) != ("validate", "after"):
        await partitions.run(migrator_url, partitions=4)

    assert content_hash(connection) == before
    assert layout(connection) == "kept"


@pytest.mark.parametrize("file", FILES[:5])
async def test_abandon_leaves_messages_as_it_was(
    file: str,
    connection: psycopg.Connection,
    database_url: str,
    migrator_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before the switch nothing stays of a run that is given up, and another one can begin with another number."""
    before, objects = content_hash(connection), roles.rows(database_url, roles.OBJECTS)
    shape = set(roles.rows(database_url, SHAPE))
    end_run(monkeypatch, file, "before" if file == "switch" else "after")
    with pytest.raises(ConnectionAbortedError):
        await partitions.run(migrator_url, partitions=4)
    monkeypatch.undo()
    with pytest.raises(InvalidInput, match="was begun with 4"):
        await partitions.run(migrator_url, partitions=8)

    await partitions.abandon(migrator_url)

    assert sorted(roles.rows(database_url, roles.OBJECTS)) == sorted(objects)
    assert set(roles.rows(database_url, SHAPE)) == shape
    assert content_hash(connection) == before


async def test_drop_old_leaves_partitions_alone(
    database: Database, connection: psycopg.Connection, database_url: str, migrator_url: str
) -> None:
    """What is removed for good goes from the old table too, which then can go; a second time there is none."""
    await partitions.run(migrator_url, partitions=4)
    await database.users.erase(telegram_user_id=1)
    kept = connection.execute("SELECT count(*) FROM messages_unpartitioned").fetchone()

    await partitions.drop_old(migrator_url)

    assert kept == (39 * 25,)
    left = {name for name, _ in roles.rows(database_url, roles.OBJECTS) if "unpartitioned" in name or "forget" in name}
    assert left == set()
    with pytest.raises(InvalidInput, match="there is no messages_unpartitioned"):
        await partitions.drop_old(migrator_url)


async def test_run_a_second_time_is_refused(migrator_url: str) -> None:
    """What is partitioned already cannot be again, rehearsed or abandoned."""
    await partitions.run(migrator_url, partitions=4)

    for call in (partitions.run, partitions.rehearse):
        with pytest.raises(InvalidInput, match="partitioned already"):
            await call(migrator_url, partitions=4)
    with pytest.raises(InvalidInput, match="nothing to abandon"):
        await partitions.abandon(migrator_url)


@pytest.mark.parametrize("number", [0, 1, 65])
async def test_run_into_a_wrong_number_of_partitions(number: int, migrator_url: str) -> None:
    """One partition would be none, and of more than 64 each statement is slow."""
    with pytest.raises(InvalidInput, match="must be 2"):
        await partitions.run(migrator_url, partitions=number)


async def test_run_where_a_view_needs_the_table(connection: psycopg.Connection, migrator_url: str) -> None:
    """A view would go on to show the old table: its name is told, and nothing is made."""
    connection.execute("CREATE VIEW talk AS SELECT content FROM messages")

    for call in (partitions.rehearse, partitions.run):
        with pytest.raises(BotcoreError, match="view talk"):
            await call(migrator_url, partitions=4)

    assert connection.execute("SELECT to_regclass('messages_partitioned')").fetchone() == (None,)


async def test_rehearse_changes_nothing(database_url: str, migrator_url: str) -> None:
    """A rehearsal counts, and what it made is undone."""
    objects = roles.rows(database_url, roles.OBJECTS)

    found = await partitions.rehearse(migrator_url, partitions=4)

    assert found == 1_000
    assert roles.rows(database_url, roles.OBJECTS) == objects


async def test_compare_finds_a_difference(
    connection: psycopg.Connection, migrator_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that is not equal never takes the place of messages."""
    end_run(monkeypatch, "compare", "before")
    with pytest.raises(ConnectionAbortedError):
        await partitions.run(migrator_url, partitions=4)
    monkeypatch.undo()
    connection.execute("UPDATE messages_partitioned SET content = 'another' WHERE telegram_message_id = 3")
    connection.execute("DELETE FROM messages_partitioned WHERE telegram_message_id = 4")

    with pytest.raises(BotcoreError, match="80 rows of messages are not the same"):
        await partitions.run(migrator_url, partitions=4)

    assert connection.execute("SELECT relkind FROM pg_class WHERE oid = 'messages'::regclass").fetchone() == ("r",)


async def test_constraints_and_rights_hold_on_partitions(
    database: Database, connection: psycopg.Connection, database_url: str, migrator_url: str
) -> None:
    """A message is stored once, no chat or message goes while others need it, and the app may no more than before."""
    await partitions.run(migrator_url, partitions=4)
    first = await said(database, telegram_user_id=5, telegram_message_id=7)
    [highest] = connection.execute("SELECT max(id) FROM messages_unpartitioned").fetchone() or [0]

    new = await said(database, telegram_user_id=5, telegram_message_id=1_000)

    assert not first.is_new
    assert new.is_new
    assert new.message.id > highest
    assert (await database.messages.recent(**dialogue(new.message)))[0] == new.message
    for statement, refusal in {
        "INSERT INTO messages (chat_id, role, content, telegram_message_id, sent_at)"
        " SELECT chat_id, role, content, telegram_message_id, sent_at FROM messages LIMIT 1": errors.UniqueViolation,
        "DELETE FROM chats": errors.ForeignKeyViolation,
        "DELETE FROM users": errors.ForeignKeyViolation,
        "INSERT INTO messages (chat_id, role, content, sent_at) VALUES (0, 'user', '', now())": (
            errors.ForeignKeyViolation
        ),
        "INSERT INTO message_versions (chat_id, message_id, edited_at, content) VALUES (1, 0, now(), '')": (
            errors.ForeignKeyViolation
        ),
    }.items():
        with pytest.raises(refusal):
            connection.execute(statement.encode())
    with psycopg.connect(roles.url_of("app", database_url), autocommit=True) as app:
        for statement in (
            "DELETE FROM messages",
            "TRUNCATE messages",
            "SELECT FROM messages_unpartitioned",
            "SELECT FROM messages_p00",
            "DELETE FROM messages_p00",
            "ALTER TABLE messages DETACH PARTITION messages_p00",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                app.execute(statement.encode())


def end_run(monkeypatch: pytest.MonkeyPatch, file: str, moment: str) -> None:
    """Has the next run end right before or after the first time that it runs this file."""
    execute = partitions._execute

    async def ending(connection: Any, name: str, milliseconds: int, **settings: int) -> None:
        if (name, moment) == (file, "before"):
            raise ConnectionAbortedError
        await execute(connection, name, milliseconds, **settings)
        if name == file:
            raise ConnectionAbortedError

    monkeypatch.setattr(partitions, "_execute", ending)
