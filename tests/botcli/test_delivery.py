"""From the stored update to the answer: in order, once, and again after a failure."""

import asyncio

import psycopg
import pytest
from aiogram import Bot

from botcli import delivery
from botcli.replies import Reply
from botcore import Database
from tests.botcli.bot_api import BOT_ID, BotApi, flood, refused
from tests.botcli.conftest import all_done, at_work, stored
from tests.botcli.deliveries import Model, put_off, said


@pytest.mark.fault("a handler raises")
async def test_failure_is_tried_again_and_set_aside(
    bot: Bot, bot_api: BotApi, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poison message is tried five times and set aside with its error; then its chat goes on, others did not wait."""
    monkeypatch.setattr(delivery, "LONGEST_SECONDS", 0)
    model = Model()
    for text, chat in (("poison", 7), ("after", 7), ("other", 8)):
        bot_api.deliver(message=said(text, chat))

    async with at_work(bot, database, model):
        await bot_api.replies(2)
        await all_done(database)

    [aside] = await database.updates.page(state="failed")
    assert model.asked.count("poison") == 5
    assert sorted(sent["text"] for sent in bot_api.sent) == ["AFTER", "OTHER"]
    assert (aside.failures, aside.error, aside.sqlstate) == (5, "builtins.ValueError", None)


async def test_retry_of_what_was_set_aside(
    bot: Bot, bot_api: BotApi, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was set aside and is put back is answered, though its message is stored already."""
    monkeypatch.setattr(delivery, "LONGEST_SECONDS", 0)
    model = Model()
    number = bot_api.deliver(message=said("poison"))

    async with at_work(bot, database, model):
        await bot_api.confirmed()
        await all_done(database)
        model.asked.clear()
        monkeypatch.setattr(model, "reply", lambda *_: asyncio.sleep(0, Reply("healed")))
        assert await database.updates.retry(bot_id=BOT_ID, update_id=number)
        await bot_api.replies(1)

    assert [m.content for m in await stored(database)] == ["poison", "healed"]


async def test_message_under_two_numbers(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """A message that comes as two updates is answered once."""
    update = said("Hello")
    for _ in range(2):
        bot_api.deliver(message=update)

    async with at_work(bot, database, Model()):
        await bot_api.confirmed()
        await all_done(database)

    assert [sent["text"] for sent in bot_api.sent] == ["HELLO"]


async def test_refused_by_who_blocked_the_bot(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """It is noted on the chat and not tried again; the reply that nobody saw is no part of the dialogue."""
    bot_api.deliver(message=said("Hello"))
    bot_api.fail("sendMessage", refused(403, "Forbidden: bot was blocked by the user"))

    async with at_work(bot, database, Model()):
        await bot_api.confirmed()
        await all_done(database)

    chat = await database.chats.find(bot_id=BOT_ID, telegram_chat_id=7)
    assert chat
    assert chat.blocked_at
    assert [m.content for m in await stored(database)] == ["Hello"]
    assert len(bot_api.called("sendMessage")) == 1
    assert await database.updates.page(state="failed") == []


async def test_told_to_wait_for_long(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """A flood of an hour puts the update off for so long, and holds no other chat up."""
    bot_api.fail("sendMessage", flood(3_600))
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database, Model()):
        await bot_api.confirmed()
        [waiting] = await put_off(database)
        bot_api.deliver(message=said("Other", 8))
        await bot_api.replies(1)

    seconds = (waiting.due_at - waiting.received_at).total_seconds()
    assert 3_500 < seconds < 3_700


async def test_chats_in_order_and_at_once(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """Chats are answered at once, up to the bound; within a chat one after the other, as it was said."""
    model = Model(seconds=0.05)
    for number in range(12):
        bot_api.deliver(message=said(str(number), number % 4 + 1))

    async with at_work(bot, database, model, concurrency=3):
        await bot_api.replies(12)

    assert model.most_at_once == 3
    for chat in range(4):
        numbers = [int(sent["text"]) for sent in bot_api.sent if int(sent["chat_id"]) == chat + 1]
        assert numbers == [chat, chat + 4, chat + 8]


async def test_long_answer_is_one_reply(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """It goes in several messages, and is stored as one, under the first one's id."""
    bot_api.deliver(message=said("word " * 1_500))

    async with at_work(bot, database):
        await bot_api.replies(2)
        await all_done(database)

    _, answer = await stored(database)
    assert [sent["text"] for sent in bot_api.sent] == [("word " * 819).strip(), ("word " * 681).strip()]
    assert (answer.delivery, answer.telegram_message_id) == (None, 1_001)


async def test_forget_leaves_nothing_in_updates(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """/forget is answered, and of its own update nothing stays but a number."""
    bot_api.deliver(message=said("Hello"))
    bot_api.deliver(message=said("/forget yes"))

    async with at_work(bot, database):
        _, receipt = await bot_api.replies(2)
        await all_done(database)

    assert receipt.startswith("Forgotten")
    rows = connection.execute("SELECT telegram_chat_id, telegram_user_id, payload FROM updates").fetchall()
    assert rows == [(0, 0, None)] * 2


async def test_update_in_a_form_that_nobody_knows(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """What is newer than the bot is stored, skipped and done; what is no update at all is dropped."""
    bot_api.updates.append({"update_id": 2**70, "message": said("no update")})
    bot_api.deliver(brand_new={"chat": {"id": 7}})
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database):
        await bot_api.replies(1)
        await all_done(database)

    assert [m.content for m in await stored(database)] == ["Hello", "Hello"]


async def test_turn_by_its_statements(
    bot: Bot, bot_api: BotApi, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Storing an update and claiming it is one statement before the turn; that it is done comes after the answer."""
    caplog.set_level("DEBUG", "botcore.queries")

    async with at_work(bot, database, Model()):
        await asyncio.sleep(0.5)
        caplog.clear()
        bot_api.deliver(message=said("Hello"))
        await bot_api.confirmed()
        await all_done(database)

    names = [record.__dict__["query"] for record in caplog.records if record.name == "botcore.queries"]
    # what every process does now and then, and the test itself
    background = {
        "updates/page",
        "updates/claim",
        "updates/announce",
        "updates/lease_polling",
        "updates/renew",
        "updates/purge",
    }
    assert [name for name in names if name not in background | {"updates/end_polling"}] == [
        *("updates/add", "messages/record", "messages/window", "messages/add", "updates/note_sends"),
        *("messages/deliver", "updates/finish"),
    ]
