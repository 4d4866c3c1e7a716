"""The schema's migrations: up, down, many at once, killed, behind a reader, and as a script for psql."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from botcore import InvalidInput, SchemaMismatch, migrations
from tests.partitioning import fill

CHECKOUT = Path(__file__).parents[1]
Dump = Callable[[str], str]
AddMigration = Callable[..., None]
Pour = Callable[[str, str], None]


@pytest.fixture
def dump(psql_binaries: Path) -> Dump:
    """What pg_dump says of a database's schema."""

    def dump(url: str) -> str:
        # who owns what and who may what: tests/test_roles_made.py
        command = [str(psql_binaries / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges", url]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        # a random key of each run's own: --restrict-key is not known to every pg_dump
        return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)

    return dump


@pytest.fixture
def pour(psql_binaries: Path) -> Pour:
    """Runs a script in psql, up to its first error."""

    def pour(script: str, url: str) -> None:
        command = [str(psql_binaries / "psql"), "--no-psqlrc", "-v", "ON_ERROR_STOP=1", url]
        subprocess.run(command, input=script, check=True, capture_output=True, text=True)

    return pour


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of alembic/ that a test may change."""
    copy = tmp_path / "alembic"
    shutil.copytree(migrations.folder(), copy)
    monkeypatch.setattr(migrations, "folder", lambda: copy)
    return copy


@pytest.fixture
def add_migration(folder: Path) -> AddMigration:
    """Adds migration 9999, or replaces it."""
    last = migrations.head()

    def add_migration(up: str, down: str = "SELECT") -> None:
        (folder / "versions/9999_test.py").write_text(
            "from botcore.migrations import execute\n"
            f"revision, down_revision = '9999', {last!r}\n"
            f"def upgrade(): execute({up!r})\n"
            f"def downgrade(): execute({down!r})\n"
        )

    return add_migration


async def test_current_and_check_on_the_way_up(empty_database_url: str) -> None:
    """An empty database is at no revision and behind; a step is behind too; the head is what the code expects."""
    url, first = empty_database_url, migrations.history()[0][0]

    assert await migrations.current(url) is None
    with pytest.raises(SchemaMismatch, match="no schema yet") as empty:
        await migrations.check(url)
    await migrations.upgrade(url, "+1")
    with pytest.raises(SchemaMismatch, match=f"at migration {first}, behind {migrations.head()}") as behind:
        await migrations.check(url)
    await migrations.upgrade(url)
    await migrations.check(url)

    assert await migrations.current(url) == migrations.head()
    assert [(error.value.command, error.value.is_behind) for error in (empty, behind)] == [
        ("botcli db upgrade", True)
    ] * 2


async def test_up_down_up(empty_database_url: str, dump: Dump) -> None:
    """Every migration's way back undoes all of it: the dumps are equal, and base leaves no table of ours."""
    await migrations.upgrade(empty_database_url)
    before = dump(empty_database_url)

    await migrations.downgrade(empty_database_url, "base")
    base = dump(empty_database_url)
    await migrations.upgrade(empty_database_url)

    assert dump(empty_database_url) == before
    assert "CREATE TABLE public.messages" in before
    assert _created(base) == []


async def test_calls_for_a_database_ahead(database_url: str, folder: Path, dump: Dump) -> None:
    """Code without the database's revision touches nothing and says to upgrade itself."""
    before = dump(database_url)
    max((folder / "versions").glob("*.py")).unlink()

    for call in (migrations.check(database_url), migrations.upgrade(database_url)):
        with pytest.raises(SchemaMismatch, match="pip install --upgrade botcore") as ahead:
            await call
        assert not ahead.value.is_behind
    with pytest.raises(SchemaMismatch):
        await migrations.downgrade(database_url, "base")

    assert dump(database_url) == before


@pytest.mark.parametrize("revision", ["nonsense", "-9", "0001:0002", "0003"])
async def test_downgrade_to_nonsense(database_url: str, revision: str) -> None:
    """A revision that is unknown or not below is refused by the argument's name."""
    await migrations.downgrade(database_url, "0002")

    with pytest.raises(InvalidInput, match=r"^revision: ") as refused:
        await migrations.downgrade(database_url, revision)

    assert refused.value.field == "revision"
    assert await migrations.current(database_url) == "0002"


async def test_upgrade_six_times_at_once_in_one_process(empty_database_url: str) -> None:
    """Calls of one process wait for each other as those of many do."""
    await asyncio.gather(*[migrations.upgrade(empty_database_url) for _ in range(6)])

    await migrations.check(empty_database_url)


@pytest.mark.fault("a migration is killed in its midst")
async def test_upgrade_after_a_kill(
    empty_database_url: str, add_migration: AddMigration, folder: Path, dump: Dump
) -> None:
    """A migration killed in its midst leaves what came before it, and a second run completes the rest."""
    add_migration("CREATE TABLE half (); SELECT pg_sleep(1)")
    program = (
        "import asyncio, pathlib, sys; from botcore import migrations;"
        "migrations.folder = lambda: pathlib.Path(sys.argv[1]);"
        "asyncio.run(migrations.upgrade(sys.argv[2]))"
    )

    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, str(folder), empty_database_url)
    await _until_it_sleeps(empty_database_url)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    killed_at = await migrations.current(empty_database_url)
    add_migration("CREATE TABLE half ()")
    await migrations.upgrade(empty_database_url)

    assert killed_at == migrations.history()[-2][0]
    await migrations.check(empty_database_url)
    assert "CREATE TABLE public.half" in dump(empty_database_url)


