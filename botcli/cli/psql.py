"""Runs psql on the database."""

import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Final

from botcli.cli import clients
from botcore import console

# Debian's are in /lib, where the embedded psql does not look: without them no key but letters works
_TERMINALS: Final = "/etc/terminfo:/lib/terminfo:/usr/share/terminfo"


def run_psql(url: str, arguments: Sequence[str], *, is_embedded: bool) -> int:
    """The exit code of psql, a child because an embedded server lives as long as this process."""
    environment = {"TERMINFO_DIRS": _TERMINALS} | os.environ | console.environment(url)
    program = clients.psql(is_embedded=is_embedded)
    # Ctrl-C is psql's, for the query: a handler of ours, unlike SIG_IGN, does not pass to the child
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.run([program, *arguments], env=environment, check=False).returncode
    finally:
        signal.signal(signal.SIGINT, before)
