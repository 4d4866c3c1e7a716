"""A PostgreSQL of the tests' own, to be stopped, killed and frozen."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from botcore import embedded
from tests.conftest import POSTGRES_VERSION


class Server:
    """An embedded server on a folder; every method blocks until what it says is so."""

    def __init__(self, data_dir: Path, url: str) -> None:
        self.data_dir = data_dir
        self.url = url

    @property
    def socket(self) -> str:
        """The path of the socket that it listens on."""
        given = conninfo_to_dict(self.url)
        return f"{given['host']}/.s.PGSQL.{given.get('port') or 5432}"

    def database_url(self, name: str) -> str:
        """The URL of one of its databases."""
        return self.url.replace("/botcore?", f"/{name}?")

    def start(self) -> None:
        """Starts it where it does not run; it stays for those who use it already."""
        with embedded.serve(self.data_dir, version=POSTGRES_VERSION):
            pass

    def stop(self) -> None:
        """Ends every session and the server, cleanly."""
        embedded.stop(self.data_dir)

    def kill(self) -> None:
        """Kill -9 of the server; its children notice, and are gone when this returns."""
        pids = self.pids()
        os.kill(pids[0], signal.SIGKILL)
        while any(Path(f"/proc/{pid}").exists() and not _is_zombie(pid) for pid in pids):
            time.sleep(0.01)

    def freeze(self) -> None:
        """Stops every process of it in its tracks: connections stay, nothing answers."""
        freeze(self.pids()[0])

    def thaw(self) -> None:
        """Lets them go on."""
        for server in self.pids()[:1]:
            thaw(server)

    def pids(self) -> list[int]:
        """The server's process and then its children, none of it where it does not run."""
        server = embedded.status(self.data_dir).pid
        if server is None:
            return []
        return family(server)

    def ask_for_password(self, role: str) -> None:
        """Has it admit this role by password only, until its next start."""
        rules = self.data_dir / "pg_hba.conf"
        rules.write_text(f"local all {role} scram-sha-256\n{rules.read_text()}")
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str, database: str = "botcore") -> list[tuple[object, ...]]:
        """What one statement gives, past every pool."""
        with psycopg.connect(self.database_url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def family(server: int) -> list[int]:
    """The process and its children."""
    lines = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], check=True, capture_output=True, text=True).stdout
    pairs = (map(int, line.split()) for line in lines.splitlines())
    return [server, *(pid for pid, parent in pairs if parent == server)]


def freeze(server: int) -> None:
    """Stops the process and then its children, of which it makes no more."""
    os.kill(server, signal.SIGSTOP)
    for pid in family(server)[1:]:
        _signal(pid, signal.SIGSTOP)


def thaw(server: int) -> None:
    """Lets them go on."""
    for pid in family(server):
        _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    # a worker may have ended since it was listed
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_zombie(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True).stdout
    return not state.strip() or state.startswith(b"Z")
