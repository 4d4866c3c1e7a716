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
from tests.botcli.model_server import Behaviour, ModelServer, completion, fails, says, sends
from tests.botcli.updates import message

MEGABYTE = 2**20
REJECTED = "The model's server did not take this. /retry asks again."
TOO_LONG = "That is more than I can take in at once."
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
        sends(json.dumps(completion("Yes " * MEGABYTE))),
        says("Yes " * 10_000),
        sends(gzip.compress(b" " * 5 * MEGABYTE + json.dumps(completion("Yes")).encode()), Content_Encoding="gzip"),
        sends(b" " * 5 * MEGABYTE, status=500),
        sends(gzip.compress(json.dumps(completion("Last")).encode()), Content_Encoding="gzip"),
    )

    for text in ("One", "Two", "Three", "Four", "Five"):
        await feed(text)

    answer, _ = [m for m in await stored(database) if m.role == "assistant"]
    assert answer.content == ("Yes " * 8_000).rstrip() + "\n\nThat is not all: there was no room for more."
    first, *answered, third, fourth, fifth = texts(bot_api)
    assert (first, third, fourth) == (UNREADABLE, UNREADABLE, "The model's server failed. /retry asks again.")
    assert "".join(answered).count("Yes") == 8_000
    assert fifth == "Last"


@pytest.mark.parametrize(
    "refusal",
    [
        fails(400, "anything", "context_length_exceeded"),
        fails(400, "This model's maximum context length is 4096 tokens"),
        sends("<h1>Request Entity Too Large</h1>", "text/html", 413),
    ],
)
async def test_reply_to_what_is_too_long(
    refusal: Behaviour, feed: Feed, bot_api: BotApi, model_server: ModelServer
) -> None:
    """A dialogue too long for the model goes by ever newer halves; a question that is by itself is not answered."""
    for text in ("One " * 99, "Two", "Three"):
        await feed(text)
    model_server.asked.clear()
    model_server.behaves(refusal, refusal)

    await feed("Four")
    model_server.behaves(*[refusal] * 5)
    await feed("Five")

    assert [asked[1:] for asked in model_server.asked[1:3]] == [
        [("user", "Two"), ("assistant", "Yes: Two"), ("user", "Three"), ("assistant", "Yes: Three"), ("user", "Four")],
        [("user", "Four")],
    ]
    assert model_server.asked[-1][1:] == [("user", "Five")]
    assert texts(bot_api)[-2:] == ["Yes: Four", TOO_LONG]


async def test_reply_after_one_that_was_too_long(feed: Feed, bot_api: BotApi, model_server: ModelServer) -> None:
    """A question that is too long for the model does not keep it from answering the next."""
    model_server.behaves(*[fails(413)] * 2)

    await feed("One " * 99)
    await feed("Two")

    assert texts(bot_api) == [TOO_LONG, "Yes: Two"]
    assert model_server.asked[2] == [("system", "Be brief."), ("user", "Two")]


async def test_reply_without_credit(
    feed: Feed, bot_api: BotApi, model_server: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    """402 is for the operator, who reads in the log what to do."""
    model_server.behaves(fails(402))

    await feed("One")

    assert texts(bot_api) == ["I cannot answer at the moment: my operator has to see to it. /retry asks again."]
    assert "the account of LLM_API_KEY has no credit left" in caplog.messages


async def test_reply_that_redirects(feed: Feed, bot_api: BotApi, model_server: ModelServer) -> None:
    """The dialogue is sent to the operator's server only, wherever that points to."""
    async with ModelServer.serve() as other:
        model_server.behaves(sends("", status=307, Location=f"{other.url}/chat/completions"))

        await feed("One")

    assert texts(bot_api) == [REJECTED]
    assert other.asked == []
