"""Opening a database, transactions, and what is said when the server cannot be used."""

import asyncio
import logging
import time
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from botcore import BotcoreError, Database, InvalidInput, SchemaMismatch, Unavailable, outages
from tests import roles
from tests.factories import said

# a bare @ or / in a password, of which libpq would take a piece for the host or the database
UNESCAPED = ["postgresql://u:can@canary@h/db", "postgresql://u:canary/canary@127.0.0.1/db"]


async def test_connect_opens_a_database_that_answers(database: Database) -> None:
    """An open database answers a ping."""
    await database.ping()


async def test_closed_database_says_so(database_url: str) -> None:
    """A call after the end of the block is Unavailable and needs no retry."""
    async with Database.connect(database_url) as database:
        pass

    with pytest.raises(Unavailable, match="closed") as refused:
        await database.ping()

    assert not refused.value.retry_is_safe


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "postgresql://u:canary@127.0.0.1:1/db",
            "cannot connect to 127.0.0.1:1/db as u: nothing listens there; is the server running?",
        ),
        ("postgresql://u:canary@no-such-host.invalid/db?sslmode=disable", "the host's name is unknown"),
        ("postgresql://u@/db?host=/nonexistent&password=canary", "nothing listens there"),
    ],
)
async def test_connect_says_why_at_once_and_without_the_password(url: str, message: str) -> None:
    """An unreachable server is one clear line, in under five seconds, and shows no password."""
    started = time.monotonic()

    with pytest.raises(Unavailable) as refused:
        await Database.connect(url).__aenter__()

    assert message in str(refused.value)
    assert "canary" not in str(refused.value)
    assert time.monotonic() - started < 5


async def test_connect_names_a_missing_database(database_url: str) -> None:
    """A database that does not exist is said to be missing."""
    with pytest.raises(Unavailable, match="no such database or user"):
        await Database.connect(database_url.replace("/test_", "/no_test_")).__aenter__()


@pytest.mark.parametrize("url", ["postgresql://u:canary%zz@h/db", "mysql://u:canary@h/db", "canary", "", *UNESCAPED])
async def test_connect_refuses_what_is_no_url_without_showing_it(url: str) -> None:
    """A malformed URL is InvalidInput; no piece of the password is in the message."""
    with pytest.raises(InvalidInput, match="postgresql://user:password@host") as refused:
        await Database.connect(url).__aenter__()

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("parameter", ["connect_timeout=canary", "sslmode=canary", "port=canary"])
async def test_connect_refuses_a_parameter_without_showing_it(parameter: str) -> None:
    """A value that libpq does not know is InvalidInput, not an outage."""
    with pytest.raises(InvalidInput, match="DATABASE_URL") as refused:
        await Database.connect(f"postgresql://u@127.0.0.1/db?{parameter}").__aenter__()

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("setting", ["replica_url", "eraser_url"])
@pytest.mark.parametrize("parameter", ["", "&sslmode=canary"])
async def test_connect_names_the_setting_of_a_bad_url(database_url: str, setting: str, parameter: str) -> None:
    """Of several URLs the one that is wrong is named, when the Database is opened or used."""
    wrong = f"{database_url}{parameter}" if parameter else "postgresql://u:a@b@c/d"

    with pytest.raises(InvalidInput, match=f"DATABASE_{setting.upper()}"):
        async with Database.connect(database_url, **{setting: wrong}) as database:  # type: ignore[arg-type]
            async with database._standby._standby.connection(3):  # type: ignore[union-attr]
                pass


async def test_connect_refuses_an_eraser_of_another_database(database_url: str, empty_database_url: str) -> None:
    """It is refused when it opens, or where no server was required when somebody is to be erased; nobody is then."""
    with pytest.raises(InvalidInput, match="DATABASE_ERASER_URL: leads to another database"):
        await Database.connect(database_url, eraser_url=empty_database_url).__aenter__()
    async with Database.connect(database_url, eraser_url=empty_database_url, require_server=False) as database:
        await said(database)
        with pytest.raises(InvalidInput, match="DATABASE_ERASER_URL: leads to another database"):
            await database.users.erase(telegram_user_id=7)
        assert await database.users.find(telegram_user_id=7)


