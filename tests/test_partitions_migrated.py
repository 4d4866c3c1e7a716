"""Partitioned messages afterwards: how migrations change them, and that a query reads one partition."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from botcore import InvalidInput, migrations, partitions
from tests import roles
from tests.conftest import CreateDatabase
from tests.partitioning import fill, step
from tests.plans import explain
from tests.test_migrations import AddMigration, add_migration, folder, sessions_search_by_the_index

__all__ = ["add_migration", "folder"]

COLUMN = "ALTER TABLE messages ADD COLUMN more BIGINT"


@pytest.fixture(scope="module")
def partitioned(create_database: CreateDatabase, template: str) -> Iterator[str]:
    """The name of a database whose messages are in four partitions."""
    with create_database(template, as_template=True) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection, 400, 10)
            connection.execute("SET ROLE botcore_owner")
            for file in ("create", "mirror", "copy", "copy", "copy", "copy", "copy"):
                step(connection, file)
            for file in ("compare", "compare", "compare", "compare", "compare", "switch", "validate", "drop_old"):
                step(connection, file)
            connection.execute("VACUUM ANALYZE messages, users, chats")
        yield str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture
def url(create_database: CreateDatabase, partitioned: str) -> Iterator[str]:
    """The URL of a copy of it, for the migrator."""
    with create_database(partitioned) as url:
        yield roles.url_of("migrator", url)


async def test_upgrade_and_downgrade_of_partitions(url: str, add_migration: AddMigration) -> None:
    """A column comes and goes on partitions as on a table, with its rights."""
    add_migration(COLUMN, "ALTER TABLE messages DROP COLUMN more")

    await migrations.upgrade(url)
    with psycopg.connect(roles.url_of("app", url)) as app:
        app.execute("SELECT more FROM messages")
    await migrations.downgrade(url, "-1")

    assert await migrations.current(url) != "9999"


async def test_sessions_of_before_search_by_the_index(url: str) -> None:
    """As on a table, though each partition's index has a name of its own."""
    await sessions_search_by_the_index(url)


@pytest.mark.parametrize("index", ["ix_messages_id", "ix_messages_sent_at"])
async def test_upgrade_makes_an_index_on_each_partition(url: str, index: str) -> None:
    """One that a migration brings stands on every partition, also where a run that failed left half of it."""
    await migrations.downgrade(url, "0017")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET ROLE botcore_owner")
        connection.execute(f"CREATE INDEX {index}_p01 ON messages_p01 (chat_id)".encode())
        connection.execute(f"CREATE INDEX {index} ON ONLY messages (id)".encode())

        await migrations.upgrade(url)

        valid = "SELECT bool_and(indisvalid), count(*) FROM pg_index WHERE indexrelid::regclass::text LIKE %s"
        assert connection.execute(valid, [f"{index}%"]).fetchone() == (True, 5)


@pytest.mark.parametrize("revision", ["0013", "-9", "base", "-99", "head-6", "0015-2"])
async def test_downgrade_below_partitions(revision: str, url: str) -> None:
    """Migrations of when there were no partitions are refused as a whole, before the first of them runs."""
    before = await migrations.current(url)

    with pytest.raises(InvalidInput, match="messages is partitioned"):
        await migrations.downgrade(url, revision)

    assert await migrations.current(url) == before


async def test_upgrade_in_the_middle_of_a_run(database_url: str, add_migration: AddMigration) -> None:
    """The copy would lack what a migration adds: whoever gave up a run ends it, or says that it is given up."""
    url = roles.url_of("migrator", database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET ROLE botcore_owner")
        step(connection, "create")
    add_migration(COLUMN)

    with pytest.raises(InvalidInput, match="being partitioned"):
        await migrations.upgrade(url)
    with pytest.raises(InvalidInput, match="being partitioned"):
        await migrations.downgrade(url, "-1")

    await partitions.abandon(url)
    await migrations.upgrade(url)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("messages/recent", "ix_messages_dialogue_p0"),
        ("messages/window", "ix_messages_dialogue_p0"),
        ("messages/record", "uq_messages_chat_id_telegram_message_id_p0"),
        ("messages/add", "uq_messages_chat_id_telegram_message_id_p0"),
        ("messages/get", "pk_messages_p0"),
        ("messages/listen_in_chat", "pk_messages_p0"),
        ("messages/clear", "ix_messages_dialogue_p0"),
    ],
)
def test_query_of_a_chat_reads_one_partition(name: str, index: str, url: str) -> None:
    """Its generic plan has every partition's index, and goes by one."""
    with psycopg.connect(url, autocommit=True) as connection, connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = explain(connection, name, "force_generic_plan", analyze=True)

    assert index in plan
    assert len(set(re.findall(r"on (messages_p\d+)[^\n]*\(actual", plan))) <= 1
    assert "Seq Scan on messages" not in plan
