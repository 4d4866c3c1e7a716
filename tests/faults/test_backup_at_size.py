"""A million messages, backed up while others come and brought back, with whoever does it killed midway."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from botcore import Database
from tests.conftest import Measured
from tests.factories import dialogue, said
from tests.faults.servers import Server

MESSAGES = 1_000_000

FILL = f"""
INSERT INTO users (telegram_user_id, first_name) SELECT 1000 + n, 'Ada' FROM generate_series(1, 1000) AS n;
INSERT INTO chats (bot_id, telegram_chat_id, type) SELECT 1, 1000 + n, 'private' FROM generate_series(1, 1000) AS n;
INSERT INTO messages (chat_id, user_id, role, content, sent_at, telegram_message_id)
SELECT c.id, u.id, 'user', md5(n::text) || repeat(' word', (n % 20)::int), now(), n
FROM generate_series(1, {MESSAGES // 1000}) AS n, users AS u INNER JOIN chats AS c USING (id) WHERE u.id <= 1000
"""
DIGEST = f"SELECT count(*), sum(hashtextextended(m::text, 0)) FROM messages AS m WHERE id <= {MESSAGES}"
PAIRS = "SELECT count(*), min(count) FROM (SELECT count(*) FROM messages WHERE content LIKE 'pair %' GROUP BY content)"
HIGHEST = "SELECT max(split_part(content, ' ', 2)::int) FROM messages WHERE content LIKE 'pair %'"
COPIES = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'COPY public.messages %'"


class Command:
    """A `botcli` in a session of its own."""

    def __init__(self, url: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "botcli", *arguments],
            env={**os.environ, "DATABASE_URL": url},
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        self._started = time.monotonic()

    async def done(self) -> tuple[float, int]:
        """The seconds it took, and the megabytes of the largest of its processes; it succeeded."""
        _, status, usage = await asyncio.to_thread(os.wait4, self._process.pid, 0)
        took, self._process.returncode = time.monotonic() - self._started, os.waitstatus_to_exitcode(status)
        assert self._process.returncode == 0, self.said()
        self.said()
        return took, usage.ru_maxrss // 1024

    def failed(self) -> str:
        """What it said; it failed."""
        said_by_it = self.said()
        assert self._process.wait() == 1
        return said_by_it

    def said(self) -> str:
        """All that it said on stderr."""
        assert self._process.stderr
        with self._process.stderr as stream:
            return stream.read().decode()

    async def kill_when(self, reached: Callable[[], object]) -> None:
        """Kill -9 of it and of what it started, once that is so."""
        while not reached():
            assert self._process.poll() is None, self.said()
            await asyncio.sleep(0.02)
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.said()


@pytest.mark.slow
@pytest.mark.fault("backup and restore of 1,000,000 messages, while others come, and each killed midway")
async def test_backup_and_restore_of_a_million(url: str, faulty: Server, tmp_path: Path, measured: Measured) -> None:
    """The archive is of one moment; kill -9 leaves no archive, or an empty database, and the next run succeeds."""
    file = tmp_path / "b.dump"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL.encode())
        connection.execute("ANALYZE")
    async with Database.connect(url) as database:
        writing = asyncio.create_task(write_pairs(database))
        await Command(url, "backup", str(file)).kill_when(lambda: part_size(tmp_path) > 1_000_000)
        left = names(tmp_path)
        seconds, megabytes = await Command(url, "backup", str(file)).done()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
    measured("backup", seconds)
    measured("MB at backup", megabytes)
    measured("MB of archive", file.stat().st_size // 10**6)

    faulty.execute("DROP DATABASE IF EXISTS restored")
    faulty.execute("CREATE DATABASE restored")
    restored = faulty.database_url("restored")
    command = ("restore", str(file), "--without-ledger")
    await Command(restored, *command).kill_when(lambda: faulty.execute(COPIES.format("restored")) != [(0,)])
    async with asyncio.timeout(10):
        while faulty.execute("SELECT FROM pg_stat_activity WHERE datname = 'restored'"):  # noqa: ASYNC110 - it rolls back
            await asyncio.sleep(0.05)
    tables = "SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert faulty.execute(tables, "restored") == []
    seconds, megabytes = await Command(restored, *command).done()
    measured("restore", seconds)
    measured("MB at restore", megabytes)
    with psycopg.connect(url) as connection:
        same = faulty.execute(DIGEST, "restored") == connection.execute(DIGEST.encode()).fetchall()
    pairs = faulty.execute(PAIRS, "restored")
    highest = faulty.execute(HIGHEST, "restored")
    again = Command(restored, *command).failed()
    faulty.execute("DROP DATABASE restored WITH (FORCE)")

    assert not {"b.dump", "b.dump.json"} & left
    assert same
    # all that came before the last of them, and of each both
    assert pairs == [(highest[0][0], 2)]
    assert "the database is not empty" in again


async def write_pairs(database: Database) -> None:
    """Two messages a transaction, numbered, until it is cancelled."""
    message = (await said(database)).message
    number = 0
    while True:
        number += 1
        async with database.transaction() as transaction:
            for role in ("user", "assistant"):
                pair = dialogue(message) | {"role": role, "content": f"pair {number}"}
                await transaction.messages.add(**pair)


def part_size(folder: Path) -> int:
    """How much of an archive has been written."""
    return sum(path.stat().st_size for path in folder.glob("b.dump.*.part"))


def names(folder: Path) -> set[str]:
    """What is in it."""
    return {path.name for path in folder.iterdir()}
