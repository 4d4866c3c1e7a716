"""`botcli db`: migrations, psql and the embedded server from the command line."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcli import __main__ as entry
from botcli.cli import db, psql
from botcore import BotcoreError, InvalidInput, NotFound, SchemaMismatch, Unavailable, migrations, queries
from tests.botcli.conftest import Start

CANARY = "canary-password"
NO_SERVER = f"postgresql://postgres:{CANARY}@127.0.0.1:1/x"


pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for an embedded server, which a server's own user reaches too; no DATABASE_URL."""
    folder = Path(tempfile.mkdtemp(prefix="botcore-"))
    folder.chmod(0o711)
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("BOTCORE_DATA_DIR", str(folder))
    yield folder
    db.stop()
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.fault("six migrations at once")
async def test_upgrade_in_six_processes(start: Start, empty_database_url: str) -> None:
    """Six at once all succeed, and the schema is there once."""
    processes = [await start("db", "upgrade", DATABASE_URL=empty_database_url) for _ in range(6)]
    said = [await process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0] * 6
    assert {err.decode() for _, err in said} == {f"the schema is at {migrations.head()}\n"}
    await migrations.check(empty_database_url)


async def test_upgrade_of_a_database_ahead(start: Start, database_url: str) -> None:
    """A schema that this code does not know is refused in one line with the command."""
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    process = await start("db", "upgrade")
    out, err = await process.communicate()

    assert (process.returncode, out) == (1, b"")
    assert err.decode().endswith("does not know: run `pip install --upgrade botcore`\n")
    assert err.count(b"\n") == 1


async def test_upgrade_without_a_server(start: Start) -> None:
    """A server that is not there is one line without the password."""
    process = await start("db", "upgrade", DATABASE_URL=NO_SERVER, LOG_LEVEL="DEBUG")
    out, err = await process.communicate()

    assert (process.returncode, out) == (1, b"")
    assert err.decode() == (
        "botcli: cannot connect to 127.0.0.1:1/x as postgres: nothing listens there; is the server running?\n"
    )


@pytest.mark.slow
async def test_upgrade_interrupted_while_it_waits(start: Start, empty_database_url: str) -> None:
    """Ctrl-C ends a command that waits for another one's migrations."""
    waiting = """
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%try_advisory_lock%'
    """
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute(queries.load("migrations/lock").statement)
        process = await start("db", "upgrade", DATABASE_URL=empty_database_url)
        while not other.execute(waiting).fetchone():
            other.execute("SELECT pg_sleep(0.05)")
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 5)

    assert (process.returncode, out, err) == (130, b"", b"")


async def test_upgrade_as_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    """--sql asks no server and prints what psql runs, and nothing else."""
    await db.upgrade("0001:0002", sql=True)

    assert capsys.readouterr() == (migrations.script("0001:0002"), "")


async def test_downgrade_off_a_terminal(start: Start, database_url: str) -> None:
    """What destroys data wants --yes where nobody can be asked, and changes nothing without."""
    process = await start("db", "downgrade", "base")
    out, err = await process.communicate(b"y\n")

    assert (process.returncode, out) == (2, b"")
    assert b"--yes" in err
    assert b"--dry-run" in err
    await migrations.check(database_url)


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(("answer", "left"), [("y\n", "0001"), ("\n", "head"), ("no\n", "head"), ("", "head")])
async def test_downgrade_asks(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database_url: str,
    answer: str,
    left: str,
) -> None:
    """In a terminal the question names both revisions, and only a yes goes on."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdin, "readline", lambda: answer)

    if left == "head":
        with pytest.raises(SystemExit, match="1"):
            await db.downgrade("0001")
    else:
        await db.downgrade("0001")

    assert f"from {migrations.head()} back to 0001 destroys data" in capsys.readouterr().err
    assert await migrations.current(database_url) == left.replace("head", migrations.head())


@pytest.mark.usefixtures("database_url")
async def test_downgrade_dry_run(capsys: pytest.CaptureFixture[str], database_url: str) -> None:
    """--dry-run prints the SQL from where the database is, and changes nothing."""
    await migrations.downgrade(database_url, "0002")

    await db.downgrade("-1", dry_run=True)

    assert capsys.readouterr().out == migrations.script("0002:0001", "downgrade")
    assert await migrations.current(database_url) == "0002"


@pytest.mark.usefixtures("database_url")
async def test_downgrade_with_yes(capsys: pytest.CaptureFixture[str], database_url: str) -> None:
    """--yes goes on without a question; below base there is nothing."""
    await db.downgrade("base", yes=True)
    await db.downgrade("base", yes=True)

    assert capsys.readouterr().err.splitlines() == [
        "the schema is at base",
        "the database has no schema: there is nothing to undo",
    ]
    assert await migrations.current(database_url) is None


async def test_current_and_check_on_the_way_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    """`current` prints the revision on stdout, or that there is none on stderr; `check` fails until the head."""
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    await db.current()
    none = capsys.readouterr()
    with pytest.raises(SchemaMismatch):
        await db.check()
    await db.upgrade()
    capsys.readouterr()
    await db.current()
    await db.current(json=True)
    await db.check()

    assert (none.out, none.err) == ("", "the database has no schema yet: run `botcli db upgrade`\n")
    line, _, document = capsys.readouterr().out.partition("\n")
    assert line == f"{migrations.head()} (head)"
    assert json.loads(document) == {"current": migrations.head(), "head": migrations.head()}


def test_history(capsys: pytest.CaptureFixture[str]) -> None:
    """Every migration with its title, the newest marked."""
    db.history()
    lines = capsys.readouterr().out.splitlines()
    db.history(json=True)
    document = json.loads(capsys.readouterr().out)

    assert lines[0] == "0001\tusers"
    assert [line.endswith("(head)") for line in lines] == [False] * (len(lines) - 1) + [True]
    assert [(each["revision"], each["title"]) for each in document] == migrations.history()


async def test_psql_of_the_path(start: Start, database_url: str, psql_binaries: Path) -> None:
    """Psql's own arguments reach it, as does its exit code; no extension of the URL's scheme confuses it."""
    url = database_url.replace("postgresql://", "postgresql+psycopg://")
    path = f"{psql_binaries}:{os.environ['PATH']}"

    process = await start("db", "psql", "-Atc", "SELECT 6 * 7", "--set=x=-1", DATABASE_URL=url, PATH=path)
    out, err = await process.communicate()
    failed = await start("db", "psql", "-c", "SELECT nonsense", PATH=path)
    await failed.communicate()

    assert (process.returncode, out, err) == (0, b"42\n", b"")
    assert failed.returncode == 1


def test_psql_without_the_password_in_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The server goes to psql by its environment: arguments are everybody's to see."""
    (tmp_path / "psql").write_text('#!/bin/sh\necho "$0 $*"\nenv | grep ^PG | sort\nexit 7\n')
    (tmp_path / "psql").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    code = psql.run_psql(f"postgres://ada:{CANARY}@127.0.0.1:7/x?keepalives=1", ["-c", "a b"], is_embedded=False)

    assert code == 7
    assert capfd.readouterr().out.splitlines() == [
        f"{tmp_path}/psql -c a b",
        "PGCONNECT_TIMEOUT=10",
        "PGDATABASE=x",
        "PGHOST=127.0.0.1",
        f"PGPASSWORD={CANARY}",
        "PGPORT=7",
        "PGUSER=ada",
    ]


