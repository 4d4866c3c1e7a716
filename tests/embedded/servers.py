"""What the tests of the embedded server share: owners in processes of their own, and what becomes of them."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from botcore import embedded
from botcore.embedded import watch

VERSION = int(os.environ.get("TEST_POSTGRES_VERSION", "18"))
OTHER_VERSION = {16: 18, 18: 16}[VERSION]
AS_ROOT = os.geteuid() == 0
NOBODY = 65534
CANARY = "canary-text-of-a-message"
OWNER = """
import sys
from pathlib import Path
from botcore import embedded
with embedded.serve(Path(sys.argv[1]), version=int(sys.argv[2])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""

FORKING = """
import os, sys
from pathlib import Path
from botcore import embedded
with embedded.serve(Path(sys.argv[1]), version=int(sys.argv[2])):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print(embedded.status(Path(sys.argv[1])).running)
"""

Owner = subprocess.Popen[str]


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A folder that any user may pass through, unlike tmp_path, which is closed to root's server."""
    folder = Path(tempfile.mkdtemp(prefix="botcore-test-", dir="/tmp"))
    folder.chmod(0o711)
    yield folder
    for lock in folder.rglob("server.lock"):
        settle(lock.parent)
    shutil.rmtree(folder)


def settle(data_dir: Path) -> None:
    """Leave no process behind."""
    embedded.stop(data_dir)
    wait_until(lambda: not watchers(data_dir))


def serve(data_dir: Path) -> AbstractContextManager[str]:
    """Serve the version that is under test."""
    return embedded.serve(data_dir, version=VERSION)


@contextmanager
def script(text: str, data_dir: Path) -> Iterator[Owner]:
    """Another process, killed at the end if it is still there."""
    command = [sys.executable, "-c", text, str(data_dir), str(VERSION)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def owner(data_dir: Path) -> Iterator[Owner]:
    """Another process that serves until its input ends."""
    with script(OWNER, data_dir) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("postgresql://")
        yield process


def kill(pid: int | None) -> None:
    """Kill one process that cannot object."""
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def is_working(pid: int) -> bool:
    """Whether the process is there and more than a zombie."""
    state = subprocess.run(["/bin/ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True).stdout
    return bool(state.strip()) and not state.startswith(b"Z")


def wait_until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for what other processes bring about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def value(url: str, query: str) -> object:
    """Ask for one value."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def execute(url: str, statement: str) -> None:
    """Change something."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def watchers(data_dir: Path) -> list[int]:
    """The watchers of the folder, by what the kernel says of every process."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            arguments = (folder / "cmdline").read_bytes().split(b"\0")
            if watch.__file__.encode() in arguments and os.fsencode(data_dir) in arguments:
                found.append(int(folder.name))
    return found


def as_server_user(data_dir: Path) -> dict[str, Any]:
    """What makes subprocess run as the server's user."""
    found = (data_dir / "pgdata").stat()
    return {"user": found.st_uid, "group": found.st_gid, "extra_groups": []} if AS_ROOT else {}
