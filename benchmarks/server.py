"""Where measurements run: a migrated database that may be filled."""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from botcore import embedded, migrations


@contextmanager
def server() -> Iterator[str]:
    """The URL of a migrated database: DATABASE_URL, or that of an embedded server which goes afterwards.

    Not inside of a running loop. The embedded server has PostgreSQL's defaults, so what is committed is on disk.
    """
    if url := os.environ.get("DATABASE_URL"):
        asyncio.run(migrations.upgrade(url))
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="botcore-benchmarks-", ignore_cleanup_errors=True) as folder:
        # reachable for the server's own user, which runs it for root
        Path(folder).chmod(0o711)
        try:
            with embedded.serve(Path(folder)) as url:
                asyncio.run(migrations.upgrade(url))
                yield url
        finally:
            # what writes a last checkpoint would leave files in the folder
            embedded.stop(Path(folder))
