"""The schema's migrations from Python: raw SQL that Alembic puts in order, from a checkout and from a wheel.

Alembic and SQLAlchemy are imported by the calls that need them; `current` and `check` do without.
"""

import asyncio
import io
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from botcore import pool, queries, urls
from botcore.errors import BotcoreError, SchemaMismatch, Unavailable, from_psycopg

if TYPE_CHECKING:
    from alembic.config import Config

# Longer than any migration that waits in front of us should take; CREATE INDEX CONCURRENTLY on 10^8 rows needs hours
LOCK_DEADLINE_SECONDS: Final = 10 * 60.0
# A migration that waits for a table lock makes every new reader wait behind it: give up soon, come again
LOCK_TIMEOUT: Final = "2s"
_LOCK_RETRIES: Final = 30


async def upgrade(url: str, revision: str = "head") -> None:
    """Brings the database to the revision; any number of processes may call it at once.

    Raises Unavailable when the server cannot be reached or other sessions hold their locks for too long.
    """
    from alembic import command

    await asyncio.to_thread(_migrate, url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str) -> None:
    """Takes the database back to the revision; `base` leaves it empty. Raises as `upgrade` does."""
    from alembic import command

    await asyncio.to_thread(_migrate, url, lambda config: command.downgrade(config, revision))


async def current(url: str) -> str | None:
    """The revision that the database is at, None before the first upgrade."""
    async with await pool.connect(url) as connection:
        try:
            cursor = await connection.execute(queries.load("migrations/current").statement)
            row = await cursor.fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return str(row[0]) if row else None


async def check(url: str) -> None:
    """Raises SchemaMismatch, naming the command, when the database is behind or ahead of this code."""
    found, expected = await current(url), head()
    if found == expected:
        return
    if found is None:
        raise SchemaMismatch("the database has no schema yet", "botcli db upgrade", is_behind=True)
    if found in {revision for revision, _ in history()}:
        reason = f"the database is at migration {found}, behind {expected}"
        raise SchemaMismatch(reason, "botcli db upgrade", is_behind=True)
    reason = f"the database is at migration {found}, which this botcore (at {expected}) does not know"
    raise SchemaMismatch(reason, "pip install --upgrade botcore", is_behind=False)


def head() -> str:
    """The newest revision that this code has."""
    return history()[-1][0]


def history() -> list[tuple[str, str]]:
    """Revision and title of every migration, oldest first; a file is called <revision>_<title>.py."""
    stems = sorted(path.stem for path in (folder() / "versions").glob("*_*.py"))
    return [(revision, title.replace("_", " ")) for revision, _, title in (stem.partition("_") for stem in stems)]


def script(revision: str = "base:head") -> str:
    """The SQL of an upgrade as a script for psql; `from:to` bounds it."""
    from alembic import command

    buffer = io.StringIO()
    command.upgrade(_config(None, buffer), revision, sql=True)
    return buffer.getvalue()


def folder() -> Path:
    """The folder of the migrations: inside the package in a wheel, next to it in a checkout."""
    packaged = Path(__file__).parent / "_alembic"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "alembic"


def execute(sql: str) -> None:
    """For migrations: `op.execute` of SQL as it is, in which Alembic would take `:word` for a parameter."""
    from alembic import op

    op.execute(re.sub(r"(?<![:\\]):(?=[a-zA-Z_])", r"\:", sql))


@contextmanager
def alone(url: str) -> Iterator[None]:
    """For alembic/env.py: waits until no other process migrates this database.

    The lock has a connection of its own and is polled for: one that blocked inside a statement would hold a
    snapshot that CREATE INDEX CONCURRENTLY waits for.
    """
    statement = queries.load("migrations/lock").statement
    deadline = time.monotonic() + LOCK_DEADLINE_SECONDS
    with pool.connect_sync(url) as connection:
        while not connection.execute(statement).fetchone()[0]:  # type: ignore[index]
            if time.monotonic() > deadline:
                raise Unavailable("another process has been migrating this database for too long")
            time.sleep(0.1)
        yield


def _migrate(url: str, run: Callable[["Config"], None]) -> None:
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    for attempt in range(1, _LOCK_RETRIES + 1):
        try:
            return run(_config(url))
        except CommandError as error:
            raise BotcoreError(f"migrations: {error}") from error
        except DBAPIError as error:
            if not isinstance(error.orig, psycopg.Error):
                raise
            if error.orig.sqlstate != "55P03" or attempt == _LOCK_RETRIES:
                raise from_psycopg(error.orig, "migrations") from error.orig
            time.sleep(1.0)
    return None


def _config(url: str | None, buffer: io.StringIO | None = None) -> "Config":
    from alembic.config import Config

    attributes: dict[str, Any] = {"url": url}
    config = Config(output_buffer=buffer, attributes=attributes)
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return config
