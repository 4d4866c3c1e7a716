"""Purging 100,000 messages, under a statement timeout and while messages arrive."""

import asyncio

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from botcore import Database
from tests.factories import dialogue, said
from tests.purges import FUTURE, LATER, count, fill, purge_all

MESSAGES = 100_000
# the whole takes many times that
STATEMENT_TIMEOUT = "1s"


@pytest.mark.slow
async def test_purge_of_a_hundred_thousand_messages(
    database: Database, connection: psycopg.Connection, database_url: str
) -> None:
    """No statement comes near its timeout, and what arrives meanwhile stays, though it lies behind the rest."""
    first = await fill(database, connection, MESSAGES)
    connection.execute(
        "INSERT INTO message_versions (chat_id, message_id, edited_at, content)"
        " SELECT chat_id, id, '-infinity', 'text' FROM messages"
    )
    arrived = 0

    async with Database.connect(
        make_conninfo(database_url, options=f"-c statement_timeout={STATEMENT_TIMEOUT}")
    ) as tight:
        purging = asyncio.create_task(purge_all(tight.messages.purge, before=LATER))
        while not purging.done():
            arrived += 1
            await said(database, telegram_message_id=100 + arrived, content="new", sent_at=FUTURE)
        examined, purged = await purging

    # the newest of the old ones was the newest of all in some batch, or it was not
    assert purged in {MESSAGES - 1, MESSAGES}
    assert purged + arrived >= examined >= purged
    left = await database.messages.recent(**dialogue(first), page_size=1_000)
    assert {message.content for message in left[:arrived]} == {"new"}
    assert count(connection, "messages") == MESSAGES - purged + arrived
    assert count(connection, "message_versions") == MESSAGES - purged
