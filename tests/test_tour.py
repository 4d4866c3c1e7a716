"""README's tour is what a terminal of 80 by 24 shows: typed again, each step looks as it is printed there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests import roles

ROOT = Path(__file__).parents[1]
STEPS = re.findall(r"^```text\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
TMUX = shutil.which("tmux")
LONGEST_SECONDS = 60

pytestmark = [pytest.mark.slow, pytest.mark.skipif(TMUX is None, reason="there is no tmux here")]


class Terminal:
    """A shell in a terminal of 80 columns and 24 rows."""

    def __init__(self, socket: Path, environment: dict[str, str]) -> None:
        self._command = ("tmux", "-S", str(socket), "-f", "/dev/null")
        self._environment = environment
        self._run("new-session", "-d", "-x", "80", "-y", "24", "env", "PS1=$ ", "bash", "--norc")

    def _run(self, *arguments: str) -> str:
        command = (*self._command, *arguments)
        return subprocess.run(
            command, check=True, env=self._environment, cwd=ROOT, capture_output=True, text=True
        ).stdout

    def type(self, text: str, prompt: str) -> list[str]:
        """What is shown once the line was typed and that prompt came after it."""
        self._run("send-keys", "-l", text)
        self._until(lambda shown: shown[-1].endswith(text))
        self._run("send-keys", "Enter")
        return self._until(lambda shown: shown[-1] == prompt)

    def leave(self) -> None:
        """Ends the program in it."""
        self._run("send-keys", "C-d")
        self._until(lambda shown: shown[-1] == "$")

    def screen(self) -> list[str]:
        """The lines that are shown, and those that scrolled off since it was cleared."""
        lines = self._run("capture-pane", "-p", "-S", "-").rstrip().split("\n")
        return [line.rstrip() for line in lines]

    def _until(self, is_there: Callable[[list[str]], bool]) -> list[str]:
        end = monotonic() + LONGEST_SECONDS
        while not is_there(shown := self.screen()):
            assert monotonic() < end, "\n".join(shown)
            sleep(0.1)
        return shown

    def clear(self) -> None:
        """Begins with an empty screen."""
        self.type("clear", "$")
        self._run("clear-history")

    def close(self) -> None:
        """Ends it, and what runs in it."""
        self._run("kill-server")


@pytest.fixture
def terminal(database_url: str, tmp_path: Path) -> Iterator[Terminal]:
    """A shell in the checkout, with the commands on its path and a database of its own."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    environment = kept | {
        "DATABASE_URL": roles.url_of("migrator", database_url),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "TERM": "screen",
    }
    opened = Terminal(tmp_path / "tmux", environment)
    yield opened
    opened.close()


def constant(lines: list[str]) -> list[str]:
    """Without what depends on the day and on how fast it went: days, times and counts of seconds."""
    return [re.sub(r"\d{4}-\d\d-\d\d|\d+\.\d s", "#", line) for line in lines]


def test_tour(terminal: Terminal) -> None:
    """What README shows of each step is what comes."""
    assert len(STEPS) > 4
    for step in STEPS:
        terminal.clear()
        printed = step.split("\n")[:-1]
        for line in printed:
            sign, _, typed = line.partition(" ")
            if sign in {"$", ">"} and typed:
                shown = terminal.type(typed, ">" if sign == ">" or typed == "botcli chat" else "$")
        if shown[-1] == ">":
            terminal.leave()

        # and the prompt
        assert constant(shown[:-1]) == constant(printed)
