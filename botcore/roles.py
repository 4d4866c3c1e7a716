"""The roles of a database: sql/roles.sql makes them, sql/grants.sql says what each may."""

import asyncio
import re
from pathlib import Path
from typing import Final, Literal

import psycopg
from psycopg import sql

from botcore import pool, queries
from botcore.connection import Connection
from botcore.errors import BotcoreError, InvalidInput, Unavailable, from_psycopg

NAMES: Final = ("owner", "migrator", "app", "eraser", "reader")
"""Each comes after the prefix and a _; the owner does not log in."""

# a table's lock that was not had in time, or only by a deadlock, and a role that was changed from another database at
# this moment ("tuple concurrently updated"): all was undone, and is tried again
_RETRIED: Final = {"55P03", "40P01", "XX000"}
_RETRIES: Final = 10
_RETRY_SECONDS: Final = 1.0
_PREFIX: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


async def create(url: str, prefix: str = "") -> list[str]:
    """Makes the five roles of this database or brings them up to date, and gives their names in the order of NAMES.

    Without a prefix they keep the one that they have, at first `botcore`. Run again it changes nothing, and after a
    migration it need not be. Raises BotcoreError, saying why, when the URL's role may not do that, and InvalidInput
    for a prefix that is none, or not this database's.
    """
    _check(prefix)
    async with await pool.connect(url) as connection:
        for _ in range(_RETRIES):
            try:
                return await _create(connection, prefix)
            except psycopg.Error as error:
                if error.sqlstate not in _RETRIED:
                    raise _refusal(error) from error
            await asyncio.sleep(_RETRY_SECONDS)
    raise Unavailable("roles: other sessions kept their locks for too long, run it again", retry_is_safe=True)


async def set_password(url: str, role: str, password: str) -> None:
    """Gives the role a password, of which the server is sent a SCRAM verifier only; raises as `create`."""
    if not password or "\0" in password:
        raise InvalidInput("password", "must not be empty, nor hold NUL")
    async with await pool.connect(url) as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
        statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier.decode()))
        try:
            await connection.execute(statement)
        except psycopg.Error as error:
            raise _refusal(error) from error


def script(prefix: str = "") -> str:
    """What `create` runs, for psql; raises InvalidInput for what is no prefix."""
    _check(prefix)
    return f"BEGIN;\n{_making(prefix)}{grants()}COMMIT;\n"


def grants() -> str:
    """The rights of each role, which every migration ends with; nothing where there are no roles."""
    return _text("grants")


def path(name: Literal["roles", "grants"]) -> Path:
    """The file, as psql takes it."""
    return queries.folder() / f"{name}.sql"


async def _create(connection: Connection, prefix: str) -> list[str]:
    async with connection.transaction():
        cursor = await connection.execute(_making(prefix).encode())
        while cursor.nextset():
            pass  # the names are what the last statement gives
        names = [name for [name] in await cursor.fetchall()]
        await connection.execute(grants().encode())
    return names


def _making(prefix: str) -> str:
    named = f"SET LOCAL botcore.prefix = '{prefix}';\n" if prefix else ""
    return named + _text("roles")


def _check(prefix: str) -> None:
    if prefix and not _PREFIX.fullmatch(prefix):
        raise InvalidInput("prefix", "must be 1 to 40 of a-z, 0-9 and _, a letter first")


def _refusal(error: psycopg.Error) -> Exception:
    """Why not, in the server's words: those of statements about roles tell nothing but names of roles and tables."""
    if error.sqlstate == "22023":
        return InvalidInput("prefix", error.diag.message_primary or "refused")
    if error.sqlstate in {"42501", "42704", "42710", "0LP01"}:
        return BotcoreError(f"roles: {error.diag.message_primary}")
    return from_psycopg(error, "roles")


def _text(name: Literal["roles", "grants"]) -> str:
    return path(name).read_text(encoding="utf-8")
