"""Whose messages `copy_in` stores, and where: not those of people who left, and a group's in its supergroup."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcore import Copied, Database, NotFound
from tests.conftest import until_waiting
from tests.dumps import dump, found
from tests.factories import archived, copied, edited, said
from tests.test_migrate import GROUP, NEW, OLD, SUPERGROUP, migrate

# the app makes no temporary table, which each batch goes through
pytestmark = pytest.mark.role("migrator")

REFUSED = Copied(given=1, stored=0, known=0, refused=1)


async def parents(database: Database, **changes: Any) -> dict[str, Any]:
    """The chat and the person of a message that is recorded for them."""
    message = (await said(database, **changes)).message
    return {"chat_id": message.chat_id, "user_id": message.user_id}


async def numbers(database: Database, chat_id: int) -> list[int | None]:
    """The Telegram ids of the chat's messages, oldest first."""
    stored = await database.messages.recent_in_chat(chat_id=chat_id, page_size=1_000)
    return [message.telegram_message_id for message in reversed(stored)]


@pytest.mark.parametrize("user", ["their own", "nobody's"])
async def test_copy_in_refuses_whoever_opted_out(database: Database, user: str) -> None:
    """Nothing of theirs is stored, nor anybody's in a private chat with them; what others say is."""
    key = await parents(database)
    await database.users.opt_out(telegram_user_id=7)
    others = await parents(database, telegram_user_id=8, **GROUP)
    given = key if user == "their own" else key | {"user_id": None}

    counts = await copied(database, [archived(1, **given), archived(2, **given), archived(1, **others)])

    assert counts == Copied(given=3, stored=1, known=0, refused=2)
    assert await numbers(database, key["chat_id"]) == [100]


async def test_copy_in_refuses_a_reply_to_nothing(database: Database) -> None:
    """A reply to a refused message of the same batch has nothing to point at, and is stored."""
    theirs = await parents(database, **GROUP)
    await database.users.opt_out(telegram_user_id=7)
    others = await parents(database, telegram_user_id=8, **GROUP, telegram_message_id=101)

    counts = await copied(database, [archived(1, **theirs), archived(2, **others, reply_to_message_id=1)])

    [reply] = await database.messages.recent_in_chat(chat_id=others["chat_id"], page_size=1)
    assert (counts.refused, counts.stored) == (1, 1)
    assert (reply.telegram_message_id, reply.reply_to_id) == (2, None)


async def test_copy_in_of_an_erased_persons_archive_brings_nothing_back(
    database: Database, database_url: str, psql_binaries: Path
) -> None:
    """What they sent before the erasure is refused where they are back; what they send since is stored."""
    await parents(database, **GROUP)
    await database.users.erase(telegram_user_id=7)
    back = await parents(database, **GROUP, sent_at=datetime.now(UTC) + timedelta(seconds=1))

    refused = await copied(database, [archived(1, **back, content="canary")])
    stored = await copied(database, [archived(2, **back, sent_at=datetime.now(UTC) + timedelta(seconds=1))])

    assert (refused, stored.stored) == (REFUSED, 1)
    # the staging table is temporary: nothing of a batch outlives its transaction, be it stored or not
    assert found(dump(psql_binaries, database_url), ["canary", "copy_in_stage"]) == []


async def test_copy_in_stores_what_a_group_said_in_its_supergroup(database: Database) -> None:
    """By botcore's id of either; with the group's Telegram id their ids are negated, as are those of replies."""
    group = await parents(database, **GROUP)
    supergroup = await parents(database, **SUPERGROUP)
    chat = await migrate(database)

    counts = await copied(
        database,
        [
            archived(1, **group, telegram_chat_id=OLD),
            archived(2, **supergroup, telegram_chat_id=OLD, reply_to_message_id=1),
            archived(100, **supergroup, telegram_chat_id=OLD),
            archived(100, **group, telegram_chat_id=NEW),
            archived(101, **supergroup, reply_to_message_id=100),
        ],
    )

    stored = (await database.messages.recent_in_chat(chat_id=chat.id))[::-1]
    ids = {message.telegram_message_id: message.id for message in stored}
    assert (counts.stored, counts.known) == (3, 2)
    assert [message.telegram_message_id for message in stored] == [-100, 100, -1, -2, 101]
    assert [message.reply_to_id for message in stored] == [None, None, None, ids[-1], ids[100]]


async def test_copy_in_that_waits_for_a_migration_finds_the_chat(
    database: Database, connection: psycopg.Connection
) -> None:
    """A chat that ends in another one while a batch waits for it is found there."""
    chat = await parents(database, **SUPERGROUP)
    other = await parents(database, **GROUP, telegram_message_id=1)
    async with database.transaction() as transaction:
        await transaction.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=NEW)
        waits = asyncio.create_task(copied(database, [archived(2, **other, telegram_chat_id=OLD)]))
        await until_waiting(connection)

    counts = await waits

    assert counts.stored == 1
    assert await numbers(database, chat["chat_id"]) == [100, -1, -2]


@pytest.mark.parametrize("kind", ["chat", "user"])
async def test_copy_in_that_waits_for_a_deletion_stores_nothing(
    database: Database, connection: psycopg.Connection, kind: str
) -> None:
    """What is being deleted is waited for, and then not there: no message is live under a deleted chat or person."""
    key = await parents(database)
    async with database.transaction() as transaction:
        await (
            transaction.chats.delete(chat_id=key["chat_id"])
            if kind == "chat"
            else transaction.users.delete(user_id=key["user_id"])
        )
        waits = asyncio.create_task(copied(database, [archived(1, **key)]))
        await until_waiting(connection)

    with pytest.raises(NotFound) as refused:
        await waits

    assert refused.value.kind == kind
    assert await numbers(database, key["chat_id"]) == []


async def test_edit_of_a_copied_message_keeps_its_text(database: Database) -> None:
    """A message that was copied in takes edits as a recorded one does."""
    key = await parents(database)
    await copied(database, [archived(1, **key, content="Helo")])

    recorded = await database.messages.edit(**edited(3_600, telegram_message_id=1, content="Hello"))

    assert recorded
    versions = await database.messages.versions(chat_id=key["chat_id"], message_id=recorded.message.id)
    assert [version.content for version in versions] == ["Helo", "Hello"]