@pytest.mark.fault("a migration meets a long reader")
async def test_upgrade_behind_a_long_reader(
    database_url: str, add_migration: AddMigration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration that waits for a table stands aside again and again, so that readers go on, and ends after them."""
    monkeypatch.setattr(migrations, "LOCK_TIMEOUT", "200ms")
    monkeypatch.setattr(migrations, "_RETRY_SECONDS", 0.1)
    add_migration("ALTER TABLE users ADD COLUMN nickname TEXT")
    waits: list[float] = []

    async with asyncio.timeout(20), _reader(database_url) as long_reader, _reader(database_url) as short_reader:
        await long_reader.execute("SELECT FROM users")
        upgrade = asyncio.create_task(migrations.upgrade(database_url))
        while len(waits) < 20:
            started = time.monotonic()
            await short_reader.execute("SELECT FROM users")
            await short_reader.commit()
            waits.append(time.monotonic() - started)
            await asyncio.sleep(0.05)
        was_done = upgrade.done()
        await long_reader.commit()
        await upgrade

    assert not was_done
    assert max(waits) > 0.05, "the migration never stood in the readers' way: the test proves nothing"
    assert max(waits) < 0.5
    await migrations.check(database_url)


async def test_upgrade_with_options_in_the_url(database_url: str, add_migration: AddMigration) -> None:
    """The URL's own options stay, and do not undo our timeouts."""
    add_migration(
        "CREATE TABLE seen AS SELECT current_setting('lock_timeout') AS wait, current_setting('work_mem') AS memory"
    )

    sign = "&" if "?" in database_url else "?"
    await migrations.upgrade(f"{database_url}{sign}options=-c%20work_mem%3D7MB")

    async with _reader(database_url) as reader:
        assert await (await reader.execute("TABLE seen")).fetchone() == (migrations.LOCK_TIMEOUT, "7MB")


def test_script_in_psql(empty_database_url: str, database_url: str, dump: Dump, pour: Pour) -> None:
    """The script of an upgrade takes psql to the same schema, in two parts as well, and the way back to none."""
    pour(migrations.script("0002"), empty_database_url)
    pour(migrations.script("0002:head"), empty_database_url)
    poured = dump(empty_database_url)

    pour(migrations.script("base", "downgrade"), empty_database_url)

    assert poured == dump(database_url)
    assert _created(dump(empty_database_url)) == []


async def test_downgrade_without_the_cache(database_url: str, connection: psycopg.Connection, dump: Dump) -> None:
    """Where its triggers were dropped, as operations.md says, the way back is as ever."""
    connection.execute("DROP FUNCTION tell_of_change CASCADE")

    await migrations.downgrade(database_url, "0014")

    assert "tell_of_change" not in dump(database_url)


async def test_sessions_of_before_search_by_the_index(database_url: str, connection: psycopg.Connection) -> None:
    """What their connections know of it is of the function that a migration replaces."""
    fill(connection, 20, 50)

    await sessions_search_by_the_index(database_url)


async def sessions_search_by_the_index(url: str) -> None:
    """Asks a connection of before on the way down to 0019 and back."""
    search = (
        "EXPLAIN SELECT FROM messages"
        " WHERE message_words(content, chat_id, user_id, id) @@ 'fox'::tsquery AND deleted_at IS NULL"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET enable_seqscan = off")
        for go in (migrations.downgrade, migrations.upgrade):
            await go(url, "0019" if go is migrations.downgrade else "head")
            plan = "\n".join(line for (line,) in connection.execute(search))
            assert re.search("Index Cond: .*@@ .*fox", plan), plan


async def test_execute_of_any_text(database_url: str, add_migration: AddMigration, pour: Pour) -> None:
    """Colons, percent signs and backslashes reach the server as they are written, directly and by the script."""
    text = r" :name :30 a::b 100% %s %(name)s \:c"
    add_migration(f"CREATE TABLE seen AS SELECT '{text}'::text, (ARRAY[1, 2])[1:1]", "DROP TABLE seen")

    async with _reader(database_url) as reader:
        await migrations.upgrade(database_url)
        direct = await (await reader.execute("TABLE seen")).fetchone()
        await reader.commit()
        await migrations.downgrade(database_url, "-1")
        pour(migrations.script(f"{migrations.history()[-2][0]}:head"), database_url)
        poured = await (await reader.execute("TABLE seen")).fetchone()

    assert direct == poured == (text, [1])


def test_alembic_itself(empty_database_url: str, dump: Dump, database_url: str) -> None:
    """Who knows Alembic uses it: `alembic upgrade head` reads DATABASE_URL."""
    environment = {**os.environ, "DATABASE_URL": empty_database_url}
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]

    subprocess.run(command, cwd=CHECKOUT, env=environment, check=True, capture_output=True)

    assert dump(empty_database_url) == dump(database_url)


def _created(dump: str) -> list[str]:
    """What a dump creates; Alembic's own table stays for good."""
    return re.findall(r"CREATE (?!TABLE public\.alembic_version).*", dump)


@asynccontextmanager
async def _reader(url: str) -> AsyncIterator[psycopg.AsyncConnection[TupleRow]]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        yield connection


async def _until_it_sleeps(url: str) -> None:
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE TABLE half%'"
    async with asyncio.timeout(20), _reader(url) as reader:
        await reader.set_autocommit(True)
        while not await (await reader.execute(query)).fetchone():
            await reader.execute("SELECT pg_sleep(0.05)")
