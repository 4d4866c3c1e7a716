"""What a model's server sends too much of, or too strangely, and what is too long for it: the person hears of it."""

import gzip
import json

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies.model import Model
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.model_server import ModelServer, completion, says, sends
from tests.botcli.updates import message

MEGABYTE = 2**20
REJECTED = "The model's server did not take this. /retry asks again."
UNREADABLE = "The model's server answered something that I cannot read. /retry asks again."


@pytest.fixture
def feed(bot: Bot, database: Database, model: Model) -> Feed:
    """Hands a dispatcher with the model a private text."""
    dispatcher = build_dispatcher(database, model)

    async def feed(text: str) -> None:
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text)})

    return feed


def texts(bot_api: BotApi) -> list[str]:
    """What the bot sent."""
    return [sent["text"] for sent in bot_api.sent]


async def test_reply_in_a_charset_that_is_none(feed: Feed, bot_api: BotApi, model_server: ModelServer) -> None:
    """A charset that is a codec from bytes to bytes, over which the HTTP client stumbles, is a failure like others."""
    model_server.behaves(
        sends(b"canary", "text/plain; charset=zlib"), sends(b"canary", "application/json; charset=hex", 400)
    )

    await feed("One")
    await feed("Two")

    assert texts(bot_api) == [UNREADABLE, REJECTED]


async def test_reply_that_is_too_large(
    feed: Feed, bot_api: BotApi, database: Database, model_server: ModelServer
) -> None:
    """Of a long text the beginning is the answer, and a body without an end is none, compressed or not."""
    model_server.behaves(
        says("Yes " * MEGABYTE),
        says("Yes " * 10_000),
        sends(gzip.compress(b" " * 5 * MEGABYTE + json.dumps(completion("Yes")).encode()), Content_Encoding="gzip"),
        sends(b" " * 5 * MEGABYTE, status=500),
        sends(gzip.compress(json.dumps(completion("Last")).encode()), Content_Encoding="gzip"),
    )

    for text in ("One", "Two", "Three", "Four", "Five"):
        await feed(text)

    answer, _ = [m for m in await stored(database) if m.role == "assistant"]
    assert answer.content == ("Yes " * 8_000).rstrip()
    first, *answered, note, third, fourth, fifth = texts(bot_api)
    assert (first, third, fourth) == (UNREADABLE, UNREADABLE, "The model's server failed. /retry asks again.")
    assert "".join(answered).count("Yes") == 8_000
    assert note == "That is not all: the model had no room for more."
    assert fifth == "Last"
