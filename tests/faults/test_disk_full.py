"""A disk without room: the server's, under writers and under a bot, and the one that a backup goes to."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from botcore import Database, Metrics, Unavailable, embedded, migrations
from tests.conftest import POSTGRES_VERSION, Measured
from tests.factories import dialogue
from tests.faults.bots import Bots, Repeating
from tests.faults.servers import Server
from tests.faults.test_bot_killed import FIRST_UPDATE
from tests.faults.writers import WRITERS, writing

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a file system with an end")

PAGE_BYTES = 4_096


class Disk:
    """A file system in memory, which a file beside the data takes the rest of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self, left_bytes: int = 0) -> None:
        """Nothing more goes there, or no more than that."""
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(b"\0" * 2**16):
                pass
        size = self._ballast.stat().st_size
        os.truncate(self._ballast, size - left_bytes)

    def clear(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def mounted(megabytes: int) -> Iterator[Disk]:
    """One of that size; gone at the end, also from under what still runs there, and however this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="botcore-disk-"))
    script = 'mount -t tmpfs -o size=$2m,mode=711 tmpfs "$1" && echo mounted && read _; umount -l "$1"; rmdir "$1"'
    command = ["sh", "-c", script, "sh", str(folder), str(megabytes)]
    pipe = subprocess.PIPE
    # it reads until we are gone; a Ctrl-C is not for it
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, start_new_session=True
    ) as keeper:
        assert keeper.stdout
        if not keeper.stdout.readline():
            pytest.skip("this root may not mount")
        yield Disk(folder)


@pytest.fixture(scope="module")
def disk() -> Iterator[Disk]:
    """A disk of 160 MB."""
    with mounted(160) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(disk: Disk) -> Iterator[Server]:
    """A server that has its data there."""
    with embedded.serve(disk.folder, version=POSTGRES_VERSION) as url:
        opened = Server(disk.folder, url)
        yield opened
        disk.clear()
        opened.stop()


@pytest.fixture
async def url(server: Server, disk: Disk) -> str:
    """The URL of a migrated database there, with a segment of the log to fill, and a disk with room."""
    disk.clear()
    server.start()
    server.execute("DROP SCHEMA public CASCADE")
    server.execute("CREATE SCHEMA public")
    await migrations.upgrade(server.url)
    server.execute("SELECT pg_switch_wal()")
    server.execute("CHECKPOINT")
    return server.url


@pytest.mark.fault("the server's disk is full, under 16 writers")
async def test_full_disk_refuses_writes_alone(url: str, disk: Disk, measured: Measured) -> None:
    """A write is refused with its reason, and is asked once; reads work; with room again all write within 10 s."""
    metrics = Metrics()
    async with (
        Database.connect(url, max_size=WRITERS) as database,
        Database.connect(url, metrics=metrics) as other,
    ):
        async with writing(database, url, measured) as writers:
            disk.fill()
            await asyncio.sleep(0.5)

            long = dialogue(writers.message) | {"role": "assistant", "content": os.urandom(20_000).hex()}
            calls = [other.messages.add(**long) for _ in range(50)]
            refused = await asyncio.gather(*calls, return_exceptions=True)
            read = await database.messages.recent(**dialogue(writers.message))
            acknowledged = len(writers.acknowledged)
            disk.clear()

    assert {_told(error) for error in refused} == {("53100", False)}
    assert sum(_statements(metrics)) <= len(refused)
    assert len(read) == 20
    assert len(writers.acknowledged) > acknowledged


@pytest.mark.fault("the server's log has no room, at which it ends")
async def test_full_log_loses_nothing(url: str, server: Server, disk: Disk, measured: Measured) -> None:
    """Started again once there is room it has every acknowledged row once, and all writers write within 10 s."""
    async with Database.connect(url, max_size=WRITERS) as database, writing(database, url, measured):
        disk.fill()
        while embedded.status(disk.folder).running:
            with suppress(psycopg.Error):
                # what is written next needs another file, of which there are some for later use
                server.execute("SELECT pg_switch_wal()")
            await asyncio.sleep(0.05)
        disk.clear()
        await asyncio.to_thread(server.start)


@pytest.mark.slow
@pytest.mark.fault("the server's disk is full, under a bot")
async def test_bot_on_a_full_disk(url: str, disk: Disk, tmp_path: Path, measured: Measured) -> None:
    """What cannot be stored stays with Telegram; with room again it is all answered, each once, by the same process."""
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path) as bots:
        process = await bots.start()
        for number in range(1, 11):
            api.say(number, chats=50)
        await api.until(lambda: len(api.answers()) == 10)
        disk.fill()
        for number in range(11, 311):
            api.say(number, chats=50)
        await asyncio.sleep(4)
        confirmed, polls = len(api.confirmed_ids), len(api.called("getUpdates"))
        stored = stored_updates(url)
        disk.clear()
        freed = time.monotonic()
        await api.until(lambda: len(set(api.answers()) | numbers(bots)) == 310, timeout_seconds=60)
        seconds = time.monotonic() - freed

        assert process.returncode is None
    assert confirmed <= stored < 310
    assert polls < 50
    assert set(api.answers().values()) == {1}
    assert all(order == sorted(order) for order in api.orders())
    measured("all answered", seconds)
    measured("kept by Telegram", 310 - confirmed)


@pytest.mark.fault("the disk that a backup goes to is full")
@pytest.mark.parametrize("room_for", ["nothing", "the archive"])
async def test_backup_to_a_full_disk(url: str, room_for: str) -> None:
    """It ends with 1 and one line that says why, and leaves no file, nor the one before it any worse."""
    with mounted(1) as target:
        file = target.folder / "b.dump"
        assert await botcli_backup(url, file) == (0, "")
        before = {path: path.read_bytes() for path in target.folder.iterdir()}
        pages = -(-file.stat().st_size // PAGE_BYTES)
        target.fill(PAGE_BYTES * pages if room_for == "the archive" else 0)

        code, said_by_it = await botcli_backup(url, file, "--force")

        assert (code, said_by_it.count("\n")) == (1, 1)
        assert "No space left on device" in said_by_it
        assert room_for == "nothing" or str(file) in said_by_it
        target.clear()
        assert {path: path.read_bytes() for path in target.folder.iterdir()} == before


def stored_updates(url: str) -> int:
    """How many there are."""
    with psycopg.connect(url) as connection:
        [number] = connection.execute("SELECT count(*) FROM updates").fetchone() or [0]
        return int(number)


def numbers(bots: Bots) -> set[int]:
    """The messages whose answer may have arrived or not."""
    return {number - FIRST_UPDATE + 1 for number in bots.unconfirmed()}


async def botcli_backup(url: str, file: Path, *options: str) -> tuple[int | None, str]:
    """The exit code, and what it said on stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "botcli", "backup", str(file), *options),
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    _, told = await process.communicate()
    return process.returncode, told.decode()


def _told(error: object) -> object:
    return (error.sqlstate, error.retry_is_safe) if isinstance(error, Unavailable) else error


def _statements(metrics: Metrics) -> list[float]:
    samples = [sample for metric in metrics.registry.collect() for sample in metric.samples]
    return [sample.value for sample in samples if sample.name == "botcore_statement_duration_seconds_count"]
