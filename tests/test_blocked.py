"""block and unblock: where the bot cannot write is known from the first refusal to the next message."""

from typing import Any

import pytest

from botcore import Chat, Database
from tests.factories import SENT_AT, edited, said
from tests.test_migrate import GROUP, NEW, OLD, SUPERGROUP, migrate

HERE: dict[str, Any] = {"bot_id": 1, "telegram_chat_id": 7}


async def found(database: Database, telegram_chat_id: int = 7, **key: Any) -> Chat:
    """The live chat with this id."""
    chat = await database.chats.find(**{"bot_id": 1, "telegram_chat_id": telegram_chat_id, **key})
    assert chat
    return chat


async def test_block_keeps_the_first_time(database: Database) -> None:
    """A refusal is noted once, every read of the chat has it, and nothing else changes."""
    await said(database)
    before = await found(database)

    told = [await database.chats.block(**HERE)]
    first = await found(database)
    told.append(await database.chats.block(**HERE))

    assert told == [True, False]
    assert (before.blocked_at, first.blocked_at is None, first.updated_at) == (None, False, before.updated_at)
    assert first == await database.chats.get(chat_id=before.id)
    assert await database.chats.page() == [first]
    assert [each async for each in database.users.export(telegram_user_id=7) if isinstance(each, Chat)] == [first]


async def test_unblock_after_a_block(database: Database) -> None:
    """It ends what was noted, and has nothing to do otherwise."""
    await said(database)
    await database.chats.block(**HERE)

    told = [await database.chats.unblock(**HERE) for _ in range(2)]

    assert told == [True, False]
    assert (await found(database)).blocked_at is None


async def test_block_of_an_unknown_chat(database: Database) -> None:
    """Nothing is stored of it."""
    assert not await database.chats.block(**HERE)
    assert not await database.chats.unblock(**HERE)

    assert await database.chats.page() == []


async def test_block_is_one_bots_affair(database: Database) -> None:
    """Neither another bot nor the business connection is blocked along with it."""
    keys: list[dict[str, Any]] = [{}, {"bot_id": 2}, {"business_connection_id": "b1"}]
    for key in keys:
        await said(database, **key)

    await database.chats.block(**HERE, business_connection_id="b1")

    blocked = [(await found(database, **key)).blocked_at is not None for key in keys]
    assert blocked == [False, False, True]


async def test_block_of_a_deleted_chat(database: Database) -> None:
    """It stays deleted, and blocked when it is restored."""
    chat_id = (await said(database)).message.chat_id
    await database.chats.delete(chat_id=chat_id)

    assert await database.chats.block(**HERE)

    assert await database.chats.get(chat_id=chat_id) is None
    await database.chats.restore(chat_id=chat_id)
    assert (await found(database)).blocked_at


async def test_record_of_a_new_message_ends_a_block(database: Database) -> None:
    """Who writes can be written to; a redelivery of what was said before tells nothing."""
    await said(database)
    await database.chats.block(**HERE)

    await said(database)
    again = await found(database)
    await said(database, telegram_message_id=101)

    assert again.blocked_at
    assert (await found(database)).blocked_at is None


async def test_record_by_the_old_id_ends_a_block(database: Database) -> None:
    """What comes late by the id of the group ends it in the supergroup, where it is stored."""
    await said(database, **GROUP)
    await migrate(database)
    await database.chats.block(bot_id=1, telegram_chat_id=NEW)

    await said(database, **GROUP, telegram_message_id=101)

    assert (await found(database, NEW)).blocked_at is None


async def test_edit_in_a_blocked_chat(database: Database) -> None:
    """An edit of what is stored tells nothing; of what was never stored it is a message like any other."""
    await said(database)
    await database.chats.block(**HERE)

    await database.messages.edit(**edited(5))
    again = await found(database)
    await database.messages.edit(**edited(5, telegram_message_id=101))

    assert again.blocked_at
    assert (await found(database)).blocked_at is None


async def test_add_in_a_blocked_chat(database: Database) -> None:
    """What the bot says itself ends nothing."""
    message = (await said(database)).message
    await database.chats.block(**HERE)

    await database.messages.add(
        chat_id=message.chat_id, user_id=message.user_id, role="assistant", content="Hi", sent_at=SENT_AT
    )

    assert (await found(database)).blocked_at


async def test_get_or_create_ends_a_block(database: Database) -> None:
    """Its chat is one to write in, as with a deleted one."""
    await said(database)
    before = await found(database)
    await database.chats.block(**HERE)

    chat = await database.chats.get_or_create(**HERE, type="private")

    assert (chat.id, chat.blocked_at) == (before.id, None)


async def test_block_by_the_old_id(database: Database) -> None:
    """It is the supergroup's, be it its own row or the group's."""
    for chat in (GROUP, SUPERGROUP):
        await said(database, **chat)
    await migrate(database)

    told = [await database.chats.block(bot_id=1, telegram_chat_id=each) for each in (OLD, NEW)]

    assert told == [True, False]
    assert (await found(database, NEW)).blocked_at
    assert await database.chats.unblock(bot_id=1, telegram_chat_id=OLD)
    assert (await found(database, NEW)).blocked_at is None


@pytest.mark.parametrize("known", [[GROUP], [GROUP, SUPERGROUP], [SUPERGROUP, GROUP]])
@pytest.mark.parametrize("blocked", [OLD, NEW])
async def test_migrate_keeps_the_supergroups_block(
    database: Database, known: list[dict[str, Any]], blocked: int
) -> None:
    """A group refuses what is sent to it once it is none: that says nothing about the supergroup."""
    for chat in known:
        await said(database, **chat)
    is_noted = await database.chats.block(bot_id=1, telegram_chat_id=blocked)

    joined = await migrate(database)

    assert (joined.blocked_at is not None) == (is_noted and blocked == NEW)
    assert await found(database, OLD) == joined
