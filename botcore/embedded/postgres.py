"""The server process: started by who comes first, found by everybody else."""

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from botcore.embedded import watch
from botcore.embedded.cluster import FILES, create_cluster, write_file
from botcore.embedded.folder import SOCKET, Server, private_folder, socket_folder
from botcore.embedded.process import detach_program
from botcore.embedded.programs import usable_programs
from botcore.errors import Unavailable

LOG_BYTES: Final = 10 * 2**20


def ensure_running(server: Server, *, keep: bool = False) -> str:
    """The URL of the running server, started when it was not; `keep` makes it stay until it is stopped."""
    with watch.starting(server.data_dir):
        _start_watcher(server.data_dir)
        url = _wait_for_server(server)
        if keep:
            (server.data_dir / "keep").touch(0o600)
        return url


def _start_watcher(data_dir: Path) -> None:
    descriptor = watch.open_lock(data_dir / "watch.lock")
    try:
        if watch.lock(descriptor, fcntl.LOCK_EX):
            command = [sys.executable, "-I", "-S", watch.__file__, data_dir, descriptor]
            detach_program(command, stdout=subprocess.DEVNULL, pass_fds=(descriptor,))
    finally:
        os.close(descriptor)


def _wait_for_server(server: Server) -> str:
    """The URL of a server that answers: the one that runs, or a new one when not even orphans are left."""
    deadline, log_from = time.monotonic() + watch.PATIENCE_SECONDS, None
    log = server.data_dir / "server.log"
    while time.monotonic() < deadline:
        descriptor = watch.open_lock(server.data_dir / "server.lock")
        try:
            if watch.lock(descriptor, fcntl.LOCK_EX):
                if log_from is not None:
                    raise Unavailable(f"PostgreSQL did not start: {_last_line(log, log_from)}: see {log}")
                log_from = _launch(server, log, descriptor)
        finally:
            os.close(descriptor)
        url = running_url(server.data_dir)
        if url and _answers(url):
            return url
        time.sleep(watch.POLL_SECONDS)
    reason = f"the server in {server.data_dir} did not answer in {watch.PATIENCE_SECONDS:.0f} s: see {log}"
    raise Unavailable(reason, retry_is_safe=True)


def running_url(data_dir: Path) -> str | None:
    """The URL of the running server when it is ready, with the socket folder that it says it has."""
    lines = watch.pid_file(data_dir)
    ready = len(lines) > watch.STATE_LINE and lines[watch.STATE_LINE].strip() == "ready"
    if not ready or not watch.server_pid(data_dir):
        return None
    # The port is said, since libpq would take PGPORT for the socket's name.
    return f"postgresql://postgres@/botcore?host={quote(lines[watch.SOCKET_LINE], safe='')}&port=5432"


def _answers(url: str) -> bool:
    """Whether the server takes a connection to the database, which is made if it is absent."""
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        reason = str(error)  # libpq gives no SQLSTATE for a refused connection
        if '"botcore" does not exist' in reason:
            with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
                connection.execute("CREATE DATABASE botcore")
            return True
        if "authentication failed" in reason:
            raise Unavailable("another user started the running server: stop it as that user") from error
        return "too many clients" in reason
    return True


def _launch(server: Server, log: Path, lock: int) -> int:
    """Start postgres, which takes over the lock; gives where its lines begin in the log."""
    data_dir, pgdata = server.data_dir, server.data_dir / "pgdata"
    for left_over in data_dir.glob("new-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    programs = usable_programs(server)
    if not pgdata.exists():
        create_cluster(server, programs)
    sockets = socket_folder(server)
    _remove_stale(private_folder(pgdata, server), sockets)
    quoted = str(sockets).replace('"', '""')
    options = [f'unix_socket_directories="{quoted}"']
    options += [f"{key}={write_file(server, name)}" for key, name in FILES.items()]
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.old"))
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        command = [programs / "postgres", "-D", pgdata]
        command += [part for option in options for part in ("-c", option)]
        begin = os.fstat(descriptor).st_size
        detach_program(command, server.account, stdout=descriptor, pass_fds=(lock,))
    finally:
        os.close(descriptor)
    return begin


def _remove_stale(pgdata: Path, sockets: Path) -> None:
    """Clear what a killed server left and PostgreSQL would refuse; we hold server.lock, so it is not in use.

    A pid that is gone is left to PostgreSQL, which then looks for the old shared memory too.
    """
    pid = watch.recorded_pid(pgdata.parent)
    if watch.server_pid(pgdata.parent):
        advice = f"stop it with pg_ctl -D {shlex.quote(str(pgdata))} stop"
        raise Unavailable(f"a PostgreSQL that botcore did not start (pid {pid}) uses {pgdata}: {advice}")
    if pid is None or watch.exists(pid):
        (pgdata / "postmaster.pid").unlink(missing_ok=True)
    for name in (SOCKET, f"{SOCKET}.lock"):
        (sockets / name).unlink(missing_ok=True)


def _last_line(log: Path, begin: int) -> str:
    """The last error that the server logged; `terse` keeps any statement out of it."""
    with log.open("rb") as file:
        file.seek(max(begin, log.stat().st_size - 64 * 2**10))
        lines = file.read().decode(errors="replace").splitlines()
    # The loader and the shell have no such words: "libz.so.1: cannot open", "not found".
    failures = [line for line in lines if "LOG:  " not in line]
    return failures[-1].rpartition(":  ")[2] if failures else "it was killed, perhaps for lack of memory"
