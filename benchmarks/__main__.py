"""`python -m benchmarks turn`: on DATABASE_URL, or on an embedded server that goes afterwards."""

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import turn
from botcore import embedded, migrations


@contextmanager
def server() -> Iterator[str]:
    """The URL of a database to fill."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    # reachable for the server's own user, which runs it for root
    folder = Path(tempfile.mkdtemp(prefix="botcore-benchmarks-"))
    folder.chmod(0o711)
    with embedded.serve(folder) as url:
        yield url
    shutil.rmtree(folder, ignore_errors=True)


async def main(url: str) -> None:
    """Migrates and measures."""
    await migrations.upgrade(url)
    sys.stdout.write(await turn.measure(url))


if __name__ == "__main__":
    if sys.argv[1:] != ["turn"]:
        sys.exit("usage: python -m benchmarks turn")
    with server() as at:
        asyncio.run(main(at))
