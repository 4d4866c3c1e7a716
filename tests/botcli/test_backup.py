"""`botcli backup` and `botcli restore`: everything comes back and is compared, or nothing does and it says why."""

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcli.cli.backup import backup, restore
from botcore import BotcoreError, Database, InvalidInput, migrations
from tests import roles
from tests.botcli.conftest import Start
from tests.conftest import CreateDatabase, Measured
from tests.dumps import dump
from tests.factories import edited, said
from tests.partitioning import layout, step

# an archive has no rights: in a restored database the app has none until `botcli db roles` ran again
pytestmark = [pytest.mark.usefixtures("settings"), pytest.mark.role("superuser")]


@pytest.fixture
async def stored(database: Database) -> None:
    """Two people's messages, one edited and one hidden, with what COPY has to escape."""
    for number, content in enumerate(["one", "tab\t, newline\n, \\. and \\\\", "\U0001f600", "\\N"], start=1):
        await said(database, telegram_message_id=number, content=content)
    await database.messages.edit(**edited(5, telegram_message_id=1, content="one, edited"))
    hidden = (await said(database, telegram_user_id=8, telegram_chat_id=8, telegram_message_id=9)).message
    await database.messages.delete(chat_id=hidden.chat_id, message_id=hidden.id)


def rows(text: str) -> str:
    """A dump without what names the connection's programs."""
    return re.sub(r"^--.*$|^SET .*$", "", text, flags=re.MULTILINE)


@pytest.mark.fault("backup and restore")
@pytest.mark.usefixtures("stored")
async def test_restore_brings_everything_back(
    database_url: str,
    create_database: CreateDatabase,
    psql_binaries: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    measured: Measured,
) -> None:
    """Schema and rows are the same to the byte, new rows get new ids, and counts are printed."""
    file = tmp_path / "b.dump"
    await backup(file, json=True)
    counts = json.loads(capsys.readouterr().out)

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        await restore(file, without_ledger=True, json=True)
        restored = json.loads(capsys.readouterr().out)
        without_roles = ("--no-owner", "--no-privileges")
        same = rows(dump(psql_binaries, url, *without_roles)) == rows(dump(psql_binaries, database_url, *without_roles))
        async with Database.connect(url) as database:
            new = (await said(database, telegram_message_id=100)).message

    assert (counts["messages"], counts["message_versions"], counts["users"]) == (5, 2, 2)
    assert restored == {**counts, "entered": 0}
    assert same
    assert new.id == 6
    assert {entry.stat().st_mode & 0o777 for entry in os.scandir(tmp_path)} == {0o600}
    measured("rows back", sum(counts.values()))


@pytest.mark.usefixtures("stored")
async def test_restore_replays_the_ledger(
    database: Database,
    create_database: CreateDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: Start,
) -> None:
    """Who was erased after the backup is not back; without a word about the ledger nothing is restored."""
    file, ledger = tmp_path / "b.dump", tmp_path / "ledger.jsonl"
    await backup(file)
    await database.users.erase(telegram_user_id=8)
    exported, _ = await (await start("ledger", "export")).communicate()
    ledger.write_bytes(exported)

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with pytest.raises(InvalidInput, match="--ledger"):
            await restore(file)
        assert await migrations.current(url) is None
        await restore(file, ledger_file=ledger)
        async with Database.connect(url) as restored:
            assert await restored.users.find(telegram_user_id=8) is None
            assert await restored.users.find(telegram_user_id=7)


