"""docs/schema.md against the migrated database: what is there is on the page, and nothing else is.

A line of the page is a name, its definition as PostgreSQL tells it, and a sentence by hand. A new column is one such
line; the failure prints all of it but the sentence.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import psycopg
import pytest

from botcore import Database, migrations

PAGE = (Path(__file__).parents[1] / "docs" / "schema.md").read_text()
SECTION = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| (.*?) ?\|$", re.MULTILINE)
ARROW = re.compile(r"^ +(\w+) \|[|o]--o\{ (\w+) : ", re.MULTILINE)

OBJECTS = """
    SELECT
        relname, attname,
        replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz')
        || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
    FROM pg_attribute INNER JOIN pg_class AS c ON c.oid = attrelid
    WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid, TRUE)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT indrelid::regclass::text, indexrelid::regclass::text,
        CASE WHEN indisunique THEN 'UNIQUE ' ELSE '' END
        || substring(pg_get_indexdef(indexrelid, 0, TRUE) FROM ' USING (.*)')
    FROM pg_index INNER JOIN pg_class AS c ON c.oid = indrelid
    WHERE relnamespace = 'public'::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    UNION ALL
    SELECT stxrelid::regclass::text, stxname, substring(pg_get_statisticsobjdef(oid) FROM '[(].* ON .*(?= FROM)')
    FROM pg_statistic_ext
    UNION ALL
    SELECT tgrelid::regclass::text, tgname, substring(pg_get_triggerdef(oid, TRUE) FROM tgname || ' (.*) ON ')
    FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT 'Functions', proname, format('(%s) RETURNS %s', pg_get_function_arguments(oid), prorettype::regtype)
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""
FOREIGN_KEYS = "SELECT confrelid::regclass::text, conrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to a fresh, migrated database."""
    with psycopg.connect(database_url) as opened:
        yield opened


def lines() -> list[tuple[str, str, str, str]]:
    """What the page tells: section, name, definition and sentence of each line."""
    return [(section, *line) for section, text in SECTION.findall(PAGE) for line in LINE.findall(text)]


def test_page_tells_what_the_database_has(connection: psycopg.Connection) -> None:
    """Every column, constraint, index, statistic, trigger and function as it is defined, and no other."""
    told = {line[:3] for line in lines()}

    found = set(connection.execute(OBJECTS).fetchall())

    complaints = [f"add to `## {at}`: | `{name}` | `{what}` | a sentence |" for at, name, what in found - told] + [
        f"remove from `## {at}`: | `{name}` | `{what}` |" for at, name, what in told - found
    ]
    assert not complaints, "\n".join(["docs/schema.md is not the schema", *sorted(complaints)])


def test_page_says_a_sentence_of_each() -> None:
    """What a column holds and what a constraint or index serves is written by hand, once."""
    told = lines()

    assert [name for _, name, _, sentence in told if not re.fullmatch(r"\S.*[.]", sentence)] == []
    assert len({line[:2] for line in told}) == len(told)


def test_page_names_queries_that_there_are() -> None:
    """What a constraint or index serves is a method of the API."""
    named = re.findall(r"`(users|chats|messages|migrations)\.(\w+)`", PAGE)
    owners = get_type_hints(Database) | {"migrations": migrations}

    assert [f"{owner}.{name}" for owner, name in named if not hasattr(owners[owner], name)] == []
    assert named


def test_page_draws_every_foreign_key(connection: psycopg.Connection) -> None:
    """The drawing's lines go from parent to child, one a foreign key."""
    found = connection.execute(FOREIGN_KEYS).fetchall()

    assert sorted(ARROW.findall(PAGE)) == sorted(found)
