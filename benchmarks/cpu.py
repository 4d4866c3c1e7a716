"""The CPU time of a server on this machine, from /proc: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg

_TICKS: Final = os.sysconf("SC_CLK_TCK")
# of what follows the program's name, which may hold spaces
_PARENT, _CPU, _CPU_OF_ENDED_CHILDREN = 1, slice(11, 13), slice(13, 15)


class Server:
    """The processes of a PostgreSQL server."""

    def __init__(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            name, fields = _stat(connection.info.backend_pid)
        # elsewhere another program has that number, or none
        self._postmaster = int(fields[_PARENT]) if name.startswith("postgres") else None

    def cpu_seconds(self) -> float | None:
        """What all of them took so far, the ended ones too; None for a server on another machine."""
        if self._postmaster is None:
            return None
        own = _stat(self._postmaster)[1]
        ticks = sum(map(int, own[_CPU])) + sum(map(int, own[_CPU_OF_ENDED_CHILDREN]))
        for fields in self._children():
            ticks += sum(map(int, fields[_CPU]))
        return ticks / _TICKS

    def cpu_ms_since(self, before: float | None, operations: int) -> float | None:
        """Milliseconds for one of so many operations since then."""
        now = self.cpu_seconds()
        return None if before is None or now is None else (now - before) / operations * 1e3

    def _children(self) -> Iterator[list[str]]:
        for path in Path("/proc").iterdir():
            if path.name.isdecimal():
                fields = _stat(int(path.name))[1]
                if fields and int(fields[_PARENT]) == self._postmaster:
                    yield fields


def _stat(pid: int) -> tuple[str, list[str]]:
    """The program's name, and the fields after it; nothing for a process that is not there."""
    try:
        text = Path("/proc", str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", []
    head, _, rest = text.rpartition(")")
    return head.partition("(")[2], rest.split()
