"""add, deliver and reply_to: what the bot says is stored before it is sent, and how far that came is known."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from botcore import Database, Delivery, InvalidInput, Message
from tests.conftest import until_waiting
from tests.factories import SENT_AT, dialogue, said
from tests.test_migrate import GROUP, NEW, OLD, SUPERGROUP, migrate

ARRIVED: dict[str, Any] = {"delivery": None, "telegram_message_id": 101, "sent_at": SENT_AT + timedelta(seconds=9)}


async def answered(database: Database, question: Message, **changes: Any) -> Message:
    """Stores an answer that is to be sent."""
    values: dict[str, Any] = {"role": "assistant", "content": "Hi", "reply_to_id": question.id, "delivery": "pending"}
    return await database.messages.add(**{**dialogue(question), **values, **changes})


def ids(message: Message) -> dict[str, Any]:
    """What names a message."""
    return {"chat_id": message.chat_id, "message_id": message.id}


@pytest.mark.parametrize("delivery", ["pending", "unconfirmed", None])
async def test_add_of_what_is_to_be_sent(database: Database, delivery: Delivery | None) -> None:
    """It says so in every read, and is part of the dialogue as any other message."""
    question = (await said(database)).message

    answer = await answered(database, question, delivery=delivery)

    assert (answer.delivery, question.delivery) == (delivery, None)
    assert await database.messages.get(**ids(answer)) == answer
    assert await database.messages.recent(**dialogue(question)) == [answer, question]
    assert await database.messages.window(**dialogue(question)) == [question, answer]
    assert await database.messages.window(**dialogue(question), versions="original") == [question, answer]
    assert [each.message for each in await database.messages.search(query="hi")] == [answer]


async def test_add_of_another_word_for_it(database: Database) -> None:
    """What nobody would know how to go on with is refused."""
    question = (await said(database)).message

    with pytest.raises(InvalidInput, match="delivery"):
        await answered(database, question, delivery="sent")


async def test_deliver_step_by_step(database: Database) -> None:
    """Id and date come with the arrival and are left alone before; nothing else changes."""
    answer = await answered(database, (await said(database)).message)

    handed_over = await database.messages.deliver(**ids(answer), delivery="unconfirmed")
    arrived = await database.messages.deliver(**ids(answer), **ARRIVED)

    assert handed_over
    assert arrived
    assert replace(handed_over, delivery="pending") == answer
    assert (arrived.delivery, arrived.telegram_message_id, arrived.sent_at) == tuple(ARRIVED.values())
    assert replace(arrived, delivery="pending", telegram_message_id=None, sent_at=answer.sent_at) == answer


async def test_deliver_told_again_changes_nothing(database: Database) -> None:
    """With or without id and date, which stay."""
    answer = await answered(database, (await said(database)).message)

    told = [await database.messages.deliver(**ids(answer), **each) for each in (ARRIVED, ARRIVED, {"delivery": None})]

    assert told[0]
    assert told == [told[0]] * 3
    assert await database.messages.get(**ids(answer)) == told[0]


async def test_deliver_of_a_deleted_message(database: Database) -> None:
    """It takes its id, by which a redelivery finds it, and stays deleted."""
    answer = await answered(database, (await said(database)).message)
    await database.messages.delete(**ids(answer))

    arrived = await database.messages.deliver(**ids(answer), **ARRIVED)

    assert arrived
    assert (arrived.telegram_message_id, arrived.deleted_at is None) == (101, False)
    assert await database.messages.get(**ids(answer)) is None


@pytest.mark.parametrize("missing", ["chat_id", "message_id"])
async def test_deliver_of_nothing_known(database: Database, missing: str) -> None:
    """There is no such message, or none any more: nothing is stored."""
    answer = await answered(database, (await said(database)).message)

    assert await database.messages.deliver(**{**ids(answer), missing: 99}, **ARRIVED) is None

    assert await database.messages.get(**ids(answer)) == answer


@pytest.mark.parametrize("is_deleted", [True, False])
async def test_deliver_where_the_id_is_taken(database: Database, *, is_deleted: bool) -> None:
    """Where Telegram brought the bot's own message first, both stay: one with the id, the other known as arrived."""
    answer = await answered(database, (await said(database)).message)
    first = (await said(database, telegram_message_id=101)).message
    if is_deleted:
        await database.messages.delete(**ids(first))

    arrived = await database.messages.deliver(**ids(answer), **ARRIVED)

    assert arrived
    assert (arrived.delivery, arrived.telegram_message_id, arrived.content) == (None, None, "Hi")
    again = await said(database, telegram_message_id=101)
    assert (again.is_new, again.message.id) == (False, first.id)


