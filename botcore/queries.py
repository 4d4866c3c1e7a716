"""sql/ -> psycopg: a file as psql reads it becomes a statement as the driver takes it."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from psycopg.sql import Literal

_FOR_PEOPLE = re.compile(r"^ *--.*\n|^ +", re.MULTILINE)
_PLACEHOLDER = re.compile(r":'(\w+)'")
_PARAMETER = re.compile(r"^-- (\w+) +((?:bigint|text|timestamptz)(?:\[\])?)( .*)?$", re.MULTILINE)
# what another session notices is a write too: FOR UPDATE, FOR KEY SHARE, pg_advisory_lock, pg_notify
_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE|SHARE|CREATE|DROP)\b|advisory|notify")
_AFTER = re.compile(r"^-- after +(\w+/\w+)$", re.MULTILINE)
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a file's header declares of one parameter: PostgreSQL's type and, where given, its bounds."""

    type: str
    bounds: range | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One file of sql/: its name as `folder/file`, its whole text, and what of it the driver executes.

    `after` is the name of the one that makes the table which this one reads, in the same transaction.
    """

    name: str
    text: str
    statement: bytes
    parameters: Mapping[str, Parameter]
    only_reads: bool
    after: str | None = None


def folder() -> Path:
    """The folder of the SQL files: inside the package in a wheel, next to it in a checkout."""
    packaged = Path(__file__).parent / "_sql"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "sql"


def names() -> list[str]:
    """The name of every query, as `folder/file`, sorted; sql/partitions/ has none, but blocks of DDL."""
    paths = (path for path in folder().glob("*/*.sql") if path.parent.name != "partitions")
    return sorted(path.relative_to(folder()).with_suffix("").as_posix() for path in paths)


def parse(name: str, text: str) -> Query:
    """The query in the text of a file; psql's `:'name'` becomes the driver's `%(name)s`.

    Comment lines and indentation stay behind: they are for people, and psycopg keeps its parsing of 4,096 bytes only.
    """
    statement = _PLACEHOLDER.sub(r"%(\1)s", _FOR_PEOPLE.sub("", text).replace("%", "%%"))
    used = set(_PLACEHOLDER.findall(text))
    declared = {name: _parameter(kind, rest) for name, kind, rest in _PARAMETER.findall(text) if name in used}
    after = _AFTER.search(text)
    return Query(
        name,
        text,
        statement.encode(),
        declared,
        only_reads=not _WRITES.search(statement),
        after=after[1] if after else None,
    )


@cache
def load(name: str) -> Query:
    """The query of the file `sql/<name>.sql`, read once."""
    return parse(name, (folder() / f"{name}.sql").read_text(encoding="utf-8"))


def paste(query: Query, values: Mapping[str, object]) -> str:
    """The file's text with the values filled in as psql would, ready for any psql; None is NULL."""
    literals = {name: _literal(value, query.parameters[name].type) for name, value in values.items()}
    return _PLACEHOLDER.sub(lambda match: literals[match[1]], query.text)


def array(values: Iterable[Any], kind: str) -> str:
    """A list as PostgreSQL reads it, NULL for None; `kind` is the type of what is in it.

    In one piece, for psycopg's own takes ten times as long. https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO
    """
    element = _ELEMENTS[kind]
    return "{" + ",".join(["NULL" if value is None else element(value) for value in values]) + "}"


def _literal(value: Any, kind: str) -> str:
    if value is None:
        return "NULL"
    return Literal(array(value, kind.removesuffix("[]")) if isinstance(value, list) else str(value)).as_string()


def _quoted(text: str) -> str:
    # an enum's member has the value, whatever it is printed as
    return '"' + str.__str__(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


_ELEMENTS: Final[Mapping[str, Callable[[Any], str]]] = {
    "bigint": int.__repr__,
    "text": _quoted,
    "timestamptz": '"{}"'.format,
}


def _parameter(kind: str, rest: str) -> Parameter:
    bounds = _RANGE.search(rest)
    return Parameter(kind, range(int(bounds[1]), int(bounds[2]) + 1) if bounds else None)
