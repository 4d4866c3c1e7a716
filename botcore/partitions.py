"""Messages in hash partitions by chat_id: moved there online, by the files of sql/partitions/, whose comments say how.

How far it came stands in the database: whoever was killed, the next run goes on. See docs/scaling.md.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final

import psycopg
from psycopg.rows import class_row

from botcore import identity, migrations, pool, queries
from botcore.connection import Connection
from botcore.errors import BotcoreError, InvalidInput, Unavailable, from_psycopg

# A statement that waits for locks, or holds them, ends before a session that waits for it looks for a deadlock, which
# is after a second: then it is not the bot's call that is ended
_SHORT_MILLISECONDS: Final = 500
# and some of them need longer: a second after which the server ends an autovacuum that is in the way. A call of the
# bot's may be ended by then, as one that is to be repeated
_LONG_MILLISECONDS: Final = 1_500
_SHORT_ATTEMPTS: Final = 20
_ATTEMPTS: Final = 300
_PAUSE_SECONDS: Final = 2.0
# a short statement is a copy's batch, too: this many rows, less where they take too long, more where they do not
_FIRST_BATCH: Final = 1_000
_LARGEST_BATCH: Final = 10_000
_QUICK_SECONDS: Final = 0.1
# of who runs the migrations, or of a predecessor that was killed and whose last statement still runs
_LOCK_SECONDS: Final = 5.0
# every statement locks them all before it knows which one it needs: with 64 of them record takes twice as long
_NUMBERS: Final = range(2, 65)
# what our files raise, and what cannot be partitioned
_OURS: Final = {"2BP01", "55000", "XX001", "0A000"}
# cancelled by its timeout, a lock not had in time, a deadlock, a row that moved away: undone, and tried again
_RETRIED: Final = {"57014", "55P03", "40P01", "40001"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: `step` is create, copy, compare or switch, and `done` rows of about `total` in it."""

    step: str
    done: int
    total: int
    partitions: int


async def run(url: str, *, partitions: int = 16, progress: Callable[[Progress], object] = lambda _: None) -> None:
    """Moves messages into so many partitions (2..64) beside readers and writers, or goes on where a run ended.

    The table of before stays as messages_unpartitioned until `drop_old`. Raises InvalidInput where messages is
    partitioned already, or was begun with another number, BotcoreError, saying why, where it cannot be done,
    SchemaMismatch before the last migration, and Unavailable when others keep their locks for too long.
    """
    _check(partitions)
    behind = migrations.mismatch(await migrations.current(url))
    async with _opened(url) as connection:
        found = await migrations.layout(connection)
        if behind and found == "moving":
            raise BotcoreError("partitions: was begun by another release: go on with that one, or --abandon it")
        if behind:
            raise behind
        if found in {"kept", "partitioned"}:
            raise InvalidInput("partitions", "messages is partitioned already")
        if found == "plain":
            await _create(connection, partitions)
        now = await _progress(connection)
        if now.partitions != partitions:
            wayout = "go on with that" if found == "switched" else "go on with that, or abandon it"
            raise InvalidInput("partitions", f"was begun with {now.partitions}: {wayout}")
        if found != "switched":
            await _move(connection, now, progress)
        await _execute(connection, "validate", 0)


async def rehearse(url: str, *, partitions: int = 16) -> int:
    """About how many rows `run` would move; raises what would keep it from beginning, and leaves nothing behind."""
    _check(partitions)
    await migrations.check(url)
    async with _opened(url) as connection:
        if await migrations.layout(connection) != "plain":
            raise InvalidInput("partitions", "messages is partitioned already, or was begun to be")
        async with connection.transaction(force_rollback=True):
            await _create(connection, partitions)
            return (await _progress(connection)).total


async def abandon(url: str) -> None:
    """Gives up a run that did not come to its end; raises InvalidInput where there is none."""
    async with _opened(url) as connection:
        if await migrations.layout(connection) != "moving":
            raise InvalidInput("partitions", "there is nothing to abandon")
        await _patiently(connection, "abandon")


async def is_under_way(url: str) -> bool:
    """Whether a run has begun and not come to its switch."""
    async with await pool.connect(url) as connection:
        return await migrations.layout(connection) == "moving"


async def drop_old(url: str) -> None:
    """Drops what messages was before it was partitioned; raises InvalidInput where there is nothing to drop."""
    async with _opened(url) as connection:
        found = await migrations.layout(connection)
        if found == "switched":
            raise InvalidInput("partitions", "the last step is missing: run it once more, without this")
        if found != "kept":
            raise InvalidInput("partitions", "there is no messages_unpartitioned, or messages is not partitioned yet")
        await _patiently(connection, "drop_old")


