"""What a group sees of a long answer before there is all of it: a message that is gone once the answer is there."""

import asyncio
import json
from typing import Any

import psycopg
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import SendMessage

from botcli import requests
from botcli.bot import build_dispatcher
from botcli.pacing import Pace, SendAside
from botcli.replies.model import Model
from botcli.showing import Showing
from botcore import Database, StateKey
from tests.botcli.bot_api import BOT_ID, PASS, RESET, BotApi, flood, refused
from tests.botcli.conftest import all_done, at_work, stored
from tests.botcli.model_server import DONE, ModelServer, part, streams
from tests.botcli.updates import ASKED, GROUP, message

END = part(None, finish_reason="stop")
OFTEN = Showing(interval_seconds=0.02, typing_seconds=0.05)
KEY = StateKey(BOT_ID, GROUP["id"], 0, destiny="preview")
FIRST = "1001"  # the id of what is sent first


def slow(*texts: str) -> Any:
    """Says these with pauses that an edit fits into."""
    return streams(*[each for text in texts for each in (part(text), 0.2)], END, DONE)


def calls(bot_api: BotApi) -> list[tuple[str, str]]:
    """What was done to messages: the method, and the text or else the message."""
    doing = {"sendMessage", "editMessageText", "deleteMessage"}
    return [(name, given.get("text") or given["message_id"]) for name, given in bot_api.calls if name in doing]


