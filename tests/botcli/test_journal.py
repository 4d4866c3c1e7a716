"""What a crash leaves in the middle of an answer: nothing is lost, nothing is sent twice unless that is wanted."""

import asyncio

import psycopg
import pytest
from aiogram import Bot
from aiogram.types import Update as Event

from botcli import delivery
from botcli.incoming import incoming
from botcore import Database
from tests.botcli.bot_api import BOT_ID, PASS, RESET, BotApi, flood, refused
from tests.botcli.conftest import all_done, at_work, stored
from tests.botcli.deliveries import Model, left_by_a_crash, put_off, said


@pytest.mark.parametrize("fault", [RESET, refused(502, "Bad Gateway")])
async def test_send_without_an_answer(
    bot: Bot, bot_api: BotApi, database: Database, fault: object, caplog: pytest.LogCaptureFixture
) -> None:
    """What may have arrived is not sent again, but shown as unconfirmed and named in the log."""
    number = bot_api.deliver(message=said("Hello"))
    bot_api.fail("sendMessage", fault)

    async with at_work(bot, database, Model()):
        await bot_api.confirmed()
        await all_done(database)
        bot_api.deliver(message=said("/history"))
        [history] = await bot_api.replies(1)

    question, answer = await stored(database)
    assert (question.delivery, answer.delivery, answer.content) == (None, "unconfirmed", "HELLO")
    assert len(bot_api.called("sendMessage")) == 2
    assert "Bot (unconfirmed): HELLO" in history
    [line] = [record for record in caplog.records if "unconfirmed" in record.getMessage()]
    assert line.__dict__["update_id"] == number


async def test_send_without_an_answer_again(
    bot: Bot, bot_api: BotApi, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the other policy it is sent until it is confirmed, the same text, and the model is asked once."""
    monkeypatch.setattr(delivery, "LONGEST_SECONDS", 0)
    model = Model()
    bot_api.deliver(message=said("Hello"))
    bot_api.fail("sendMessage", RESET)

    async with at_work(bot, database, model, resend=True):
        await bot_api.replies(1)
        await all_done(database)

    assert [(m.content, m.delivery) for m in await stored(database)] == [("Hello", None), ("HELLO", None)]
    assert len(bot_api.called("sendMessage")) == 2
    assert model.asked == ["Hello"]


@pytest.mark.parametrize(("resend", "sent"), [(False, []), (True, ["HELLO"])])
async def test_crash_after_a_send_was_begun(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection, *, resend: bool, sent: list[str]
) -> None:
    """Nobody knows whether it arrived: it is sent again only by that policy."""
    await left_by_a_crash(database, connection, sends=1)

    async with at_work(bot, database, Model(), resend=resend):
        await all_done(database)

    assert [each["text"] for each in bot_api.sent] == sent
    assert [m.delivery for m in await stored(database)] == [None, None if resend else "unconfirmed"]


async def test_crash_before_the_send(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """A reply that was stored but not sent is sent as it is: the model is not asked for another one."""
    model = Model()
    async with at_work(bot, database, model):
        bot_api.fail("sendMessage", flood(3_600))
        bot_api.deliver(message=said("Hello"))
        await bot_api.confirmed()
        [waiting] = await put_off(database)
    [question, pending] = await stored(database)
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database, model):
        await bot_api.replies(1)
        await all_done(database)

    assert (waiting.sends, waiting.failures) == (0, 0)
    assert (pending.delivery, pending.reply_to_id) == ("pending", question.id)
    assert model.asked == ["Hello"]
    assert [(m.id, m.delivery, m.telegram_message_id) for m in (await stored(database))[1:]] == [
        (pending.id, None, 1_001)
    ]


async def test_crash_after_the_message_was_stored(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """The message that an earlier attempt stored is answered: it is no redelivery."""
    update = await left_by_a_crash(database, connection)
    assert update.payload
    event = Event.model_validate_json(update.payload)
    assert event.message
    await database.messages.record(**incoming(BOT_ID, event.message))

    async with at_work(bot, database, Model()):
        await bot_api.replies(1)
        await all_done(database)

    assert [m.content for m in await stored(database)] == ["Hello", "HELLO"]


async def test_long_answer_broken_off(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """After a crash in the middle what arrived is not sent again, nor what may have; the rest is."""
    words = "word " * 2_000
    await left_by_a_crash(database, connection, sends=2, text=words, reply=words)

    async with at_work(bot, database):
        await bot_api.replies(1)
        await all_done(database)

    _, answer = await stored(database)
    assert len(bot_api.sent) == 1
    assert len(bot_api.sent[0]["text"]) < 2_000 * 5 - 2 * 4_090
    assert answer.delivery == "unconfirmed"


async def test_command_is_answered_once(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """A command whose answer may have arrived is not answered again, one whose answer did not is."""
    for number, sends in ((1, 1), (2, 0)):
        raw = {"update_id": number, "message": said("/help", number)}
        await database.updates.add(bot_id=BOT_ID, updates=[raw], worker="dead", capacity=1)
        await database.updates.note_sends(bot_id=BOT_ID, update_id=number, worker="dead", sends=sends)
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database):
        await bot_api.replies(1)
        await all_done(database)

    assert [sent["chat_id"] for sent in bot_api.sent] == ["2"]


async def test_update_lost_to_another_worker(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """Whoever was too slow for its lease sends nothing, and stores no reply."""
    model = Model(seconds=0.5)
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database, model):
        await model.begun.wait()
        connection.execute("UPDATE updates SET worker = 'another', due_at = now() + '1 minute'")
        await asyncio.sleep(1)

    assert bot_api.sent == []
    assert [m.role for m in await stored(database)] == ["user"]
    [update] = await database.updates.page(state="running")
    assert update.worker == "another"


@pytest.mark.parametrize("resend", [False, True])
async def test_long_answer_put_off_in_the_middle(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection, *, resend: bool
) -> None:
    """What arrived before Telegram asked to wait is known as such: the next attempt sends the rest, and only that."""
    text = "word " * 1_500
    bot_api.deliver(message=said(text))
    bot_api.fail("sendMessage", PASS, flood(3_600))
    async with at_work(bot, database, resend=resend):
        [waiting] = await put_off(database)
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database, resend=resend):
        await bot_api.replies(2)
        await all_done(database)

    assert (waiting.sends, waiting.arrived) == (1, 1)
    assert [len(sent["text"]) for sent in bot_api.sent] == [4_094, 3_404]
    assert (await stored(database))[1].delivery is None


async def test_claim_whose_answer_was_lost(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """What a process has without knowing runs out of its lease, however busy the process is, and is answered."""
    model = Model(seconds=0.3)
    async with at_work(bot, database, model, lease_seconds=1):
        bot_api.deliver(message=said("busy 0", 8))
        await bot_api.replies(1)
        [(worker,)] = connection.execute("SELECT worker FROM pollers").fetchall()
        raw = {"update_id": 1, "message": said("lost")}
        await database.updates.add(bot_id=BOT_ID, updates=[raw], worker=worker, capacity=1, lease_seconds=1)
        for number in range(1, 15):
            bot_api.deliver(message=said(f"busy {number}", 8))
        await bot_api.until(lambda: any(sent["text"] == "LOST" for sent in bot_api.sent), timeout_seconds=4)

    # while it was busy all the time
    assert len(bot_api.sent) < 15
