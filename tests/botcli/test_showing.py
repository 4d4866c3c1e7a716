"""What a person sees of an answer before there is all of it, and how they stop it."""

import asyncio
import json
from typing import Any

import psycopg
import pytest
from aiogram import Bot

from botcli import showing
from botcli.bot import build_dispatcher
from botcli.delivery import Delivery, Terms
from botcli.metrics import BotMetrics
from botcli.rendering import markdown
from botcli.replies.echo import Echo
from botcli.replies.model import Model
from botcli.showing import Showing
from botcore import Database
from tests.botcli.bot_api import BOT_ID, BotApi, flood, refused
from tests.botcli.conftest import all_done, at_work, stored
from tests.botcli.deliveries import said
from tests.botcli.model_server import DONE, ModelServer, part, streams
from tests.botcli.updates import ADA, ASKED, message

END = part(None, finish_reason="stop")
FOREVER = -1.0
OFTEN = Showing(interval_seconds=0.02)
STOPPED = "Once upon\n\nThat is not all: I was stopped here."


def slow(*texts: str) -> Any:
    """Says these with pauses that a draft fits into."""
    return streams(*[each for text in texts for each in (part(text), 0.1)], END, DONE)


def texts(bot_api: BotApi, method: str = "sendMessageDraft") -> list[str]:
    """What each call of the method showed, what is the same in succession once."""
    said = [str(call.get("text", "")) for call in bot_api.called(method)]
    return [text for text, before in zip(said, [None, *said], strict=False) if text != before]


def stop_of(asked: dict[str, Any]) -> dict[str, Any]:
    """The update's kind that a press of Stop brings, while that message is answered."""
    return {"chat": asked["chat"], "draft_id": asked["message_id"]}


async def until_draft(bot_api: BotApi, text: str) -> None:
    """Returns once that is shown."""
    await bot_api.until(lambda: text in texts(bot_api))


