"""A query by its name for a person at a console: values come as text, rows go as they are."""

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import scalar_row

from botcore import identity, inputs, pool, queries, urls
from botcore.connection import Connection
from botcore.errors import InvalidInput, Unavailable, from_psycopg
from botcore.executor import Executor
from botcore.queries import Query

_GENERIC_PLAN_SINCE: Final = 160000


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a query, and its columns also where there is no row."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def find(name: str) -> Query:
    """The query of this name, also written as its file's path or as its method.

    Raises InvalidInput with the nearest name when there is none.
    """
    plain = name.removeprefix("sql/").removesuffix(".sql").replace(".", "/")
    if plain not in queries.names():
        raise InvalidInput(name, f"no such query{_nearest(plain, queries.names())}")
    return queries.load(plain)


def paste(query: Query, texts: Mapping[str, str]) -> str:
    """The file's text with the values filled in, ready for any psql; raises as `run` does."""
    _values(query, texts)
    return queries.paste(query, texts)


async def run(url: str, query: Query, texts: Mapping[str, str], *, write: bool = False) -> Table:
    """All rows of the query, executed as the library does, but read-only unless `write`.

    Raises InvalidInput, naming the field, for a missing or unknown parameter, for a text that is not of the type in
    the header, and for a query that writes without `write`; else what `from_psycopg` makes of the driver's errors.
    """
    values = _values(query, texts)
    columns: list[str] = []

    def remember(cursor: psycopg.AsyncCursor[Any]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        columns[:] = [column.name for column in cursor.description or ()]
        return tuple

    try:
        async with _transaction(url, query, read_only=not write) as connection:
            executor = Executor(lambda: nullcontext(connection), in_transaction=True)
            rows = await executor.all(query.name, remember, **values)
    except Unavailable as error:
        if error.sqlstate == "25006" and not write:
            raise InvalidInput(query.name, "writes or locks rows: add --write") from error
        raise
    return Table(tuple(columns), rows)


async def explain(
    url: str,
    query: Query,
    texts: Mapping[str, str],
    *,
    analyze: bool = False,
    generic: bool = False,
    as_json: bool = False,
) -> list[Any]:
    """The plan's lines, or as its only item what `FORMAT JSON` gives.

    With `analyze` the query runs, whatever it writes, in a transaction that is rolled back. With `generic` it is
    planned for no value in particular, as a prepared one comes to be: `texts` is not read then. Raises as `run`.
    """
    options = f"ANALYZE {analyze}, BUFFERS {analyze}, FORMAT {'JSON' if as_json else 'TEXT'}"
    if generic:
        prefix, statement, values = f"EXPLAIN (GENERIC_PLAN, {options})\n", _numbered(query), None
    else:
        prefix, statement, values = f"EXPLAIN ({options})\n", query.statement, _values(query, texts)
    # a query that comes after another one needs the table that this makes
    async with _transaction(url, query, read_only=not (analyze or query.after), rollback=True) as connection:
        if generic and connection.info.server_version < _GENERIC_PLAN_SINCE:
            raise Unavailable("a generic plan is shown by PostgreSQL 16 and newer")
        cursor = connection.cursor(row_factory=scalar_row)
        await cursor.execute(prefix.encode() + statement, values)
        return await cursor.fetchall()


async def server_version(url: str) -> int:
    """The server's major version; raises Unavailable where there is none, and InvalidInput for a pooler's URL."""
    async with await pool.connect(url) as connection:
        await identity.refuse_pooler(connection)
        return connection.info.server_version // 10_000


def environment(url: str) -> dict[str, str]:
    """The URL as the PG* variables that psql and pg_dump read: a password in their arguments is everybody's to see.

    What has no variable, as keepalives, is left out. Raises InvalidInput for a URL that cannot be read.
    """
    given = conninfo_to_dict(urls.conninfo(url, connect_timeout=pool.DEFAULTS["connect_timeout"]))
    variables = {o.keyword.decode(): o.envvar.decode() for o in pq.Conninfo.get_defaults() if o.envvar}
    return {variables[option]: str(value) for option, value in given.items() if option in variables}


@asynccontextmanager
async def _transaction(url: str, query: Query, *, read_only: bool, rollback: bool = False) -> AsyncIterator[Connection]:
    async with await pool.connect(url) as connection:
        # None leaves it to the server: a role may be read-only by default
        await connection.set_read_only(True if read_only else None)
        try:
            async with connection.transaction(force_rollback=rollback):
                if query.after:
                    await connection.execute(queries.load(query.after).statement)
                yield connection
        except psycopg.Error as error:
            raise from_psycopg(error, query.name) from error


def _values(query: Query, texts: Mapping[str, str]) -> dict[str, Any]:
    for name in texts:
        if name not in query.parameters:
            raise InvalidInput(name, f"{query.name} has no such parameter{_nearest(name, list(query.parameters))}")
    if missing := [name for name in query.parameters if name not in texts]:
        raise InvalidInput(", ".join(missing), f"missing, {query.name} needs a value for each")
    values = {name: _TYPES[parameter.type](name, texts[name]) for name, parameter in query.parameters.items()}
    inputs.check(query, values)
    return values


def _bigint(name: str, text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", text, re.ASCII):
        raise InvalidInput(name, "must be a whole number of at most 64 bits")
    return int(text)


def _bigints(name: str, text: str) -> list[int]:
    if not re.fullmatch(r"\{.*\}", text):
        raise InvalidInput(name, "must be whole numbers in braces, as {1,2}")
    return [_bigint(name, number.strip()) for number in text[1:-1].split(",")] if text[1:-1].strip() else []


def _timestamptz(name: str, text: str) -> datetime | None:
    if text == "infinity":  # the word of sql/ for what Python says by None
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise InvalidInput(name, "must be a time with its zone, as 2026-11-21T12:00:00+00:00, or infinity")
    return moment


_TYPES: Final[dict[str, Callable[[str, str], Any]]] = {
    "bigint": _bigint,
    "bigint[]": _bigints,
    "text": lambda _, text: text,
    "timestamptz": _timestamptz,
}


def _numbered(query: Query) -> bytes:
    return query.statement % {name.encode(): b"$%d" % number for number, name in enumerate(query.parameters, 1)}


def _nearest(name: str, names: list[str]) -> str:
    near = get_close_matches(name, names, 1, 0.5)
    return f"; did you mean {near[0]}?" if near else ""