async def test_embedded_server_from_start_to_stop(
    start: Start, data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`start` leaves a migrated server behind its process, `url` says where, psql gets in, `stop` ends it."""
    process = await start("db", "start", DATABASE_URL=None, BOTCORE_DATA_DIR=str(data_dir))
    out, _ = await process.communicate()
    db.url()
    url = capfd.readouterr().out
    db.status(json=True)
    running = json.loads(capfd.readouterr().out)
    code = await db.psql("-Atc", "SELECT count(*) FROM messages")
    counted = capfd.readouterr().out
    db.stop()
    with pytest.raises(Unavailable, match="botcli db start"):
        db.url()
    db.stop()

    assert (process.returncode, out.decode(), url.startswith("postgresql://")) == (0, url, True)
    assert running.items() >= {"running": True, "data_dir": str(data_dir), "url": url.strip(), "kept": True}.items()
    assert (code, counted) == (0, "0\n")
    assert capfd.readouterr().err.splitlines() == ["stopped", "the embedded server was not running"]


@pytest.mark.parametrize("command", [db.stop, db.status, db.url])
def test_embedded_server_with_a_database_url(command: Any) -> None:
    """Where DATABASE_URL names a server, the embedded one's commands say so rather than do nothing."""
    with pytest.raises(InvalidInput, match=r"^DATABASE_URL: is set"):
        command()


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (NotFound("message", chat_id=1), 3, "no message with chat_id=1"),
        (InvalidInput("page_size", "must be 1..1000"), 2, "page_size: must be 1..1000"),
        (BotcoreError("two\nlines"), 1, "two lines"),
        (PermissionError(13, "Permission denied", ".env"), 1, ".env: Permission denied"),
        (
            UnicodeEncodeError("ascii", "\xfc", 0, 1, CANARY),
            1,
            "ascii lacks a character of the output: set PYTHONUTF8=1",
        ),
        (ModuleNotFoundError(CANARY, name="aiogram.types"), 1, "this command needs more: pip install 'botcore[bot]'"),
        (ModuleNotFoundError(CANARY, name="matplotlib"), 1, "this command needs more: pip install 'botcore[charts]'"),
    ],
)
def test_errors_as_one_line(error: Exception, code: int, message: str) -> None:
    """Each kind of error has its exit code and one line."""
    assert entry._read(error) == (code, message)


def test_fault_as_one_line() -> None:
    """A fault of ours says what and where, and nothing of its text, which could be anybody's."""
    with pytest.raises(ValueError, match=CANARY) as fault:
        int(CANARY)

    assert entry._read(fault.value)[1].startswith(f"unexpected builtins.ValueError at {__file__}:")


async def test_settings_that_are_wrong(start: Start) -> None:
    """A setting that cannot be is wrong usage: its name, and never its value."""
    process = await start("db", "check", LOG_LEVEL=CANARY)
    out, err = await process.communicate()

    assert (process.returncode, out) == (2, b"")
    assert err.startswith(b"botcli: LOG_LEVEL: Input should be 'DEBUG'")
    assert CANARY not in err.decode()