async def test_answer_in_drafts(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """In a private chat a draft grows, with a Stop button, until the answer is sent in its place."""
    model_server.behaves(slow("Once", " **upon", "** a time"))
    asked = said("A story", message_thread_id=5, is_topic_message=True)
    dispatcher = build_dispatcher(database, model, showing=Showing(0.02, markdown))

    await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": asked})

    shown = texts(bot_api)
    assert [text for text in shown if text] == ["Once", "Once **upon", "Once upon a time"]
    calls = bot_api.called("sendMessageDraft")
    assert {(call["draft_id"], call["can_stop"], call["message_thread_id"]) for call in calls} == {
        (str(asked["message_id"]), "true", "5")
    }
    assert json.loads(calls[-1]["entities"])[0]["type"] == "bold"
    assert texts(bot_api, "sendMessage") == ["Once upon a time"]
    assert [name for name, _ in bot_api.calls][-1] == "sendMessage"
    assert [each.content for each in await stored(database)] == ["A story", "Once **upon** a time"]


async def test_answer_that_is_thought_about(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer, monkeypatch: Any
) -> None:
    """Before the first word an empty draft says so, again and again, since none lives for long."""
    monkeypatch.setattr(showing, "_DRAFT_SECONDS", 0.05)
    model_server.behaves(streams(0.4, part("Yes"), END, DONE))

    await build_dispatcher(database, model, showing=OFTEN).feed_raw_update(bot, {"update_id": 1, "message": message()})

    assert ["text" in call for call in bot_api.called("sendMessageDraft")].count(False) >= 2
    assert texts(bot_api, "sendMessage") == ["Yes"]


@pytest.mark.parametrize("place", [ASKED, {"business_connection_id": "conn"}])
async def test_answer_without_drafts(
    place: dict[str, Any], bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """In groups and business chats the bot is typing, again and again."""
    model_server.behaves(slow("Once", " upon"))
    kind = "business_message" if "business_connection_id" in place else "message"

    dispatcher = build_dispatcher(database, model, showing=OFTEN)
    await dispatcher.feed_raw_update(bot, {"update_id": 1, kind: message("A story", **place)})

    [typing] = bot_api.called("sendChatAction")
    assert (typing["action"], typing.get("business_connection_id")) == ("typing", place.get("business_connection_id"))
    assert (texts(bot_api), texts(bot_api, "sendMessage")) == ([], ["Once upon"])


@pytest.mark.parametrize(
    ("faults", "is_typing"),
    [
        ([refused(400, "Bad Request: TEXTDRAFT_PEER_INVALID")], True),
        ([refused(404, "Not Found")], True),
        ([refused(403, "Forbidden: bot was blocked by the user")], True),
        ([flood(20)], False),
        ([refused(500, "Internal Server Error")] * 9, False),
    ],
)
async def test_answer_whose_drafts_are_refused(
    faults: list[Any],
    is_typing: bool,  # noqa: FBT001
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    model: Model,
    model_server: ModelServer,
) -> None:
    """No fault of a draft keeps the answer, or has it wait; where there are no drafts, the bot is typing."""
    model_server.behaves(slow("Once", " upon"))
    bot_api.fail("sendMessageDraft", *faults)

    async with at_work(bot, database, model, showing=OFTEN), asyncio.timeout(5):
        bot_api.deliver(message=said("A story"))
        await bot_api.replies(1)
        await all_done(database)

    assert texts(bot_api, "sendMessage") == ["Once upon"]
    assert bool(bot_api.called("sendChatAction")) is is_typing


async def test_answer_at_once(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """What takes no time is not announced."""
    await build_dispatcher(database, Echo()).feed_raw_update(bot, {"update_id": 1, "message": message()})

    assert [name for name, _ in bot_api.calls] == ["sendMessage"]


async def test_answer_in_markdown(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Markdown is sent as entities, without them where Telegram refuses them, and stored as it is."""
    dispatcher = build_dispatcher(database, model, showing=Showing(render=markdown))
    model_server.behaves(*[streams(part("**Once**"), END, DONE)] * 2, streams(part("```\nOnce")))
    bot_api.fail("sendMessage", refused(400, "Bad Request: can't parse entities: canary"))

    for text in ("One", "Two", "Three"):
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text)})

    refused_, plain, rendered, cut = bot_api.called("sendMessage")
    assert [each["text"] for each in (refused_, plain, rendered)] == ["Once"] * 3
    assert ["entities" in each for each in (refused_, plain, rendered)] == [True, False, True]
    # the note is no part of the code that broke off
    assert [(e["type"], e["length"]) for e in json.loads(cut["entities"])] == [("pre", 4)]
    assert [each.content for each in await stored(database)][1::2] == [
        *["**Once**"] * 2,
        "```\nOnce\n```\n\nThat is not all: the model's server broke off.",
    ]


async def test_stop(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    model: Model,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A press of Stop ends the answer, though it is the chat's turn; what was said is stored, and /retry works.

    The process that takes it in need not be told of it, which behind a pooler it would not be.
    """
    model_server.behaves(streams(part("Once"), part(" upon"), FOREVER))
    asked = said("A story")

    monkeypatch.setattr(type(database.updates), "CHANNEL", "where_nobody_notifies")

    async with at_work(bot, database, model, showing=OFTEN), asyncio.timeout(10):
        bot_api.deliver(message=asked)
        await until_draft(bot_api, "Once upon")
        bot_api.deliver(stopped_message_generation=stop_of(asked))
        await bot_api.replies(1)
        partial = [each.content for each in await stored(database)]
        bot_api.deliver(message=said("/retry"))
        await bot_api.replies(2)
        await all_done(database)

    assert partial == ["A story", STOPPED]
    assert texts(bot_api, "sendMessage") == [STOPPED, "Yes: A story"]
    assert [each.content for each in await stored(database)] == ["A story", "Yes: A story"]


async def test_stop_that_another_process_is_told(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
) -> None:
    """Whichever process takes the press in, the one that answers ends the answer."""
    model_server.behaves(streams(part("Once"), part(" upon"), FOREVER))
    asked = said("A story")
    other = Delivery(bot, database, build_dispatcher(database, Echo()), Terms(concurrency=1), BotMetrics())

    async with at_work(bot, database, model, showing=OFTEN), asyncio.timeout(10):
        bot_api.deliver(message=asked)
        await until_draft(bot_api, "Once upon")
        # of another bot, whose chat with the person has the same id
        stops = {"telegram_chat_id": asked["chat"]["id"], "draft_id": asked["message_id"]}
        await database.updates.stop(bot_id=BOT_ID + 1, **stops)
        connection.execute("SELECT pg_notify('botcore_updates', %s)", [f"{BOT_ID} canary"])
        await asyncio.sleep(0.1)
        assert bot_api.sent == []
        await other.store([{"update_id": 1_000, "stopped_message_generation": stop_of(asked)}])
        await bot_api.replies(1)
        await all_done(database)

    assert texts(bot_api, "sendMessage") == [STOPPED]


async def test_stop_before_the_first_word(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Where nothing was said yet, the person reads that, and /retry asks again."""
    model_server.behaves(streams(FOREVER))
    asked = said("A story")

    async with at_work(bot, database, model, showing=OFTEN), asyncio.timeout(10):
        bot_api.deliver(message=asked)
        await until_draft(bot_api, "")
        bot_api.deliver(stopped_message_generation=stop_of(asked))
        await bot_api.replies(1)
        await all_done(database)

    assert texts(bot_api, "sendMessage") == ["I was stopped before I said anything. /retry asks again."]
    assert [each.content for each in await stored(database)] == ["A story"]


@pytest.mark.parametrize(
    "stopped",
    [
        {"chat": {"id": 7, "type": "private"}, "draft_id": 999_999},
        {"chat": {"id": 8, "type": "private"}, "draft_id": 1},
        {"chat": {"id": 7, "type": "private"}, "draft_id": 2**70},
        {"chat": {"id": 7, "type": "private"}},
        "canary",
        None,
    ],
)
async def test_stop_of_nothing(stopped: Any, bot: Bot, database: Database) -> None:
    """What stops no answer, or is forged, is stored and done with as any other update."""
    async with at_work(bot, database):
        delivery = Delivery(bot, database, build_dispatcher(database, Echo()), Terms(), BotMetrics())
        await delivery.store([{"update_id": 1, "stopped_message_generation": stopped}])

    assert await database.updates.get(bot_id=BOT_ID, update_id=1)


async def test_stop_of_who_opted_out(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Of whom nothing is stored, they read drafts as well, and stop an answer."""
    await database.users.opt_out(telegram_user_id=ADA["id"])
    model_server.behaves(streams(part("Once"), part(" upon"), FOREVER))
    asked = said("A story")

    async with at_work(bot, database, model, showing=OFTEN), asyncio.timeout(10):
        bot_api.deliver(message=asked)
        await until_draft(bot_api, "Once upon")
        bot_api.deliver(stopped_message_generation=stop_of(asked))
        await bot_api.replies(1)
        await all_done(database)

    assert texts(bot_api, "sendMessage") == [STOPPED]
    assert await database.chats.page() == []
