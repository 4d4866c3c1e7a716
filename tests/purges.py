"""Purges from the first batch to the last, and what is left then."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from botcore import Database, Message
from tests.factories import SENT_AT, dialogue, said

LATER = SENT_AT + timedelta(days=1)
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
FILL = (
    "INSERT INTO messages (chat_id, user_id, role, content, sent_at)"
    " SELECT %(chat_id)s, %(user_id)s, 'user', 'x', %(sent_at)s FROM generate_series(1, %(n)s)"
)


async def purge_all(purge: Any, **policy: Any) -> tuple[int, int]:
    """All batches: how many rows were looked at, and how many went."""
    batch = await purge(**policy)
    examined, purged = batch.examined, batch.purged
    while batch.last_id is not None:
        batch = await purge(**policy, after=batch)
        examined, purged = examined + batch.examined, purged + batch.purged
    return examined, purged


def contents(connection: psycopg.Connection) -> list[str]:
    """What is stored, hidden or not, oldest first."""
    return [content for (content,) in connection.execute("SELECT content FROM messages ORDER BY id").fetchall()]


def count(connection: psycopg.Connection, table: str) -> int:
    """How many rows a table has, hidden or not."""
    [(number,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return int(number)


async def fill(database: Database, connection: psycopg.Connection, number: int, sent_at: datetime = SENT_AT) -> Message:
    """One dialogue of so many old messages after a first one."""
    first = (await said(database, sent_at=sent_at)).message
    connection.execute(FILL, {**dialogue(first), "n": number - 1, "sent_at": sent_at})
    return first
