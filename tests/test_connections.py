"""What the pool's connections begin with, and which of them is given."""

from datetime import timedelta

import psycopg
import pytest

from botcore import Database
from tests.factories import said, update
from tests.faults.test_limits import pool_of


async def test_times_come_in_utc(database_url: str, connection: psycopg.Connection) -> None:
    """Whatever the database's own time zone is."""
    connection.execute(f"ALTER DATABASE \"{connection.info.dbname}\" SET timezone = 'Asia/Tokyo'")
    async with Database.connect(database_url) as database:
        message = (await said(database)).message

    assert message.created_at.utcoffset() == message.sent_at.utcoffset() == timedelta(0)


@pytest.mark.own_session("which of its own connections serves a call is the pooler's choice")
async def test_calls_one_after_the_other_go_by_one_connection(
    database_url: str, connection: psycopg.Connection
) -> None:
    """The one used last is given first: its session has the plans and the pages at hand."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT 1 AS%'"
    async with Database.connect(database_url, min_size=4) as database:
        await pool_of(database).wait()
        for _ in range(20):
            await database.ping()

        assert connection.execute(busy.encode()).fetchone() == (1,)


@pytest.mark.own_session("the plans are a setting of the role there, see docs/operations.md")
async def test_no_call_is_planned_anew(database_url: str) -> None:
    """Left to itself the server takes a list for longer than it is, and plans such a statement at every call."""
    async with Database.connect(database_url, max_size=1) as database:
        for number in range(1, 9):
            await database.updates.add(bot_id=1, updates=[update(number)], worker="a", capacity=1)
            await database.updates.finish(bot_id=1, update_ids=[number], worker="a")
            await said(database, telegram_message_id=number)

        async with pool_of(database).connection() as session:
            cursor = await session.execute("SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements")
            generic, custom = await cursor.fetchone() or (0, 0)

    assert generic >= 24
    assert custom == 0
