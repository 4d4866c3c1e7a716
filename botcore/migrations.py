"""The schema's migrations from Python: raw SQL that Alembic puts in order, from a checkout and from a wheel.

Alembic and SQLAlchemy are imported by the calls that need them; `current` and `check` do without.
"""

import asyncio
import io
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Literal

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import scalar_row

from botcore import pool, queries, roles, urls
from botcore.connection import Connection
from botcore.errors import InvalidInput, SchemaMismatch, Unavailable, from_psycopg
from botcore.executor import Executor

if TYPE_CHECKING:
    from alembic.config import Config

Direction = Literal["upgrade", "downgrade"]

# Longer than any migration that waits in front of us should take; CREATE INDEX CONCURRENTLY on 10^8 rows needs hours
LOCK_DEADLINE_SECONDS: Final = 10 * 60.0
# A migration that waits for a table lock makes every new reader wait behind it: give up soon, come again
LOCK_TIMEOUT: Final = "2s"
_LOCK_RETRIES: Final = 30
# A lock that was not had in time, a deadlock: the migration was rolled back and is run again
_RETRIED: Final = {"55P03", "40P01"}
_RETRY_SECONDS: Final = 1.0
# the migrations up to this one build indexes in ways that partitioned tables refuse
_LAST_PLAIN: Final = "0014"
# what migrations import as `op` belongs to the whole process
_ALEMBIC: Final = Lock()


async def upgrade(url: str, revision: str = "head", *, grants: bool = True) -> None:
    """Brings the database to the revision; any number of processes may call it at once.

    Without `grants` no role but the owner gets a right to what is new, until `grant`.
    Raises SchemaMismatch when the database is ahead of this code, InvalidInput for an unknown revision, and
    Unavailable when the server cannot be reached or other sessions hold their locks for too long.
    """
    found = await current(url)
    _refuse_ahead(found)
    if revision != "head" or found != head():
        await _in_thread(lambda: _migrate(url, "upgrade", revision, grants=grants))


async def downgrade(url: str, revision: str) -> None:
    """Takes the database back to the revision; `base` leaves no table. Raises as `upgrade` does.

    And InvalidInput where messages is partitioned, for a revision that does not know partitions.
    """
    found = await current(url)
    _refuse_ahead(found)
    async with await pool.connect(url) as connection:
        is_plain = await layout(connection) in {None, "plain", "moving"}
    if not is_plain and _target(found or "", revision) < _LAST_PLAIN:
        raise InvalidInput(
            "revision", f"must be {_LAST_PLAIN} or above, by its name: messages is partitioned, which none below knows"
        )
    await _in_thread(lambda: _migrate(url, "downgrade", revision, grants=True))


async def current(url: str) -> str | None:
    """The revision that the database is at, None before the first upgrade."""
    async with await pool.connect(url) as connection:
        return await revision_of(Executor(lambda: nullcontext(connection)))


async def is_empty(url: str) -> bool:
    """Whether nobody has made a table, a view or a sequence in the database."""
    async with await pool.connect(url) as connection:
        return bool(await Executor(lambda: nullcontext(connection)).one("migrations/is_empty", scalar_row))


async def check(url: str) -> None:
    """Raises SchemaMismatch, naming the command, when the database is behind or ahead of this code."""
    if found := mismatch(await current(url)):
        raise found


async def grant(url: str) -> None:
    """Gives each role of the database its rights, as every migration does; nothing happens where there are no roles.

    Raises what `from_psycopg` makes of the driver's errors, NotPermitted for a role that is not the owner's.
    """
    async with await pool.connect(url) as connection:
        try:
            await connection.execute(act_as_owner().encode())
            await connection.execute(roles.grants().encode())
        except psycopg.Error as error:
            raise from_psycopg(error, "migrations") from error


async def revision_of(executor: Executor) -> str | None:
    """As `current`, of the database that the executor asks."""
    try:
        return await executor.one("migrations/current", scalar_row)
    except SchemaMismatch:
        return None


async def layout(connection: Connection) -> str | None:
    """How messages is kept, a word of sql/migrations/layout.sql; None before the first upgrade."""
    found = await connection.execute(queries.load("migrations/layout").statement)
    return str(row[0]) if (row := await found.fetchone()) else None


def head() -> str:
    """The newest revision that this code has."""
    return history()[-1][0]


def history() -> list[tuple[str, str]]:
    """Revision and title of every migration, oldest first; a file is called <revision>_<title>.py."""
    stems = sorted(path.stem for path in (folder() / "versions").glob("*_*.py"))
    return [(revision, title.replace("_", " ")) for revision, _, title in (stem.partition("_") for stem in stems)]


def script(revision: str = "head", direction: Direction = "upgrade") -> str:
    """The SQL of an upgrade of an empty database, or of a downgrade from this code's schema, as psql runs it.

    `from:to` begins elsewhere. Raises InvalidInput for an unknown revision.
    """
    start = "base" if direction == "upgrade" else "head"
    buffer = io.StringIO()
    with _alembic():
        _command(direction)(_config(None, buffer), revision if ":" in revision else f"{start}:{revision}", sql=True)
    return buffer.getvalue()


def folder() -> Path:
    """The folder of the migrations: inside the package in a wheel, next to it in a checkout."""
    packaged = Path(__file__).parent / "_alembic"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "alembic"


