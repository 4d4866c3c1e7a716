"""PostgreSQL's own programs: psql, pg_dump, pg_restore, vacuumdb."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from botcore import Unavailable, embedded

_EMBEDDED: Final = (18, 16)


def psql(*, is_embedded: bool) -> str:
    """The user's own psql, else the package's; for the embedded server the latter, since an older one shows half of it.

    Raises Unavailable where there is none.
    """
    found = None if is_embedded else shutil.which("psql")
    return found or next(_packaged("psql"), None) or _missing("psql")


def fitting(name: str, server_version: int) -> str:
    """The program of the server's major version, else the next newer one: pg_dump refuses a newer server than itself.

    Raises Unavailable where there is none.
    """
    found = [program for program in (shutil.which(name), *_packaged(name)) if program]
    versions = {version: program for program in reversed(found) if (version := _version(program)) >= server_version}
    return versions[min(versions)] if versions else _missing(f"{name} of PostgreSQL {server_version} or newer")


def _packaged(name: str) -> Iterator[str]:
    for version in _EMBEDDED:
        try:
            program = embedded.binaries(version) / name
        except Unavailable:
            return
        if program.exists():
            yield str(program)


def _version(program: str) -> int:
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
    found = re.search(r"\d+", said.removeprefix(Path(program).name))
    return int(found[0]) if found else 0


def _missing(what: str) -> str:
    raise Unavailable(f"there is no {what}: install PostgreSQL's client, or pip install 'botcore[local]'")
