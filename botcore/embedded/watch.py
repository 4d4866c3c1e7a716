"""The locks of an embedded server's folder, and the watcher that stops the server after its last user.

`postgres.py` runs it as a script too, so it imports nothing but the standard library. Every lock is an
flock, which the kernel drops however a process ends:

users.lock   shared by each user of the server; exclusive for who stops it after the last one
start.lock   exclusive while somebody starts, stops or leaves; taken after users.lock, never before it
server.lock  exclusive, inherited by postgres and its children: while it is held, one of them lives
watch.lock   exclusive, inherited by the watcher: while it is held, there is one
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

PATIENCE_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.01
FAST_SECONDS: Final = 10.0  # 18.4 hangs in a fast shutdown that meets the recovery after a crashed backend
# postmaster.pid: pid, data folder, start, port, socket folder, address, memory, state
SOCKET_LINE: Final = 4
STATE_LINE: Final = 7


def open_lock(path: Path) -> int:
    """A descriptor of the lock file, made if absent; no child inherits it unless it is passed."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def lock(descriptor: int, operation: int, seconds: float = 0.0) -> bool:
    """Whether the lock was had within these seconds; a refused conversion may lose the old lock."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True


@contextmanager
def locked(path: Path, operation: int, seconds: float = 0.0) -> Iterator[bool]:
    """Hold the lock for the block; yields whether it was had."""
    descriptor = open_lock(path)
    try:
        yield lock(descriptor, operation, seconds)
    finally:
        # Said aloud, since closing alone leaves the lock to a child that was forked meanwhile.
        fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


@contextmanager
def starting(data_dir: Path) -> Iterator[None]:
    """Be the only one who starts or stops the server for the block; raises TimeoutError."""
    with locked(data_dir / "start.lock", fcntl.LOCK_EX, PATIENCE_SECONDS) as had:
        if not had:
            raise TimeoutError(f"another process still starts or stops the server in {data_dir}")
        yield


@contextmanager
def using(data_dir: Path) -> Iterator[None]:
    """Be a user of the server for the block, the last of whom stops it; raises TimeoutError."""
    users, process = open_lock(data_dir / "users.lock"), os.getpid()
    try:
        if not lock(users, fcntl.LOCK_SH, PATIENCE_SECONDS):
            raise TimeoutError(f"the server in {data_dir} is still stopping")
        yield
    finally:
        if os.getpid() == process:  # not in a forked child: the user is its parent
            with suppress(OSError):
                _leave(data_dir, users)
            fcntl.flock(users, fcntl.LOCK_UN)
        os.close(users)


def _leave(data_dir: Path, users: int) -> None:
    with locked(data_dir / "start.lock", fcntl.LOCK_EX, PATIENCE_SECONDS):
        if lock(users, fcntl.LOCK_EX):
            retire(data_dir, users)
        else:
            # Others use it: had at once. The watcher was quicker: had when it has stopped the server.
            lock(users, fcntl.LOCK_SH, PATIENCE_SECONDS)


def server_lives(data_dir: Path) -> bool:
    """Whether any process of the server is there, an orphan of a killed one included."""
    with locked(data_dir / "server.lock", fcntl.LOCK_SH) as free:
        return not free


def pid_file(data_dir: Path) -> list[str]:
    """The lines of postmaster.pid, [] if there is none; they may be stale, truncated or nonsense."""
    try:
        return (data_dir / "pgdata/postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def recorded_pid(data_dir: Path) -> int | None:
    """The pid in postmaster.pid, if it is one: PostgreSQL writes it negative in single-user mode."""
    first, *_ = pid_file(data_dir) or [""]
    digits = first.strip().removeprefix("-")
    return int(digits) if digits.isdecimal() and 0 < int(digits) < 2**31 else None


def server_pid(data_dir: Path) -> int | None:
    """The recorded pid if that process is a postgres of this folder; None for a reused pid or a zombie."""
    pid = recorded_pid(data_dir)
    if pid is None:
        return None
    program, *arguments = _command_line(pid) or [""]
    pgdata = data_dir / "pgdata"
    ours = Path(program).name == "postgres" and (str(pgdata) in arguments or _works_in(pid, pgdata))
    return pid if ours else None


def exists(pid: int) -> bool:
    """Whether there is such a process, a zombie included: what PostgreSQL asks before it starts."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _command_line(pid: int) -> list[str]:
    if sys.platform == "linux":
        try:  # readable for everybody, unlike cwd and exe, which root in a container may not see
            return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).split("\0")
        except OSError:
            return []
    import subprocess  # only here: the watcher starts faster without it

    command = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, check=False)
    program, _, rest = os.fsdecode(found.stdout).strip().partition(" -D ")
    return [program, rest.partition(" -c ")[0]]


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process stands in the folder: true also when that was moved, or is mounted elsewhere."""
    try:
        return folder.samefile(f"/proc/{pid}/cwd")
    except OSError:
        return False


def stop_server(data_dir: Path, seconds: float = PATIENCE_SECONDS) -> bool:
    """Whether no process of the server is left: a fast shutdown, then an immediate one that loses nothing."""
    started = time.monotonic()
    while server_lives(data_dir):
        passed = time.monotonic() - started
        if passed > seconds:
            return False
        # The pid can appear late, in a server that is starting; a repeated signal changes nothing.
        if pid := server_pid(data_dir):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGINT if passed < FAST_SECONDS else signal.SIGQUIT)
        time.sleep(POLL_SECONDS)
    return True


def retire(data_dir: Path, users: int) -> None:
    """Stop the server, for who holds users.lock alone, unless it is to be kept or the folder was replaced."""
    path = data_dir / "users.lock"
    replaced = not path.exists() or path.stat().st_ino != os.fstat(users).st_ino
    if not replaced and not (data_dir / "keep").exists():
        stop_server(data_dir)


def watch(data_dir: Path, watch_lock: int) -> None:
    """Wait until nobody uses the server, however they went, and stop it."""
    users = open_lock(data_dir / "users.lock")
    fcntl.flock(users, fcntl.LOCK_EX)
    retire(data_dir, users)
    # In this order: who gets users.lock next must find that there is no watcher.
    os.close(watch_lock)
    os.close(users)


if __name__ == "__main__":
    watch(Path(sys.argv[1]), int(sys.argv[2]))