def execute(sql: str) -> None:
    """For migrations: `op.execute` of SQL as it is; a string would pass through text(), where `:word` is a bind."""
    from sqlalchemy import DDL

    from alembic import op

    op.execute(DDL(sql.replace("%", "%%")))  # type: ignore[no-untyped-call]


def act_as_owner() -> str:
    """For alembic/env.py: the statement after which a migration makes what is the schema's owner's, whoever runs it."""
    return queries.load("migrations/upgrade_role").statement.decode()


@contextmanager
def lock(url: str) -> Iterator[None]:
    """For alembic/env.py: waits until no other process migrates this database.

    The lock has a connection of its own and is polled for: one that blocked inside a statement would hold a
    snapshot that CREATE INDEX CONCURRENTLY waits for.
    """
    statement = queries.load("migrations/lock").statement
    deadline = time.monotonic() + LOCK_DEADLINE_SECONDS
    with pool.connect_sync(url) as connection:
        if _is_pooled(connection):
            raise InvalidInput(
                "DATABASE_URL", "leads to a pooler: migrations need the server itself, by DATABASE_DIRECT_URL"
            )
        while not connection.execute(statement).fetchone()[0]:  # type: ignore[index]
            if time.monotonic() > deadline:
                raise Unavailable("another process has been migrating this database for too long")
            time.sleep(0.1)
        if (connection.execute(queries.load("migrations/layout").statement).fetchone() or [None])[0] == "moving":
            raise InvalidInput(
                "messages", "is being partitioned: end it by the botcore that began it, or `db partition --abandon`"
            )
        yield


def mismatch(found: str | None) -> SchemaMismatch | None:
    """What is wrong with a database at this revision, None where it is this code's."""
    expected = head()
    if found == expected:
        return None
    if found is None:
        return SchemaMismatch("the database has no schema yet", "botcli db upgrade", is_behind=True)
    if found in {revision for revision, _ in history()}:
        reason = f"the database is at migration {found}, behind {expected}"
        return SchemaMismatch(reason, "botcli db upgrade", is_behind=True)
    reason = f"the database is at migration {found}, which this botcore (at {expected}) does not know"
    return SchemaMismatch(reason, "pip install --upgrade botcore", is_behind=False)


def _is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Whether a pooler is in between: another process answers than the one that the connection was made with."""
    found = connection.execute(queries.load("database/connect_backend").statement).fetchone()
    return found != (connection.info.backend_pid,)


def _refuse_ahead(found: str | None) -> None:
    wrong = mismatch(found)
    if wrong and not wrong.is_behind:
        raise wrong


def _target(found: str, revision: str) -> str:
    """The revision that the word leads to, a step as -1 too; '' for base, and for what is neither."""
    revisions = ["", *(known for known, _ in history())]
    if not re.fullmatch(r"-\d+", revision):
        # of what else alembic understands, as head-2, nobody here knows where it leads
        return revision if revision in revisions else ""
    return revisions[max(0, revisions.index(found) + int(revision))]


async def _in_thread(work: Callable[[], None]) -> None:
    """As asyncio.to_thread, but Ctrl-C ends the program: it would wait for a migration that waits for its lock."""
    done: Future[None] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
            done.set_exception(error)
        else:
            done.set_result(None)

    Thread(target=run, name="botcore.migrations", daemon=True).start()
    await asyncio.wrap_future(done)


def _migrate(url: str, direction: Direction, revision: str, *, grants: bool) -> None:
    for _ in range(_LOCK_RETRIES):
        try:
            return _run(url, direction, revision, grants=grants)
        except Unavailable as error:
            if error.sqlstate not in _RETRIED:
                raise
        time.sleep(_RETRY_SECONDS)
    return _run(url, direction, revision, grants=grants)


def _run(url: str, direction: Direction, revision: str, *, grants: bool) -> None:
    from sqlalchemy.exc import DBAPIError, PendingRollbackError

    try:
        with _alembic():
            config = _config(url)
            config.attributes["grants"] = grants
            _command(direction)(config, revision)
    except PendingRollbackError as error:
        raise Unavailable("migrations: the connection was lost, run it again", retry_is_safe=True) from error
    except DBAPIError as error:
        if not isinstance(error.orig, psycopg.Error):
            raise
        raise from_psycopg(error.orig, "migrations") from error.orig


@contextmanager
def _alembic() -> Iterator[None]:
    from alembic.util import CommandError

    try:
        with _ALEMBIC:
            yield
    except CommandError as error:
        raise InvalidInput("revision", f"{error}; see `botcli db history`") from error


def _command(direction: Direction) -> Callable[..., None]:
    from alembic import command

    return {"upgrade": command.upgrade, "downgrade": command.downgrade}[direction]


def _config(url: str | None, buffer: io.StringIO | None = None) -> "Config":
    from alembic.config import Config

    config = Config(output_buffer=buffer, attributes={"url": url and _impatient(url)})
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return config


def _impatient(url: str) -> str:
    """The URL with our timeouts before its own options: a role's statement_timeout would end a long index build."""
    given = conninfo_to_dict(urls.conninfo(url))
    options = f"-c lock_timeout={LOCK_TIMEOUT} -c statement_timeout=0 {given.pop('options', '')}"
    return make_conninfo("", **given, options=options.strip())
