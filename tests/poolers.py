"""A real PgBouncer in front of a server, for as long as a block."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from botcore import pool

BINARY: Final = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")
"""The program; None where there is none."""

MODES: Final[Mapping[str, dict[str, Any]]] = {
    "session": {"pool_mode": "session"},
    "transaction": {"pool_mode": "transaction", "max_prepared_statements": 200},
    "transaction-unprepared": {"pool_mode": "transaction"},
}
"""What PgBouncer is told for each word of DATABASE_POOLER."""

_SETTINGS: Final = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
; of roles that a test makes
auth_user = postgres
auth_query = SELECT usename, passwd FROM pg_shadow WHERE usename = $1
max_client_conn = 2000
default_pool_size = 30
server_login_retry = 0.2
"""
# whom the tests connect as
_USERS: Final = ("postgres", *(f"botcore_{role}" for role in ("owner", "migrator", "app", "eraser", "reader")))


class PgBouncer:
    """A PgBouncer with its settings in a folder: `url` gives what leads through it to one of its server's databases."""

    def __init__(self, folder: Path, port: int, user: str | None) -> None:
        self.port = port
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, direct: str) -> str:
        """The same database through it."""
        return make_conninfo(direct, host="127.0.0.1", port=self.port)

    def start(self) -> None:
        """Returns when it takes connections."""
        with (self._folder / "log").open("ab") as log:
            command = [str(BINARY), "-q", str(self._folder / "ini")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=self._user)
        _until_open(self.port, self._process)

    def kill(self) -> None:
        """Kill -9: at SIGTERM newer ones wait for their clients."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self, name: str) -> None:
        """By the signal of that name; raises subprocess.TimeoutExpired after the ten seconds that compose gives."""
        assert self._process
        self._process.send_signal(signal.Signals[name])
        self._process.wait(10)

    def freeze(self) -> None:
        """Connections stay, nothing answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def pgbouncer(server: Mapping[str, Any], **settings: object) -> Iterator[PgBouncer]:
    """Starts it in front of that server, with these settings of its own."""
    assert BINARY, "no pgbouncer here: install it, or name the program by PGBOUNCER"
    if keeps_prepared():
        # by default 200 since 1.24
        settings = {"max_prepared_statements": 0} | settings
    settings = {"ignore_startup_parameters": "options"} | settings
    folder = Path(tempfile.mkdtemp(prefix="botcore-pgbouncer-"))
    folder.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = {"host": server["host"], "port": server.get("port", 5432), "password": server.get("password")}
    address = " ".join(f"{name}={value}" for name, value in words.items() if value)
    lines = [f"{name} = {value}\n" for name, value in settings.items()]
    (folder / "ini").write_text(_SETTINGS.format(folder=folder, port=port, server=address) + "".join(lines))
    (folder / "users").write_text("".join(f'"{user}" ""\n' for user in _USERS))
    opened = PgBouncer(folder, port, _user(server))
    try:
        opened.start()
        yield opened
    finally:
        opened.kill()
        shutil.rmtree(folder)


def through(pgbouncer: PgBouncer, server: Mapping[str, Any], kind: str) -> Callable[..., pool.Pool]:
    """`pool.create`, whose pools of that server go through PgBouncer unless their caller says what is in front."""
    create = pool.create

    def create_through(url: str, **settings: Any) -> pool.Pool:
        if "pooler" in settings or not _leads_to(server, url):
            return create(url, **settings)
        return create(pgbouncer.url(url), pooler=kind, **settings)  # type: ignore[arg-type]

    return create_through


def _leads_to(server: Mapping[str, Any], url: str) -> bool:
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return False
    return (given.get("host"), str(given.get("port", 5432))) == (server["host"], server.get("port"))


def keeps_prepared() -> bool:
    """Whether it knows prepared statements, as those from 1.21 do, and DEALLOCATE ALL, as those from 1.22."""
    assert BINARY
    shown = subprocess.run([BINARY, "--version"], check=True, capture_output=True, text=True).stdout
    major, minor = re.findall(r"\d+", shown)[:2]
    return (int(major), int(minor)) >= (1, 22)


def _user(server: Mapping[str, Any]) -> str | None:
    """Whom it runs as: root it refuses to be, and the folder of a socket is open to its owner only."""
    if os.geteuid():
        return None
    if not server["host"].startswith("/"):
        return "nobody"
    user = Path(server["host"]).owner()
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as connection:
        [ident] = connection.execute("SELECT current_setting('ident_file')").fetchone() or [""]
        with Path(ident).open("a") as file:
            file.write(f'botcore "{user}" all\n')
        loaded = "SELECT pg_conf_load_time()"
        before = connection.execute(loaded).fetchone()
        connection.execute("SELECT pg_reload_conf()")
        while connection.execute(loaded).fetchone() == before:
            time.sleep(0.01)
    return user


def _until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, "pgbouncer ended at once"
            time.sleep(0.01)
