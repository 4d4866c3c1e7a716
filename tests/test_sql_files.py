"""The contract of sql/: every file against the migrated database, in real psql; and that the contract bites."""

import asyncio
import inspect
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import psycopg
import pytest

from botcore import Database, Transaction, joins, queries
from tests import contract
from tests.conftest import CreateDatabase
from tests.factories import dialogue, said

NAMES = queries.names()


@pytest.fixture(scope="module")
def url(create_database: CreateDatabase, template: str) -> Iterator[str]:
    """The URL of a database with a first conversation, which sample.psql fits."""
    with create_database(template) as url:
        asyncio.run(converse(url))
        yield url


async def converse(url: str) -> None:
    """Stores what one `botcli chat` stores, and a system message."""
    async with Database.connect(url) as database:
        person = {"telegram_user_id": 1, "first_name": "You", "last_name": None, "username": None}
        recorded = await said(database, bot_id=0, **person, telegram_message_id=None)
        key = dialogue(recorded.message)
        await database.messages.add(**key, role="assistant", content="Hello", reply_to_id=recorded.message.id)
        await database.messages.add(**key, role="system", content="Be brief.")


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    """A plain connection to that database."""
    with psycopg.connect(url, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def psql(psql_binaries: Path) -> list[str]:
    """Every psql at hand: the embedded server's, and the system's where there is one."""
    return [str(psql_binaries / "psql"), *filter(None, [shutil.which("psql")])]


@pytest.mark.parametrize("name", NAMES)
def test_file_keeps_the_contract(name: str, connection: psycopg.Connection, psql: list[str], url: str) -> None:
    """Each file of sql/ has an honest header, fits the schema and its row class, and runs in psql as it is."""
    found = contract.complaints(name, queries.load(name).text, connection, psql, url)

    assert found == []


@pytest.mark.parametrize("name", [name for name in NAMES if queries.load(name).only_reads])
def test_query_that_is_asked_again_only_reads(name: str, connection: psycopg.Connection) -> None:
    """Each query that counts as reading runs where the server lets nothing else run, and holds no lock."""
    locks = "SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND (locktype = 'advisory' OR mode ~ 'Row')"
    with connection.transaction(force_rollback=True):
        connection.execute("SET TRANSACTION READ ONLY")

        connection.execute(queries.load(name).statement, contract.sample_values())

        assert connection.execute(locks.encode()).fetchall() == []


@pytest.mark.parametrize(
    ("name", "old", "new", "complaint"),
    [
        ("messages/recent", "content", "contents", "does not prepare"),
        ("messages/recent", "-- user_id            bigint ", "-- user_id            text   ", "for the server"),
        ("messages/recent", "= :'chat_id'", "= :chat_id", "without quotes"),
        ("messages/recent", "  AND deleted_at IS NULL\n", "", "deleted_at is not minded"),
        ("messages/window", "      AND role = 'system'\n      AND deleted_at IS NULL\n", "", "returns deleted rows"),
        ("messages/versions", "AND deleted_at IS NULL", "AND (deleted_at IS NULL OR TRUE)", "returns deleted rows"),
        ("users/export_chats", "  AND c.deleted_at IS NULL\n", "", "returns deleted rows of chats"),
        ("messages/get", "id, user_id,", "user_id, id,", "are not the fields of Message"),
        ("messages/recent", "LIMIT :'page_size'", "LIMIT :'size'", "parameter size is not declared"),
        ("messages/recent", "LIMIT :'page_size';", "LIMIT :'page_size'", "no final semicolon"),
        ("users/delete", "FROM moment\n", "FROM moments\n", "does not prepare"),
        ("database/ping", "SELECT 1", "SELECT *, 1", "SELECT *"),
        ("stats/totals", "    AND m.deleted_at IS NULL\n", "", "returns deleted rows of messages"),
        ("messages/delete", "UPDATE messages\nSET deleted_at = clock_timestamp()", "DELETE FROM messages", "removes"),
        ("messages/purge", "WHERE :'dry_run' = 'no'", "WHERE :'dry_run' <> 'yes'", "removes rows by another word"),
        ("stats/totals", "-- returns  Totals", "-- returns  Message", "are not the fields of Message"),
        ("messages/copy_in", "-- after    messages/copy_in_stage\n", "", "does not prepare"),
        ("messages/copy_in", "s.content,", "s.contents,", "does not prepare"),
        ("messages/copy_in_stage", "-- returns  nothing", "-- returns  bigint  1 row", "not one bigint"),
        ("messages/copy_in_replies", "-- returns  bigint", "-- returns  nothing", "not nothing"),
    ],
)
def test_contract_refuses_a_mutant(
    name: str, old: str, new: str, complaint: str, connection: psycopg.Connection, psql: list[str], url: str
) -> None:
    """A file with one thing wrong is refused for that reason."""
    text = queries.load(name).text
    assert old in text

    found = contract.complaints(name, text.replace(old, new), connection, psql, url)

    assert any(complaint in each for each in found)


def test_psql_refuses_what_the_server_would_accept(psql: list[str], url: str) -> None:
    """The psql check sees what only psql minds: a variable that sample.psql does not set."""
    found = contract.in_psql("", "SELECT :'not_set';", psql, url)

    assert len(found) == len(psql)


def test_every_query_method_has_its_file() -> None:
    """What a repository offers stands in sql/ under the same name."""
    repositories = {name: kind for name, kind in get_type_hints(Transaction).items() if not name.startswith("_")}

    missing = [
        f"{folder}/{method}"
        for folder, repository in repositories.items()
        for method, _ in inspect.getmembers(repository, inspect.iscoroutinefunction)
        if not method.startswith("_") and f"{folder}/{method}" not in NAMES
    ]

    assert sorted(repositories) == [
        *("chats", "messages", "preferences", "states", "stats", "throttles", "updates", "usage", "users"),
    ]
    assert missing == []


def test_statement_leaves_the_header_out() -> None:
    """What is sent is the file without its comments, those inside it too; the file's text stays whole for people."""
    query = queries.load("messages/record")

    assert query.text.startswith("-- Stores")
    assert query.statement.startswith(b"WITH old_chat")
    assert query.statement.endswith(b"TABLE stored;\n")
    assert b"--" not in query.statement


@pytest.mark.parametrize("name", joins.FORMS)
def test_lists_of_many_calls_stand_in_the_order_of_one(name: str) -> None:
    """What a call gives under one name goes into the list at the same place, which is of the same type."""
    one = queries.load(name).parameters
    many = queries.load(joins.FORMS[name].joined).parameters

    assert [f"{each.type}[]" for each in one.values()] == [each.type for each in many.values()]
    renamed = {"claimed_by": "claimants", "max_messages": "message_counts", "max_characters": "character_counts"}
    plural = {"delivery": "deliveries"} | renamed
    assert [plural.get(each, f"{each}s") for each in one] == list(many)
