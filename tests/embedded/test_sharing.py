"""The embedded server starts, is shared, and is stopped after its last user."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from botcore import embedded
from botcore.embedded import watch
from tests.embedded.servers import (
    FORKING,
    OWNER,
    VERSION,
    execute,
    kill,
    owner,
    script,
    serve,
    value,
    wait_until,
    watchers,
)


def test_serve_again(data_dir: Path) -> None:
    """A server stops with its last user, and the next one finds the rows."""
    with serve(data_dir) as url:
        execute(url, "CREATE TABLE again AS SELECT 1 AS number")
    stopped = not watch.server_lives(data_dir)

    with serve(data_dir) as url:
        found = value(url, "SELECT number FROM again")

    assert stopped
    assert found == 1


def test_serve_in_psql(data_dir: Path) -> None:
    """The URL is one for psql too, whatever PGPORT, PGDATA and TZ say."""
    psql = embedded.binaries(VERSION) / "psql"
    with pytest.MonkeyPatch.context() as environment:
        for name, text in {"PGPORT": "1", "PGDATA": "/nowhere", "TZ": "Asia/Tokyo"}.items():
            environment.setenv(name, text)

        with serve(data_dir) as url:
            shown = subprocess.check_output([psql, "-XAt", url, "-c", "SHOW timezone"], text=True)

    assert shown == "UTC\n"


def test_serve_is_durable_and_the_same_everywhere(data_dir: Path) -> None:
    """Nothing is traded for speed, and lower() does not depend on the system's locales."""
    with serve(data_dir) as url:
        settings = [
            value(url, f"SHOW {name}")
            for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "server_encoding")
        ]
        lowered = value(url, "SELECT lower('ПРИВЕТ')")

    assert settings == ["on", "on", "on", "on", "UTF8"]
    assert lowered == "привет"


def test_serve_two_processes(data_dir: Path) -> None:
    """Two processes share a server, which outlives the first to leave and not the last."""
    with serve(data_dir) as url:
        with owner(data_dir):
            seen = embedded.status(data_dir).pid

        assert value(url, "SELECT 1") == 1
        assert embedded.status(data_dir).pid == seen

    assert not watch.server_lives(data_dir)


def test_serve_twice_in_one_process(data_dir: Path) -> None:
    """A serve inside a serve leaves the server to the outer one."""
    with serve(data_dir) as url:
        with serve(data_dir) as inner:
            pass

        assert inner == url
        assert value(url, "SELECT 1") == 1


@pytest.mark.slow
def test_serve_six_processes_at_once(new_dir: Path) -> None:
    """Six first starts at the same moment make one cluster, one server and one watcher."""
    command = [sys.executable, "-c", OWNER, str(new_dir), str(VERSION)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(6)]

    urls = [process.stdout.readline() for process in processes if process.stdout]
    watching = watchers(new_dir)
    for process in processes:
        process.communicate()

    assert len(set(urls)) == 1
    assert len(watching) == 1
    assert [process.returncode for process in processes] == [0] * 6
    assert not watch.server_lives(new_dir)


def test_serve_forked_child(data_dir: Path) -> None:
    """A forked child that leaves the block does not stop its parent's server."""
    with script(FORKING, data_dir) as process:
        said, _ = process.communicate(timeout=30)

    assert said == "True\n"
    assert not watch.server_lives(data_dir)


def test_start_status_stop(data_dir: Path) -> None:
    """A started server stays, says what it is, and stops once."""
    url = embedded.start(data_dir, version=VERSION)

    found = embedded.status(data_dir)

    assert (found.running, found.version, found.url, found.kept) == (True, VERSION, url, True)
    assert found.pid is not None
    assert found.disk_bytes > 2**20
    assert value(url, "SELECT 1") == 1
    assert [embedded.stop(data_dir), embedded.stop(data_dir)] == [True, False]
    assert embedded.status(data_dir).pid is None


def test_status_nothing_there(new_dir: Path) -> None:
    """Asking about a folder, or stopping what is not there, makes nothing."""
    found = embedded.status(new_dir)
    stopped = embedded.stop(new_dir)

    assert (found.running, found.version, found.url, found.kept, stopped) == (False, None, None, False, False)
    assert not new_dir.exists()


def test_serve_while_started(data_dir: Path) -> None:
    """A server that was started to stay outlives its users, also those who are killed."""
    url = embedded.start(data_dir, version=VERSION)
    with serve(data_dir):
        pass
    with owner(data_dir) as process:
        kill(process.pid)

    wait_until(lambda: not watchers(data_dir))

    assert value(url, "SELECT 1") == 1


def test_stop_while_used(data_dir: Path) -> None:
    """Stopping ends open sessions; the user who lost the server leaves quietly, and a new one starts it."""
    with serve(data_dir) as url, psycopg.connect(url) as connection:
        stopped = embedded.stop(data_dir)

        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
        with serve(data_dir):
            assert value(url, "SELECT 1") == 1

    assert stopped
    assert not watch.server_lives(data_dir)