async def test_deliver_beside_the_update_with_its_id(database: Database, database_url: str) -> None:
    """Telegram brings the bot's own message at that moment: the one that comes last does without the id."""
    answer = await answered(database, (await said(database)).message)

    with psycopg.connect(database_url, autocommit=True) as connection:
        async with database.transaction() as transaction:
            first = (await said(transaction, telegram_message_id=101)).message
            delivering = asyncio.create_task(database.messages.deliver(**ids(answer), **ARRIVED))
            await until_waiting(connection)

    arrived = await delivering
    assert arrived
    assert (arrived.id, arrived.delivery, arrived.telegram_message_id) == (answer.id, None, None)
    assert await database.messages.get(**ids(first)) == first


@pytest.mark.parametrize(("sent_to", "kept"), [(OLD, -101), (NEW, 101), (None, 101)])
async def test_deliver_after_a_migration(database: Database, sent_to: int | None, kept: int) -> None:
    """By the id of the chat that ended it is found in the other one, with its Telegram id as that chat counts it."""
    await said(database, **GROUP)
    answer = await answered(database, (await said(database, **SUPERGROUP)).message)
    chat = await migrate(database)
    assert chat.id != answer.chat_id

    arrived = await database.messages.deliver(**ids(answer), **ARRIVED, telegram_chat_id=sent_to)

    assert arrived
    assert (arrived.chat_id, arrived.id, arrived.telegram_message_id) == (chat.id, answer.id, kept)


@pytest.mark.parametrize("is_known_first", [True, False])
async def test_deliver_beside_a_migration(database: Database, database_url: str, *, is_known_first: bool) -> None:
    """An answer to the group that arrives while its chat becomes the supergroup's is noted, be it moved or not."""
    if not is_known_first:
        await said(database, **SUPERGROUP)
    answer = await answered(database, (await said(database, **GROUP)).message)

    with psycopg.connect(database_url, autocommit=True) as connection:
        async with database.transaction() as transaction:
            chat = await transaction.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=NEW)
            delivering = asyncio.create_task(database.messages.deliver(**ids(answer), **ARRIVED, telegram_chat_id=OLD))
            await until_waiting(connection)

    arrived = await delivering
    assert arrived
    assert (arrived.chat_id, arrived.id, arrived.telegram_message_id) == (chat.id, answer.id, -101)


async def test_reply_to_gives_the_newest(database: Database) -> None:
    """Of several live replies of the bot the last one, whatever came of its sending."""
    question = (await said(database)).message
    first, second, third = [await answered(database, question, content=content) for content in "abc"]
    assert await database.messages.reply_to(**ids(question)) == third

    await database.messages.delete(**ids(third))
    arrived = await database.messages.deliver(**ids(second), **ARRIVED)

    assert await database.messages.reply_to(**ids(question)) == arrived
    await database.messages.delete(**ids(second))
    assert await database.messages.reply_to(**ids(question)) == first


async def test_reply_to_what_was_not_answered(database: Database) -> None:
    """A person's reply is none, nor one to another message or in another chat."""
    question = (await said(database)).message
    other = (await said(database, telegram_chat_id=-9)).message
    later = (await said(database, telegram_message_id=102, reply_to_message_id=100)).message
    await answered(database, later)
    await answered(database, other, reply_to_id=question.id)

    assert later.reply_to_id == question.id
    assert await database.messages.reply_to(**ids(question)) is None
    assert await database.messages.reply_to(chat_id=99, message_id=question.id) is None
