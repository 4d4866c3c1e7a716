"""Clearing a dialogue of 100,000 messages, under a statement timeout and while messages arrive."""

import asyncio

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from botcore import Database
from tests.factories import dialogue, said

MESSAGES = 100_000
# the whole takes many times that
STATEMENT_TIMEOUT = "2s"


@pytest.mark.slow
@pytest.mark.fault("clearing 100,000 messages while others arrive")
async def test_clear_of_a_hundred_thousand_messages(database: Database, database_url: str) -> None:
    """No statement comes near its timeout, readers see all of it or nothing, and what arrives meanwhile stays."""
    first = (await said(database)).message
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO messages (chat_id, user_id, role, content, sent_at)"
            " SELECT %s, %s, 'user', 'word ' || n || ' of a message', now() FROM generate_series(2, %s) AS n",
            (first.chat_id, first.user_id, MESSAGES),
        )
    seen: set[int] = set()
    arrived = 0

    async with Database.connect(
        make_conninfo(database_url, options=f"-c statement_timeout={STATEMENT_TIMEOUT}")
    ) as tight:
        clearing = asyncio.create_task(tight.messages.clear(**dialogue(first)))
        while not clearing.done():
            arrived += 1
            await said(database, telegram_message_id=100 + arrived, content="new")
            seen.add((await database.stats.totals(bot_id=1)).user_messages - arrived)
        cleared = await clearing

    assert MESSAGES <= cleared <= MESSAGES + arrived
    left = await database.messages.recent(**dialogue(first), page_size=1_000)
    assert (await database.stats.totals(bot_id=1)).user_messages == MESSAGES + arrived - cleared
    assert {message.content for message in left} == {"new"}
    # until it is committed everything is there, afterwards no more than what arrived
    assert {each for each in seen if each > 0} == {MESSAGES}
