"""A primary and its standby, each a server of its own on one network folder, to be killed and promoted."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from botcore import embedded
from tests.conftest import POSTGRES_VERSION
from tests.faults.servers import freeze, thaw

_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
port = {port}
max_connections = 60
shared_buffers = '16MB'
timezone = 'UTC'
"""


class Node:
    """One server; every method blocks until what it says is so."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.data = folder / f"data{port}"

    def url(self, database: str = "postgres") -> str:
        """How it alone is reached."""
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port}"

    def create(self) -> None:
        """Makes it, empty."""
        self._run("initdb", "-U", "postgres", "--auth=trust", "--no-sync", "--no-instructions", "-D", self.data)
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(_SETTINGS.format(folder=self.folder, port=self.port))

    def copy_to(self, standby: "Node", name: str) -> None:
        """Makes a standby of it, which follows under that name."""
        source = make_conninfo(self.url(), application_name=name)
        self._run("pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-D", standby.data, "-d", source)
        with (standby.data / "postgresql.conf").open("a") as file:
            file.write(f"port = {standby.port}\n")

    def start(self) -> None:
        """Starts it, and returns when it answers."""
        self._run("pg_ctl", "start", "-w", "-s", "-D", self.data, "-l", self.data / "log")

    def stop(self) -> None:
        """Ends it at once, where it runs, be it frozen."""
        with suppress(FileNotFoundError):
            self.thaw()
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "stop", "-s", "-m", "immediate", "-D", self.data)

    def kill(self) -> None:
        """Kill -9 of the server; what it leaves ends by itself."""
        os.kill(self._pid(), signal.SIGKILL)

    def freeze(self) -> None:
        """Stops every process of it in its tracks: connections stay, nothing answers."""
        freeze(self._pid())

    def thaw(self) -> None:
        """Lets them go on."""
        thaw(self._pid())

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What one statement gives there."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def until(self, condition: str) -> None:
        """Returns when the condition, in SQL, holds there."""
        while not self.execute(f"SELECT {condition}")[0][0]:
            time.sleep(0.01)

    def _pid(self) -> int:
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(embedded.binaries(POSTGRES_VERSION) / program), *map(str, arguments)]
        owner = self.folder.owner()
        # root the server refuses to be
        user = owner if os.geteuid() == 0 else None
        with (self.folder / "log").open("ab") as log:
            subprocess.run(command, check=True, cwd="/", user=user, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


@contextmanager
def pair() -> Iterator[tuple[Node, Node]]:
    """A primary and its standby; on the standby's word each commit waits once `synchronous_standby_names` says so."""
    folder = Path(tempfile.mkdtemp(prefix="botcore-pair-"))
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    primary, standby = Node(folder, 5432), Node(folder, 5433)
    try:
        primary.create()
        primary.start()
        primary.copy_to(standby, "standby")
        standby.start()
        primary.until("EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')")
        yield primary, standby
    finally:
        standby.stop()
        primary.stop()
        shutil.rmtree(folder)