async def test_first_erasures_look_once_where_the_eraser_leads(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    """Many at once are not a connection each beside the pools."""
    connection.execute(f"ALTER DATABASE {connection.info.dbname} CONNECTION LIMIT 8".encode())
    eraser_url = roles.url_of("eraser", database_url)
    async with Database.connect(database_url, eraser_url=eraser_url, require_server=False, max_size=2) as database:
        await asyncio.gather(*(database.users.erase(telegram_user_id=number) for number in range(1, 41)))


@pytest.mark.parametrize("error", [psycopg.errors.UndefinedTable, psycopg.errors.SyntaxError])
def test_unreachable_for_what_the_server_refused(error: type[psycopg.Error]) -> None:
    """A statement that the server refuses while a connection is made is not told as a wrong URL."""
    told = outages.unreachable("host=canary", error("invalid"))

    assert isinstance(told, Unavailable)
    assert f"SQLSTATE {error.sqlstate}" in told.reason


async def test_transaction_refuses_calls_after_its_end_and_beside_an_inner_one(database: Database) -> None:
    """Neither may slip into a stranger's transaction, nor wait for ever for itself."""
    async with database.transaction() as outer:
        async with outer.transaction() as inner:
            with pytest.raises(Unavailable, match="inside of this one"):
                await outer.users.page()
        with pytest.raises(Unavailable, match="has ended"):
            await inner.users.page()

    with pytest.raises(Unavailable, match="has ended"):
        await outer.users.page()


async def test_transaction_commits_everything_or_nothing(database: Database) -> None:
    """An error inside the block undoes all of it; other connections see it only after the end."""
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as transaction:
            await said(transaction)
            raise ZeroDivisionError

    async with database.transaction() as transaction:
        await said(transaction)
        unseen = await database.users.page()

    assert unseen == []
    assert len(await database.users.page()) == 1


async def test_transaction_that_only_reads(database: Database) -> None:
    """What would change something is refused, in a savepoint too; what comes after it may change things."""
    async with database.transaction(read_only=True) as transaction:
        assert await transaction.users.page() == []
        with pytest.raises(Unavailable) as refused:
            async with transaction.transaction() as inner:
                await said(inner)
        assert await transaction.users.page() == []
    await said(database)
    with pytest.raises(BotcoreError, match="only reads") as left:
        async with database.transaction(read_only=True) as transaction:
            await said(transaction, telegram_message_id=101)

    assert refused.value.sqlstate == "25006"
    # nobody waits for another server
    assert not isinstance(left.value, Unavailable)


async def test_nested_transaction_is_a_savepoint(database: Database) -> None:
    """What the inner block did is undone alone."""
    async with database.transaction() as outer:
        await said(outer, telegram_message_id=1)
        with pytest.raises(ZeroDivisionError):
            async with outer.transaction() as inner:
                await said(inner, telegram_message_id=2)
                raise ZeroDivisionError

    assert (await database.stats.totals(bot_id=1)).user_messages == 1


async def test_error_inside_a_savepoint_leaves_the_transaction_usable(database: Database) -> None:
    """The server's refusal in a savepoint does not spoil what surrounds it."""
    async with database.transaction() as outer:
        with pytest.raises(InvalidInput):
            async with outer.transaction() as inner:
                await said(inner, role="tool")
        await said(outer)

    assert (await database.stats.totals(bot_id=1)).user_messages == 1


async def test_exhausted_pool_refuses_quickly_and_heals(database_url: str) -> None:
    """With every connection taken a caller gets Unavailable in its time, and may retry."""
    async with Database.connect(database_url, max_size=1, timeout_seconds=0.2) as database:
        async with database.transaction():
            with pytest.raises(Unavailable, match="no connection came free in time") as refused:
                await database.ping()

        await database.ping()

    assert refused.value.retry_is_safe


async def test_too_many_waiting_callers_are_refused_at_once(database_url: str) -> None:
    """Beyond max_waiting nobody queues: the answer comes at once."""
    async with Database.connect(database_url, max_size=1, max_waiting=1, timeout_seconds=5.0) as database:
        async with database.transaction():
            waiting = asyncio.create_task(database.ping())
            await asyncio.sleep(0.05)

            with pytest.raises(Unavailable, match="too many calls wait"):
                await database.ping()

        await waiting


async def test_lost_connection_is_unavailable_and_the_pool_heals(database_url: str) -> None:
    """A backend that the server ends mid-transaction is Unavailable; nothing stays of it, so it may be repeated."""
    end_others = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with Database.connect(database_url, max_size=1) as database:
        with psycopg.connect(database_url, autocommit=True) as connection, pytest.raises(Unavailable) as lost:
            async with database.transaction() as transaction:
                await transaction.users.page()
                connection.execute(end_others)
                await transaction.users.page()

        await database.ping()

    assert lost.value.retry_is_safe


@pytest.mark.own_session("a setting of the database holds for connections that the pooler makes after it")
@pytest.mark.role("superuser")  # the app's own lock_timeout is longer, and goes before the database's
async def test_statement_timeout_and_lock_timeout_are_named(database: Database, database_url: str) -> None:
    """What the server cancelled says which limit it was, with its SQLSTATE."""
    await said(database)
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET lock_timeout = '100ms'")
        with connection.transaction(), pytest.raises(Unavailable) as refused:
            connection.execute("LOCK TABLE messages")
            async with Database.connect(database_url) as limited:
                await limited.messages.recent(chat_id=1, user_id=1)

    assert (refused.value.sqlstate, refused.value.retry_is_safe) == ("55P03", True)
    assert str(refused.value) == "messages/recent: a lock was not released in time"


async def test_missing_table_is_a_schema_mismatch(empty_database_url: str) -> None:
    """A database that was never migrated names the command that helps."""
    async with Database.connect(empty_database_url) as database:
        with pytest.raises(SchemaMismatch, match="botcli db upgrade"):
            await database.users.page()


async def test_nothing_secret_is_logged_or_shown(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at DEBUG, no text of a message and no password is in any line or error."""
    caplog.set_level(logging.DEBUG)
    url = f"{database_url}{'&' if '?' in database_url else '?'}passfile=/canary-password"
    errors: list[BaseException] = []

    async with Database.connect(url) as database:
        await said(database, content="canary-text")
        for changes in ({"role": "canary-text", "telegram_message_id": 2}, {"content": "canary-text\0"}):
            with pytest.raises(BotcoreError) as refused:
                await said(database, **changes)
            errors.append(refused.value)

    shown = "\n".join([caplog.text, *map(repr, errors), *map(str, errors)])
    assert "messages/record" in [record.__dict__.get("query") for record in caplog.records]
    assert "canary" not in shown


@pytest.mark.own_session("the driver prepares nothing there, or under names of the pooler")
async def test_an_int_is_sent_as_one_type(database: Database) -> None:
    """Small and large ids use the same prepared statement, which would exist thrice otherwise."""
    async with database.transaction() as transaction:
        for user_id in (1, 2**20, 2**40):
            await transaction.users.get(user_id=user_id)
        prepared: Any = await (await _connection(transaction)).execute("SELECT statement FROM pg_prepared_statements")
        statements = [statement for (statement,) in await prepared.fetchall() if "FROM users" in statement]

    assert len(statements) == 1


async def _connection(transaction: Any) -> psycopg.AsyncConnection[Any]:
    async with transaction._executor._connect() as connection:
        return connection  # type: ignore[no-any-return]
