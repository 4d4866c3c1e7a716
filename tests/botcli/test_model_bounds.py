"""What a model's server sends too much of, or too strangely, and what is too long for it: the person hears of it."""

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies.model import Model
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed
from tests.botcli.model_server import ModelServer, sends
from tests.botcli.updates import message

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

    assert texts(bot_api) == [UNREADABLE, UNREADABLE]