async def test_answer_in_a_group(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """A silent message grows; the answer is sent as any other, noted and stored once, and the message removed."""
    model_server.behaves(slow("Once", " upon", " a time"))
    number = bot_api.deliver(message=message("A story", **ASKED))

    async with at_work(bot, database, model, showing=OFTEN):
        await bot_api.until(lambda: bool(bot_api.called("deleteMessage")))
        await all_done(database)

    assert calls(bot_api) == [
        ("sendMessage", "Once"),
        ("editMessageText", "Once upon"),
        ("editMessageText", "Once upon a time"),
        ("sendMessage", "Once upon a time"),
        ("deleteMessage", FIRST),
    ]
    assert [given.get("disable_notification") for given in bot_api.called("sendMessage")] == ["true", None]
    assert [call["message_id"] for call in bot_api.called("editMessageText")] == [FIRST] * 2
    [_, answer] = await stored(database, GROUP["id"])
    assert (answer.content, answer.telegram_message_id, answer.delivery) == ("Once upon a time", 1_002, None)
    update = await database.updates.get(bot_id=BOT_ID, update_id=number)
    assert update
    assert update.sends == 1


@pytest.mark.parametrize(
    ("method", "faults"),
    [
        ("sendMessage", [refused(400, "Bad Request: canary")]),
        ("editMessageText", [flood(20)]),
        ("editMessageText", [refused(400, "Bad Request: message to edit not found")] * 9),
        ("deleteMessage", [refused(400, "Bad Request: message to delete not found")]),
        ("sendChatAction", [flood(20)] * 9),
    ],
)
async def test_answer_in_a_group_that_refuses(
    method: str,
    faults: list[Any],
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    model: Model,
    model_server: ModelServer,
) -> None:
    """No fault of what is shown meanwhile keeps the answer, or has it wait."""
    model_server.behaves(slow("Once", " upon", " a time"))
    bot_api.fail(method, *faults)
    bot_api.deliver(message=message("A story", **ASKED))

    async with at_work(bot, database, model, showing=OFTEN), asyncio.timeout(5):
        await bot_api.replies(2)
        await all_done(database)

    assert [each["text"] for each in bot_api.sent][-1] == "Once upon a time"
    assert len(bot_api.sent) == 2


async def test_answer_in_a_group_whose_preview_is_in_doubt(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Where nobody can say whether the message is there, there is no second one."""
    model_server.behaves(slow("Once", " upon", " a time"))
    bot_api.fail("sendMessage", RESET)
    bot_api.deliver(message=message("A story", **ASKED))

    async with at_work(bot, database, model, showing=OFTEN):
        await bot_api.replies(1)
        await all_done(database)

    assert calls(bot_api) == [("sendMessage", "Once"), ("sendMessage", "Once upon a time")]


async def test_answer_in_a_group_after_a_crash(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
) -> None:
    """What a process showed before it died is removed once another has answered."""
    raw = {"update_id": 1, "message": message("A story", **ASKED)}
    await database.updates.add(bot_id=BOT_ID, updates=[raw], worker="dead", capacity=1)
    await database.states.set_data(KEY, {"chat_id": GROUP["id"], "message_id": 77})
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database, model):
        await bot_api.until(lambda: bool(bot_api.called("deleteMessage")))
        await all_done(database)

    assert calls(bot_api) == [("sendMessage", "Yes: A story"), ("deleteMessage", "77")]
    left = await database.states.get(KEY)
    assert left is None or left.data == "{}"


async def test_answer_in_a_group_whose_edit_is_lost(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """The next one says what it had to say."""
    model_server.behaves(slow("Once", " upon"))
    bot_api.fail("editMessageText", refused(404, "Not Found"))

    dispatcher = build_dispatcher(database, model, showing=OFTEN)
    await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message("A story", **ASKED)})

    assert [about for name, about in calls(bot_api) if name == "editMessageText"] == ["Once upon"] * 2


async def test_answer_in_a_group_that_is_not_sent(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Where the bot may not write any more, there is no other attempt: what was shown is removed all the same."""
    model_server.behaves(slow("Once", " upon"))
    bot_api.fail("sendMessage", PASS, refused(400, "Bad Request: not enough rights to send text messages to the chat"))
    bot_api.deliver(message=message("A story", **ASKED))

    async with at_work(bot, database, model, showing=OFTEN):
        await bot_api.until(lambda: bool(bot_api.called("deleteMessage")))
        await all_done(database)

    assert calls(bot_api)[-2:] == [("sendMessage", "Once upon"), ("deleteMessage", FIRST)]


async def test_answer_in_a_group_whose_preview_was_left(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """What Telegram did not remove is removed before the chat's next preview is sent."""
    model_server.behaves(slow("Once"), slow("Twice"))
    bot_api.fail("deleteMessage", refused(404, "Not Found"))
    for text in ("One", "Two"):
        bot_api.deliver(message=message(text, **ASKED))

    async with at_work(bot, database, model, showing=OFTEN):
        await bot_api.until(lambda: len(bot_api.called("deleteMessage")) == 3)
        await all_done(database)

    assert [(name, about) for name, about in calls(bot_api) if name != "editMessageText"] == [
        *(("sendMessage", "Once"), ("sendMessage", "Once"), ("deleteMessage", FIRST)),
        *(("deleteMessage", FIRST), ("sendMessage", "Twice"), ("sendMessage", "Twice"), ("deleteMessage", "1003")),
    ]


async def test_answer_in_a_group_whose_preview_is_not_noted(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
) -> None:
    """What the database does not keep is removed as long as the process lives."""
    connection.execute("ALTER TABLE states ADD CONSTRAINT ck_states_nothing CHECK (destiny <> 'preview')")
    model_server.behaves(slow("Once"))
    bot_api.deliver(message=message("A story", **ASKED))

    async with at_work(bot, database, model, showing=OFTEN):
        await bot_api.until(lambda: bool(bot_api.called("deleteMessage")))
        await all_done(database)

    assert calls(bot_api) == [("sendMessage", "Once"), ("sendMessage", "Once"), ("deleteMessage", FIRST)]


async def test_answer_in_a_group_at_the_end_of_the_process(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    model: Model,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is on its way then is noted, for the next process to remove it."""
    model_server.behaves(streams(part("Once"), -1.0))
    send, sent = bot_api._sendMessage, asyncio.Event()

    async def slowly(given: dict[str, Any]) -> dict[str, Any]:
        sent.set()
        await asyncio.sleep(0.5)
        return await send(given)

    monkeypatch.setattr(bot_api, "_sendMessage", slowly)
    bot_api.deliver(message=message("A story", **ASKED))

    async with at_work(bot, database, model, showing=OFTEN, grace_seconds=0.0):
        await sent.wait()

    left = await database.states.get(KEY)
    assert left
    assert json.loads(left.data) == {"chat_id": GROUP["id"], "message_id": int(FIRST)}


async def test_pacing_of_what_is_sent_aside(bot: Bot, bot_api: BotApi) -> None:
    """It leaves the answer's place free, rather than to wait for its own."""
    requests.use(bot.session, pace=Pace(per_group_per_minute=4))
    for _ in range(2):
        await bot(SendMessage(chat_id=GROUP["id"], text="One"))

    with pytest.raises(TelegramRetryAfter):
        await bot(SendAside(chat_id=GROUP["id"], text="Aside"))
    async with asyncio.timeout(1):
        await bot(SendMessage(chat_id=GROUP["id"], text="Answer"))

    assert [each["text"] for each in bot_api.sent] == ["One", "One", "Answer"]


async def test_pacing_of_what_is_sent_aside_of_all_chats(bot: Bot, bot_api: BotApi) -> None:
    """Nor does it take the place over all chats that somebody else's answer waits for."""
    requests.use(bot.session, pace=Pace(per_second=2))
    await bot(SendMessage(chat_id=1, text="Answer"))

    with pytest.raises(TelegramRetryAfter):
        await bot(SendAside(chat_id=GROUP["id"], text="Aside"))
    await asyncio.sleep(0.6)
    await bot(SendAside(chat_id=GROUP["id"], text="Later"))

    assert [each["text"] for each in bot_api.sent] == ["Answer", "Later"]