async def _create(connection: Connection, partitions: int) -> None:
    await _execute(connection, "dependents", 0)
    await _execute(connection, "create", 0, partitions=partitions)


async def _move(connection: Connection, now: Progress, progress: Callable[[Progress], object]) -> None:
    if now.step == "create":
        # tells how many rows there are
        await connection.execute("ANALYZE messages")
        await _patiently(connection, "mirror")
    await _batches(connection, progress)
    # the first query after the switch is planned by it
    await connection.execute("ANALYZE messages_partitioned")
    progress(await _progress(connection))
    await _execute(connection, "dependents", 0)
    await _patiently(connection, "switch")


async def _batches(connection: Connection, progress: Callable[[Progress], object]) -> None:
    batch, failures = _FIRST_BATCH, 0
    while (now := await _progress(connection)).step in {"copy", "compare"}:
        progress(now)
        started = monotonic()
        try:
            await _execute(connection, now.step, _SHORT_MILLISECONDS, batch=batch)
        except Unavailable as error:
            failures += 1
            if error.sqlstate not in _RETRIED or failures == _ATTEMPTS:
                raise
            batch = max(1, batch // 2)
            await asyncio.sleep(_pause(failures))
        else:
            failures = 0
            if monotonic() - started < _QUICK_SECONDS:
                batch = min(_LARGEST_BATCH, batch * 2)


async def _patiently(connection: Connection, name: str) -> None:
    """Runs a file that needs locks which stop others, in short attempts with pauses for those."""
    for attempt in range(1, _ATTEMPTS):
        try:
            return await _execute(
                connection, name, _SHORT_MILLISECONDS if attempt < _SHORT_ATTEMPTS else _LONG_MILLISECONDS
            )
        except Unavailable as error:
            if error.sqlstate not in _RETRIED:
                raise
        await asyncio.sleep(_pause(attempt))
    return await _execute(connection, name, _LONG_MILLISECONDS)


def _pause(failures: int) -> float:
    return min(_PAUSE_SECONDS, failures * 0.1)


async def _execute(connection: Connection, name: str, milliseconds: int, **settings: int) -> None:
    """Runs `sql/partitions/<name>.sql` in a transaction of its own, within so many milliseconds; 0 for any time."""
    given = {"statement_timeout": milliseconds, **{f"botcore.{name}": value for name, value in settings.items()}}
    try:
        async with connection.transaction():
            # as in psql, where they stand before the file
            await connection.execute("".join(f"SET LOCAL {each} = {value};" for each, value in given.items()).encode())
            await connection.execute(_text(name))
    except psycopg.Error as error:
        raise _refusal(error, name) from error


async def _progress(connection: Connection) -> Progress:
    cursor = connection.cursor(row_factory=class_row(Progress))
    found = await (await cursor.execute(_text("progress"))).fetchone()
    if found is None:
        raise Unavailable("partitions: what it had come to is gone, begin again")
    return found


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Connection]:
    """A connection of the schema's owner, while which nobody migrates."""
    async with await pool.connect(url) as connection:
        await identity.refuse_pooler(connection)
        deadline = monotonic() + _LOCK_SECONDS
        while (await (await connection.execute(queries.load("migrations/lock").statement)).fetchone()) != (True,):
            if monotonic() > deadline:
                raise Unavailable("another process migrates or partitions this database")
            await asyncio.sleep(0.1)
        await connection.execute(migrations.act_as_owner().encode())
        try:
            yield connection
        except psycopg.Error as error:
            raise from_psycopg(error, "partitions") from error


def _check(partitions: int) -> None:
    if partitions not in _NUMBERS:
        raise InvalidInput("partitions", f"must be {_NUMBERS.start}..{_NUMBERS.stop - 1}, not {partitions}")


def _text(name: str) -> bytes:
    return (queries.folder() / "partitions" / f"{name}.sql").read_bytes()


def _refusal(error: psycopg.Error, name: str) -> BotcoreError:
    """Why not, in the server's words where they are of definitions, or our own: they hold nothing that people wrote."""
    if error.sqlstate in _OURS or (error.sqlstate or "").startswith("42"):
        return BotcoreError(f"partitions: {error.diag.message_primary}")
    return from_psycopg(error, f"partitions/{name}")
