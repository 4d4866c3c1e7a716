"""A real Redis of the tests' own, to be killed, frozen and filled."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

BINARY: Final = shutil.which("redis-server")

needs_redis: Final = pytest.mark.skipif(BINARY is None, reason="Debian's package redis-server has it")


class Redis:
    """A server on a socket in a folder of its own; a kill loses nothing. Each method blocks until it is so."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"unix://{self._socket}"

    def start(self) -> None:
        """Starts it where it does not run."""
        if self._process:
            return
        words = ["--port", "0", "--unixsocket", str(self._socket), "--dir", str(self._socket.parent), "--save", ""]
        kept = ["--appendonly", "yes", "--appendfsync", "always"]
        assert BINARY
        self._process = subprocess.Popen([BINARY, *words, *kept], stdout=subprocess.DEVNULL)
        while self.cli("PING") != "PONG":
            assert self._process.poll() is None, "redis-server ended at once"
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill -9, where it runs."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stops it in its tracks: connections stay, nothing answers."""
        assert self._process
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        if self._process:
            os.kill(self._process.pid, signal.SIGCONT)

    def fill(self) -> None:
        """Leaves it no room for anything more; what it has it keeps."""
        self.cli("CONFIG", "SET", "maxmemory", "1")

    def widen(self) -> None:
        """Gives it room again."""
        self.cli("CONFIG", "SET", "maxmemory", "0")

    def cli(self, *command: Any) -> str:
        """What redis-cli prints."""
        line = ["redis-cli", "-s", str(self._socket), *map(str, command)]
        return subprocess.run(line, check=False, capture_output=True, text=True).stdout.strip()


@contextmanager
def server() -> Iterator[Redis]:
    """One that runs, for as long as the block does."""
    folder = Path(tempfile.mkdtemp(prefix="botcore-redis-"))
    redis = Redis(folder)
    try:
        redis.start()
        yield redis
    finally:
        redis.thaw()
        redis.kill()
        shutil.rmtree(folder)
