"""What a dump of the whole database still says, and a database made of such a dump."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path


def dump(binaries: Path, url: str, *arguments: str) -> str:
    """The output of pg_dump: all schemas and rows, one INSERT a line."""
    command = [str(binaries / "pg_dump"), "--inserts", *arguments, url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # a random key of each run's own, in which any short word may stand
    return re.sub(r"^\\(un)?restrict .*$", "", output, flags=re.MULTILINE)


def found(text: str, words: Iterable[str | int]) -> list[str]:
    """The lines in which a word stands, numbers as whole numbers."""
    patterns = [rf"(?<!\d){word}(?!\d)" if isinstance(word, int) else re.escape(word) for word in words]
    return [line for line in text.splitlines() if any(re.search(pattern, line) for pattern in patterns)]


def copy(binaries: Path, url: str, into: str, folder: Path) -> None:
    """Backs a database up with pg_dump and restores it into an empty one with pg_restore."""
    backup = folder / "backup"
    subprocess.run([binaries / "pg_dump", "-Fc", "-f", backup, url], check=True)
    subprocess.run([binaries / "pg_restore", "--exit-on-error", "-d", into, backup], check=True)
