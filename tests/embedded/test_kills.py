"""The embedded server survives what kills it, its owner or its watcher."""

import signal
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from botcore import Unavailable, embedded
from botcore.embedded import watch
from tests.embedded.servers import (
    OWNER,
    VERSION,
    as_server_user,
    execute,
    is_working,
    kill,
    owner,
    script,
    serve,
    value,
    wait_until,
    watchers,
)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_serve_owner_killed(data_dir: Path, number: signal.Signals) -> None:
    """The watcher stops the server of an owner that could not, and then ends."""
    with owner(data_dir) as process:
        process.send_signal(number)
        process.wait()

    wait_until(lambda: not watch.server_lives(data_dir))
    wait_until(lambda: not watchers(data_dir))


def test_serve_postgres_killed(data_dir: Path) -> None:
    """After kill -9 of postgres, with its owner alive, the next user gets a server with every row."""
    with owner(data_dir) as process:
        execute(str(embedded.status(data_dir).url), "CREATE TABLE kept AS SELECT 1 AS number")
        kill(embedded.status(data_dir).pid)

        with serve(data_dir) as url:
            assert value(url, "SELECT number FROM kept") == 1

        assert watch.server_lives(data_dir)
        process.communicate()
        assert not watch.server_lives(data_dir)


def test_serve_postgres_and_owner_killed(data_dir: Path) -> None:
    """After kill -9 of both, the next user gets a server."""
    with owner(data_dir) as process:
        kill(embedded.status(data_dir).pid)
        kill(process.pid)

    with serve(data_dir) as url:
        assert value(url, "SELECT 1") == 1


def test_serve_orphan_of_killed_postgres(data_dir: Path) -> None:
    """A start waits for a backend that outlives the killed postgres, instead of sharing its memory."""
    busy = "DO $$ BEGIN PERFORM count(*) FROM generate_series(1, 8000000) AS a(n) WHERE sqrt(n) < 0; END $$"
    with owner(data_dir):
        url = str(embedded.status(data_dir).url)
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            backend = connection.info.backend_pid
            connection.pgconn.send_query(busy.encode())
            kill(embedded.status(data_dir).pid)
            time.sleep(0.1)
            orphaned = is_working(backend)

        with serve(data_dir):
            gone = not is_working(backend)

    assert orphaned
    assert gone


def test_serve_watcher_killed(data_dir: Path) -> None:
    """A newcomer replaces a killed watcher, which then stops the server after everyone was killed."""
    with owner(data_dir) as first:
        for pid in watchers(data_dir):
            kill(pid)
        with owner(data_dir) as second:
            kill(first.pid)
            kill(second.pid)

    wait_until(lambda: not watch.server_lives(data_dir))


@pytest.mark.fault("a stale, truncated or foreign pid file, a reused pid, a zombie")
@pytest.mark.parametrize("left", ["empty", "nonsense", "truncated", "gone", "reused", "zombie", "unrelated server"])
def test_serve_stale_pid_file(data_dir: Path, left: str) -> None:
    """Whatever a killed postgres and a restarted machine left in the pid files, the server starts."""
    pid_file, socket_lock = data_dir / "pgdata/postmaster.pid", data_dir / "run/.s.PGSQL.5432.lock"
    with serve(data_dir):
        texts = {path: path.read_text() for path in (pid_file, socket_lock)}
    command = ["/bin/true"] if left == "zombie" else ["/bin/sleep", "60"]
    if left == "unrelated server":
        command = ["/bin/bash", "-c", "exec -a /usr/bin/postgres sleep 60"]
    with subprocess.Popen(command, cwd="/", **as_server_user(data_dir)) as process:
        for path, text in texts.items():
            dead, _, rest = text.partition("\n")
            pid = dead if left == "gone" else str(process.pid)
            path.write_text({"empty": "", "nonsense": "\0\xff\n1\n", "truncated": pid}.get(left, f"{pid}\n{rest}"))

        with serve(data_dir) as url:
            answer = value(url, "SELECT 1")
        process.kill()

    assert answer == 1


def test_serve_foreign_postgres_on_the_folder(data_dir: Path) -> None:
    """A postgres that was started by hand on our cluster is named, with what stops it."""
    postgres = embedded.binaries(VERSION) / "postgres"
    command = [str(part) for part in (postgres, "-D", data_dir / "pgdata", "-h", "", "-k", data_dir / "run")]
    with subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL, **as_server_user(data_dir)) as by_hand:
        wait_until(lambda: watch.server_pid(data_dir))

        with pytest.raises(Unavailable, match=rf"pid {by_hand.pid}\) uses .* pg_ctl -D"), serve(data_dir):
            pass
        by_hand.terminate()


def test_serve_initdb_killed(new_dir: Path) -> None:
    """A first start that was killed midway leaves no half cluster to trip over."""
    with script(OWNER, new_dir) as process:
        wait_until(lambda: list(new_dir.glob("new-*/global")))
        process.kill()
        process.wait()
    half_made = not (new_dir / "pgdata").exists()

    with serve(new_dir) as url:
        answer = value(url, "SELECT 1")

    assert half_made
    assert answer == 1