async def test_backup_of_an_older_schema_is_brought_up_to_date(
    database_url: str, create_database: CreateDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup from before a migration is compared as it was, then migrated."""
    before = migrations.history()[-2][0]
    await migrations.downgrade(database_url, before)
    await backup(tmp_path / "b.dump")

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        await restore(tmp_path / "b.dump", without_ledger=True)

        await migrations.check(url)


async def test_backup_in_the_midst_of_partitioning(
    database: Database,
    connection: psycopg.Connection,
    create_database: CreateDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The messages come back in one table, whatever was copied, and no trigger stays."""
    await said(database)
    step(connection, "create")
    step(connection, "mirror")
    await backup(tmp_path / "b.dump")

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        await restore(tmp_path / "b.dump", without_ledger=True)

        with psycopg.connect(url) as restored:
            assert layout(restored) == "plain"
            assert restored.execute("SELECT count(*) FROM messages").fetchone() == (1,)


async def test_backup_while_messages_come(
    database: Database, create_database: CreateDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup is of one moment: each message in it has its chat and its person, and those before are all there."""
    for number in range(1, 51):
        await said(database, telegram_message_id=number)

    async def writes() -> None:
        for number in range(51, 10_000):
            await said(database, telegram_user_id=number, telegram_chat_id=number, telegram_message_id=number)

    writing = asyncio.ensure_future(writes())
    await asyncio.sleep(0.1)
    await backup(tmp_path / "b.dump")
    writing.cancel()

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        await restore(tmp_path / "b.dump", without_ledger=True)
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT count(*), count(DISTINCT chat_id) FROM messages").fetchone()

    assert found
    assert found[0] > 50
    assert found[0] == 49 + found[1]


def newer(manifest: Path) -> None:
    """The backup is of a schema to come."""
    manifest.write_text(manifest.read_text().replace(migrations.head(), "9999"))


def flip(file: Path) -> None:
    """One byte is another one."""
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip, "its bytes changed"),
        (lambda file: file.write_bytes(file.read_bytes()[:-100]), "cut off"),
        (lambda file: Path(f"{file}.json").unlink(), "is missing: it is written beside the archive"),
        (lambda file: Path(f"{file}.json").write_text("[]"), "no manifest"),
        (lambda file: Path(f"{file}.json").write_text('{"format": "other", "contents": {}}'), "no manifest"),
    ],
)
@pytest.mark.usefixtures("database_url")
async def test_restore_of_a_damaged_backup(
    create_database: CreateDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Any, reason: str
) -> None:
    """What is not whole is refused before anything is changed."""
    file = tmp_path / "b.dump"
    await backup(file)
    damage(file)

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with pytest.raises(InvalidInput, match=reason):
            await restore(file, without_ledger=True)
        assert await migrations.current(url) is None


@pytest.mark.usefixtures("stored")
async def test_restore_that_differs(
    create_database: CreateDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where the restored rows are not those of the manifest, it names the table, says what to do, and fails."""
    file, manifest = tmp_path / "b.dump", tmp_path / "b.dump.json"
    await backup(file)
    told = json.loads(manifest.read_text())
    told["contents"]["sha256"]["messages"] = "0" * 64
    manifest.write_text(json.dumps(told))

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with pytest.raises(BotcoreError, match="differs from the backup in messages: do not use it"):
            await restore(file, without_ledger=True)
        assert "drop this database and begin anew" in capsys.readouterr().err
        with pytest.raises(BotcoreError, match="what an interrupted restore left is not to be used"):
            await restore(file, without_ledger=True)


async def test_restore_gives_each_role_its_rights(
    database_url: str, create_database: CreateDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a database that has the roles the migrator restores what each of them may do again, on every table."""

    def rights(url: str) -> set[tuple[Any, ...]]:
        found = roles.rows(url, roles.EVERYTHING) + roles.rows(url, roles.OBJECTS)
        return {row for row in found if row[0] != "database"}

    await backup(tmp_path / "b.dump")

    with create_database() as url:
        roles.create(url)
        monkeypatch.setenv("DATABASE_URL", roles.url_of("migrator", url))
        await restore(tmp_path / "b.dump", without_ledger=True)

        assert rights(url) == rights(database_url)
        async with Database.connect(roles.url_of("app", url)) as database:
            assert (await said(database)).is_new


async def test_restore_into_a_database_in_use(database: Database, tmp_path: Path) -> None:
    """A database with a schema is not touched, a backup not overwritten, one of a newer botcore not tried."""
    file = tmp_path / "b.dump"
    await said(database)
    await backup(file)

    with pytest.raises(BotcoreError, match="not empty: restore into a new one"):
        await restore(file, without_ledger=True)
    with pytest.raises(InvalidInput, match="--force overwrites"):
        await backup(file)
    await backup(file, force=True)
    newer(Path(f"{file}.json"))
    with pytest.raises(BotcoreError, match="at migration 9999: a newer botcore"):
        await restore(file, without_ledger=True)


async def test_backup_of_nothing(empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a schema there is nothing to back up, and no file."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    with pytest.raises(BotcoreError, match="nothing to back up"):
        await backup(tmp_path / "b.dump")

    assert [*os.scandir(tmp_path)] == []


async def test_restore_beside_somebody_elses_table(
    database: Database,
    create_database: CreateDatabase,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that is not empty is not touched."""
    await said(database)
    await backup(tmp_path / "b.dump")

    with create_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE customers ()")
            with pytest.raises(BotcoreError, match="not empty"):
                await restore(tmp_path / "b.dump", without_ledger=True)
            assert await migrations.current(url) is None
