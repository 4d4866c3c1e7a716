"""`botcli backup` and `botcli restore` that are interrupted: no file is left, and nobody is let in too soon."""

import asyncio
import os
import signal
import time
from pathlib import Path

import psycopg
import pytest

from botcli import archive
from botcli.cli.backup import backup, restore
from botcore import migrations
from tests import roles
from tests.botcli.conftest import Start
from tests.conftest import CreateDatabase, until_waiting

pytestmark = [pytest.mark.usefixtures("settings"), pytest.mark.role("superuser")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_backup_that_is_interrupted(
    start: Start, connection: psycopg.Connection, database_url: str, tmp_path: Path, number: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM leave no file, and nobody who waits on the server."""
    with psycopg.connect(database_url) as holder:
        # pg_dump waits for this
        holder.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        process = await start("backup", str(tmp_path / "b.dump"))
        await until_waiting(connection)
        process.send_signal(number)
        await process.communicate()

    assert process.returncode == 128 + number
    assert [*os.scandir(tmp_path)] == []


async def test_restore_of_an_older_backup_lets_nobody_in_before_the_ledger(
    database_url: str, create_database: CreateDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The migrations that are due give no role its rights while those who were erased are back."""
    await migrations.downgrade(database_url, migrations.history()[-2][0])
    await backup(tmp_path / "b.dump")
    monkeypatch.setattr(migrations, "grant", interrupted)

    with create_database() as url:
        roles.create(url)
        monkeypatch.setenv("DATABASE_URL", roles.url_of("migrator", url))
        with pytest.raises(asyncio.CancelledError):
            await restore(tmp_path / "b.dump", without_ledger=True)

        await migrations.check(roles.url_of("migrator", url))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            roles.rows(roles.url_of("app", url), "SELECT FROM messages")


async def interrupted(_: str) -> None:
    """Ctrl-C, before the roles get their rights."""
    raise asyncio.CancelledError


@pytest.mark.usefixtures("database_url")
async def test_backup_interrupted_at_its_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a thread still does after Ctrl-C leaves no file behind."""
    began = asyncio.Event()
    loop = asyncio.get_running_loop()

    def digest(path: Path) -> str:
        with path.open("rb"):
            loop.call_soon_threadsafe(began.set)
            time.sleep(0.3)
        return ""

    monkeypatch.setattr(archive, "digest", digest)
    making = asyncio.create_task(backup(tmp_path / "b.dump"))
    await began.wait()
    making.cancel()
    with pytest.raises(asyncio.CancelledError):
        await making
    await asyncio.sleep(0.5)

    assert [*os.scandir(tmp_path)] == []
