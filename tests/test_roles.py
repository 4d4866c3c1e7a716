"""The five roles: what each may not do, that each can do its work, and how they are made and kept."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from botcore import Database, queries
from tests import contract, roles
from tests.conftest import CreateDatabase
from tests.factories import dialogue, edited, said

MAY_NOT = {
    "app": [
        *[f"DELETE FROM {table}" for table in ("users", "chats", "messages", "message_versions", "pollers")],
        *[f"DELETE FROM {table}" for table in ("refusals", "erasures", "alembic_version")],
        "INSERT INTO erasures VALUES ('', now(), 1, 1, 1, 1)",
        "UPDATE alembic_version SET version_num = '9999'",
        "UPDATE messages SET id = DEFAULT",
        "UPDATE messages SET user_id = 1",
        "UPDATE messages SET role = 'system'",
        "UPDATE messages SET created_at = now()",
        "UPDATE chats SET bot_id = 1",
        "UPDATE users SET telegram_user_id = 1",
        "UPDATE updates SET update_id = 1",
        "UPDATE states SET telegram_user_id = 1",
        "UPDATE usage SET day = now()",
        "DELETE FROM usage",
        "UPDATE preferences SET user_id = 1",
        "DELETE FROM throttles",
        "UPDATE message_versions SET content = ''",
        "UPDATE refusals SET person = ''",
        "SELECT setval('messages_id_seq', 1)",
    ],
    "eraser": [
        "INSERT INTO messages (chat_id, role, content, sent_at) VALUES (1, 'user', '', now())",
        "INSERT INTO users (telegram_user_id, first_name) VALUES (1, '')",
        "UPDATE messages SET content = ''",
        "UPDATE users SET telegram_user_id = 1",
        "UPDATE chats SET telegram_chat_id = 1",
        "UPDATE updates SET worker = ''",
        "DELETE FROM message_versions",
        "DELETE FROM refusals",
        "DELETE FROM erasures",
        "UPDATE erasures SET messages = 0",
        "SELECT nextval('messages_id_seq')",
    ],
    "reader": [
        "INSERT INTO users (telegram_user_id, first_name) VALUES (1, '')",
        "UPDATE messages SET content = ''",
        "UPDATE updates SET state = 'done'",
        "DELETE FROM messages",
        "DELETE FROM updates",
        "SELECT id FROM messages FOR KEY SHARE",
        "SELECT nextval('messages_id_seq')",
        "SELECT person FROM refusals",
        "SELECT person FROM erasures",
        "SELECT payload FROM updates",
        "SELECT data FROM states",
        "SELECT telegram_user_id FROM updates",
    ],
    "migrator": [
        "CREATE ROLE more",
        "CREATE DATABASE more",
        "ALTER ROLE botcore_app SUPERUSER",
        "COPY users TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
}
"""What is refused to one role, or to all but the migrator."""
NOBODY_BUT_THE_OWNER = [
    *[f"TRUNCATE {table} CASCADE" for table in ("messages", "updates", "users")],
    "DROP TABLE pollers",
    "DROP INDEX ix_messages_user_id",
    "ALTER TABLE users ADD COLUMN more TEXT",
    "ALTER TABLE users DISABLE TRIGGER ALL",
    "CREATE INDEX ON users (username)",
    "CREATE TABLE more ()",
    "CREATE TEMP TABLE more ()",
    "CREATE FUNCTION more() RETURNS INT LANGUAGE sql RETURN 1",
    "CREATE SCHEMA more",
    "CREATE OR REPLACE FUNCTION person_digest(telegram_user_id BIGINT) RETURNS TEXT LANGUAGE sql RETURN ''",
    "SET ROLE botcore_owner",
    "SET ROLE botcore_migrator",
    "SET SESSION AUTHORIZATION botcore_owner",
    "ALTER DEFAULT PRIVILEGES FOR ROLE botcore_owner GRANT ALL ON TABLES TO PUBLIC",
]
WORKERS = ("app", "eraser", "reader")
ATTEMPTS = [(role, attempt) for role, attempts in MAY_NOT.items() for attempt in attempts] + [
    (role, attempt) for role in WORKERS for attempt in NOBODY_BUT_THE_OWNER
]

# who opted out or was erased, and what Telegram delivered
NOT_THE_READERS = {
    "states/get",
    "users/export_states",
    "users/erasures",
    "users/export_updates",
    "users/kept",
    "users/opted_out",
    "messages/record_refused",
    "updates/get",
    "updates/page",
}


@pytest.fixture(scope="module")
def url(create_database: CreateDatabase, template: str) -> Iterator[str]:
    """The URL of a database with a message and its edit."""
    with create_database(template) as url:
        asyncio.run(converse(url))
        yield url


async def converse(url: str) -> None:
    """Stores what each role then tries itself on."""
    async with Database.connect(url) as database:
        recorded = await said(database)
        await database.messages.edit(**edited(5, content="Hello!"))
        await database.messages.add(**dialogue(recorded.message), role="assistant", content="Hello?")
        await database.users.opt_out(telegram_user_id=9)


@pytest.fixture(scope="module")
def psql(psql_binaries: Path) -> list[str]:
    """The embedded server's psql."""
    return [str(psql_binaries / "psql")]


@pytest.mark.parametrize(("role", "attempt"), ATTEMPTS)
def test_role_may_not(role: str, attempt: str, url: str) -> None:
    """What is not a role's work is refused to it, in the words of 42501, whatever rows there are."""
    with psycopg.connect(roles.url_of(role, url), autocommit=True) as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(attempt.encode())


@pytest.mark.parametrize("name", queries.names())
def test_role_runs_its_file(name: str, psql: list[str], url: str) -> None:
    """Each file of sql/ runs as the role whose work it is; where a new one does not, grants.sql lacks a line."""
    found = contract.in_psql(name, queries.load(name).text, psql, roles.url_of(_worker(name), url))

    assert found == []


def test_eraser_counts_what_it_would_remove(psql: list[str], url: str) -> None:
    """`botcli erase --dry-run` runs as the eraser, too."""
    found = contract.in_psql("users/kept", queries.load("users/kept").text, psql, roles.url_of("eraser", url))

    assert found == []


def test_reader_reads(psql: list[str], url: str) -> None:
    """The reader runs every file that only reads, but for digests of people and what Telegram delivered."""
    reading = [name for name in queries.names() if queries.load(name).only_reads and _worker(name) == "app"]

    refused = {
        name for name in reading if contract.in_psql(name, queries.load(name).text, psql, roles.url_of("reader", url))
    }

    assert refused == NOT_THE_READERS


def _worker(name: str) -> str:
    folder, _, stem = name.partition("/")
    if folder in {"users", "chats", "messages"} and stem.partition("_")[0] in {"erase", "purge"}:
        return "eraser"
    return "migrator" if folder == "migrations" or stem.startswith("copy_in") else "app"
