"""A large table goes into partitions under writers and readers, and is killed on its way."""

import asyncio
import os
import sys
from contextlib import suppress
from time import monotonic

import psycopg
import pytest

from botcore import Database
from tests import roles
from tests.conftest import Measured
from tests.partitioning import Writer, content_hash, fill, layout, rows

MESSAGES = int(os.environ.get("TEST_ROWS", "1000000"))
CHATS = 2_000
WRITERS = 6
OWNED = 20
# a short attempt at the locks of all tables, a long one once short ones did not do, and what is done under them
READERS_WAIT_SECONDS = 2.0


@pytest.mark.slow
async def test_run_killed_under_writers(
    database: Database, connection: psycopg.Connection, database_url: str, measured: Measured
) -> None:
    """Whatever is written, hidden, purged or erased meanwhile is so afterwards, and nobody waits for longer."""
    fill(connection, CHATS, MESSAGES // CHATS)
    untouched = f"chat_id > {WRITERS * OWNED}"
    before = content_hash(connection, untouched)
    chats = [list(range(n * OWNED + 1, (n + 1) * OWNED + 1)) for n in range(WRITERS)]
    writers = [Writer(database, connection, owned, seed) for seed, owned in enumerate(chats)]
    stop = asyncio.Event()
    reading = asyncio.create_task(read(database, stop))
    writing = [asyncio.create_task(writer.write(stop)) for writer in writers]
    await killed(database_url, connection, "copy", MESSAGES // 3)
    await killed(database_url, connection, "compare", 0)

    code, said = await run(database_url)

    assert code == 0, said
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.gather(*writing)
    slowest = await reading
    for writer in writers:
        assert rows(connection, writer.chats) == writer.expected
    assert content_hash(connection, untouched) == before
    assert layout(connection) == "kept"
    assert slowest < READERS_WAIT_SECONDS
    measured("seconds of the slowest read", slowest)
    measured("seconds of the slowest write", max(writer.slowest for writer in writers))
    measured("writes", sum(writer.calls for writer in writers))


async def read(database: Database, stop: asyncio.Event) -> float:
    """Reads on until told; gives the seconds of the slowest."""
    slowest, chat = 0.0, 0
    while not stop.is_set():
        chat = chat % CHATS + 1
        started = monotonic()
        await database.messages.recent(chat_id=chat, user_id=chat)
        slowest = max(slowest, monotonic() - started)
        await asyncio.sleep(0.005)
    return slowest


async def killed(url: str, connection: psycopg.Connection, step: str, done: int) -> None:
    """Begins a run, or goes on with it, and kills it once it is so far."""
    process = await started(url)
    while True:
        with suppress(psycopg.errors.UndefinedTable):
            reached = "SELECT FROM messages_partitioning WHERE step = %s AND done >= %s"
            if connection.execute(reached.encode(), [step, done]).fetchone() is not None:
                break
        assert process.returncode is None, await process.communicate()
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()


async def run(url: str) -> tuple[int | None, str]:
    """A whole run's exit code and what it said."""
    process = await started(url)
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def started(url: str) -> asyncio.subprocess.Process:
    """The command as the migrator's process."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "botcli", "db", "partition", "--yes"),
        env={**os.environ, "DATABASE_URL": roles.url_of("migrator", url)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
