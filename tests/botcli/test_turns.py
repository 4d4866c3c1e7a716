"""What is asked, what takes whose place, and what an attempt that comes after another leaves out."""

import psycopg
import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies.model import Model
from botcli.windows import Windows
from botcore import Database
from tests.botcli.bot_api import BOT_ID, BotApi, refused
from tests.botcli.conftest import all_done, at_work, stored
from tests.botcli.deliveries import left_by_a_crash, said
from tests.botcli.model_server import ModelServer, fails, says
from tests.botcli.updates import ASKED, GROUP, message


async def feed(bot: Bot, database: Database, model: Model, *texts: str, windows: Windows | None = None) -> None:
    """Hands a dispatcher what Ada says in a group: a command to everybody, all else to the bot."""
    dispatcher = build_dispatcher(database, model, windows=windows or Windows())
    for text in texts:
        to = {"chat": GROUP} if text.startswith("/") else ASKED
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text, **to)})


async def contents(database: Database, chat: int = 7) -> list[str]:
    """What was said there."""
    return [each.content for each in await stored(database, chat)]


async def test_retry_that_the_chat_refuses(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """An answer that nobody can be sent takes no other's place."""
    model_server.behaves(says("Old"), says("New"))

    async with at_work(bot, database, model):
        bot_api.deliver(message=said("One"))
        await bot_api.replies(1)
        bot_api.fail("sendMessage", refused(403, "Forbidden: bot was blocked by the user"))
        bot_api.deliver(message=said("/retry"))
        await model_server.until_asked(2)
        await all_done(database)

    assert await contents(database) == ["One", "Old"]


@pytest.mark.parametrize("group", ["person", "chat"])
async def test_retry_after_a_long_answer(
    group: str, bot: Bot, database: Database, model: Model, model_server: ModelServer
) -> None:
    """The answer that is to be replaced takes no room from what was said before it."""
    windows = Windows(group="chat" if group == "chat" else "person", max_messages=3, max_characters=100)
    model_server.behaves(says("First"), says("x" * 1_000), says("New"))

    await feed(bot, database, model, "One", "Two", "/retry", windows=windows)

    assert len(model_server.asked[1]) == 4
    assert model_server.asked[2] == model_server.asked[1]
    assert await contents(database, GROUP["id"]) == ["One", "First", "Two", "New"]


@pytest.mark.parametrize(("text", "asked"), [("/weather@otherbot", "One"), ("/weather", "/weather")])
async def test_retry_after_a_command_of_another(
    text: str, asked: str, bot: Bot, database: Database, model: Model, model_server: ModelServer
) -> None:
    """What is addressed to another bot was not answered, and is not now; what nobody knows as a command is."""
    await feed(bot, database, model, "One", text, "/retry")

    assert model_server.asked[-1][-1] == ("user", asked)


async def test_failure_in_a_business_chat(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """No command is offered where none is taken."""
    model_server.behaves(fails(500))
    event = message("One", business_connection_id="conn")

    await build_dispatcher(database, model).feed_raw_update(bot, {"update_id": 1, "business_message": event})

    assert [sent["text"] for sent in bot_api.sent] == ["The model's server failed."]


async def test_answer_that_was_sent_before_a_crash(
    bot: Bot, bot_api: BotApi, database: Database, connection: psycopg.Connection, model: Model
) -> None:
    """What is noted as delivered is sent no more, even where all that is in doubt is sent again."""
    await left_by_a_crash(database, connection, sends=1)
    [_, reply] = await stored(database)
    await database.messages.deliver(chat_id=reply.chat_id, message_id=reply.id, delivery=None)

    async with at_work(bot, database, model, resend=True):
        await all_done(database)

    assert bot_api.sent == []


async def test_answer_to_who_opted_out_before_a_crash(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
) -> None:
    """Where an answer that is stored nowhere may have been sent, no other one is paid for."""
    await database.users.opt_out(telegram_user_id=7)
    raw = {"update_id": 1, "message": said("Hello")}
    await database.updates.add(bot_id=BOT_ID, updates=[raw], worker="dead", capacity=1)
    await database.updates.note_sends(bot_id=BOT_ID, update_id=1, worker="dead", sends=1)
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database, model):
        await all_done(database)

    assert (model_server.asked, bot_api.sent) == ([], [])


async def test_answer_of_an_attempt_that_lost_its_update(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
) -> None:
    """Whose update another worker has by now stores no answer beside the other's, and sends none."""
    model_server.behaves(says("Late", seconds=0.3))
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database, model):
        await model_server.until_asked(1)
        connection.execute("UPDATE updates SET worker = 'another', due_at = now() + '1 minute'")

    assert await contents(database) == ["Hello"]
    assert bot_api.sent == []
