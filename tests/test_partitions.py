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
from tests.partitioning import SHAPE, content_hash, fill, layout

FILES = ["create", "mirror", "copy", "compare", "switch", "validate"]


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


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("CREATE VIEW talk AS SELECT content FROM messages", "view talk"),
        ("CREATE INDEX ix_more ON messages (kind)", "ix_more"),
    ],
)
async def test_run_where_something_was_made_meanwhile(
    statement: str,
    name: str,
    connection: psycopg.Connection,
    migrator_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is named before the switch, and once it is dropped the run goes on."""
    end_run(monkeypatch, "copy", "after")
    with pytest.raises(ConnectionAbortedError):
        await partitions.run(migrator_url, partitions=4)
    monkeypatch.undo()
    connection.execute(statement.encode())

    with pytest.raises(BotcoreError, match=name):
        await partitions.run(migrator_url, partitions=4)

    connection.execute(f"DROP {'VIEW' if 'VIEW' in statement else 'INDEX'} {name.rsplit(maxsplit=1)[-1]}".encode())
    await partitions.run(migrator_url, partitions=4)
    assert layout(connection) == "kept"


async def test_run_keeps_what_an_operator_made(connection: psycopg.Connection, migrator_url: str) -> None:
    """Rights on columns go over and end on the old table; triggers are as they were; a broken reference stays one."""
    connection.execute("GRANT SELECT (chat_id, content) ON messages TO pg_monitor WITH GRANT OPTION")
    connection.execute("CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE; END'")
    connection.execute("CREATE TRIGGER audit BEFORE DELETE ON messages FOR EACH ROW EXECUTE FUNCTION audit()")
    connection.execute("ALTER TABLE messages DISABLE TRIGGER audit")
    connection.execute("CREATE TABLE pins (chat_id bigint, id bigint)")
    connection.execute("INSERT INTO pins VALUES (0, 0)")
    connection.execute(
        "ALTER TABLE pins ADD CONSTRAINT fk_pins FOREIGN KEY (chat_id, id) REFERENCES messages NOT VALID"
    )
    connection.execute("ALTER TABLE pins OWNER TO botcore_owner")

    await partitions.run(migrator_url, partitions=4)

    rights = "SELECT has_column_privilege('pg_monitor', %s, 'content', 'SELECT')"
    assert connection.execute(rights, ["messages"]).fetchone() == (True,)
    assert connection.execute(rights, ["messages_unpartitioned"]).fetchone() == (False,)
    assert connection.execute("DELETE FROM messages WHERE chat_id = 3").rowcount == 25
    assert layout(connection) == "kept"
    await partitions.drop_old(migrator_url)


async def test_run_with_another_number_after_the_switch(
    connection: psycopg.Connection, migrator_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number is for good by then, and the old table stays until the run has come to its end."""
    end_run(monkeypatch, "switch", "after")
    with pytest.raises(ConnectionAbortedError):
        await partitions.run(migrator_url, partitions=4)
    monkeypatch.undo()
    assert layout(connection) == "switched"

    with pytest.raises(InvalidInput, match=r"was begun with 4: go on with that$"):
        await partitions.run(migrator_url, partitions=32)
    with pytest.raises(InvalidInput, match="the last step is missing"):
        await partitions.drop_old(migrator_url)


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
