"""Replies of a model: each thing that its server can do ends in a sentence, a stored state and a /retry that works."""

import asyncio
import logging
from typing import Any

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies.model import Model, conversations
from botcli.replies.settings import ModelSettings
from botcli.windows import Windows
from botcore import Database, Message, Spent
from tests.botcli.bot_api import BOT_ID, BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.model_server import (
    KEY,
    MODEL,
    READ,
    WRITTEN,
    Behaviour,
    ModelServer,
    breaks_off,
    drips,
    fails,
    says,
    sends,
    stalls,
)
from tests.botcli.updates import ADA, PRIVATE, message

AGAIN = " /retry asks again."
TOO_LONG = "That is more than I can take in at once."
FAILURES: dict[str, tuple[Behaviour, str]] = {
    "stalls": (stalls, "The answer took too long, and I gave up waiting."),
    "drips": (drips, "The answer took too long, and I gave up waiting."),
    "breaks off": (breaks_off, "The connection to the model failed."),
    "429": (fails(429), "The model has too much to do at the moment."),
    "429 with seconds": (
        fails(429, retry_after="20"),
        "The model has too much to do at the moment. It asks for 20 s of patience.",
    ),
    "429 with a date": (
        fails(429, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
        "The model has too much to do at the moment.",
    ),
    "no credit": (
        fails(429, code="insufficient_quota"),
        "I cannot answer at the moment: my operator has to see to it.",
    ),
    "401": (fails(401), "I cannot answer at the moment: my operator has to see to it."),
    "403": (fails(403), "I cannot answer at the moment: my operator has to see to it."),
    "404": (fails(404), "I cannot answer at the moment: my operator has to see to it."),
    "400": (fails(400), "The model's server did not take this."),
    "filtered before": (fails(400, code="content_filter"), "The model refused to answer this."),
    "500": (fails(500), "The model's server failed."),
    "a proxy's 502": (sends("<h1>canary</h1>", "text/html", 502), "The model's server failed."),
    "an error for an answer": (sends('{"error": {"message": "canary"}}'), "The model's server failed."),
    "refusal": (says(None, refusal="canary"), "The model refused to answer this."),
    "filtered": (
        says("canary", choices=[{"message": {"content": "canary"}, "finish_reason": "content_filter"}]),
        "The model refused to answer this.",
    ),
    "nothing": (says(" \n"), "The model had nothing to say."),
    "null": (says(None, finish_reason="length"), "The model had nothing to say."),
    **{
        f"garbage {number}": (garbage, "The model's server answered something that I cannot read.")
        for number, garbage in enumerate(
            (
                sends('{"choices": [canary'),
                sends("canary", "text/plain"),
                sends("[]"),
                sends("null"),
                sends("[" * 100_000),
                sends('{"choices": []}'),
                sends('{"choices": "canary"}'),
                sends('{"choices": [{"message": {"content": {"canary": 1}}}]}'),
                sends("{}"),
            )
        )
    },
}


@pytest.fixture
def feed(bot: Bot, database: Database, model: Model) -> Feed:
    """Hands a dispatcher with the model a private text."""
    dispatcher = build_dispatcher(database, model)

    async def feed(text: str, **changes: Any) -> None:
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text, **changes)})

    return feed


def texts(bot_api: BotApi) -> list[str]:
    """What the bot sent."""
    return [sent["text"] for sent in bot_api.sent]


async def test_reply_of_a_model(feed: Feed, bot_api: BotApi, database: Database, model_server: ModelServer) -> None:
    """The model gets prompt and dialogue and the key; what it says is stored, sent and counted, trimmed."""
    model_server.behaves(says("\n Hello, Ada \ud800\0"))
    await feed("Hello")
    await feed("And now?")

    assert model_server.asked[0] == [("system", "Be brief."), ("user", "Hello")]
    assert model_server.asked[1][1:] == [
        *(("user", "Hello"), ("assistant", "Hello, Ada \ufffd")),
        ("user", "And now?"),
    ]
    assert model_server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert texts(bot_api) == ["Hello, Ada \ufffd", "Yes: And now?"]
    question, answer, *_ = await stored(database)
    assert (answer.role, answer.content, answer.reply_to_id) == ("assistant", "Hello, Ada \ufffd", question.id)
    spent = await database.usage.totals(user_id=question.user_id or 0, bot_id=BOT_ID)
    assert (spent.requests, spent.today_input_tokens, spent.today_output_tokens) == (2, 2 * READ, 2 * WRITTEN)
    assert spent.input_characters == sum(len(content) for asked in model_server.asked for _, content in asked)


async def test_reply_that_fails(
    feed: Feed,
    bot_api: BotApi,
    database: Database,
    model: Model,
    model_server: ModelServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The person reads why in a sentence, which is not stored, the question stays, and /retry answers it."""
    caplog.set_level(logging.DEBUG)
    for chat, (name, (behaviour, sentence)) in enumerate(FAILURES.items(), 1):
        bot_api.sent.clear()
        caplog.clear()
        model_server.behaves(behaviour)
        place = {"chat": {**PRIVATE, "id": chat}, "sender": {**ADA, "id": chat}}

        # a server that sends something now and then is not waited for any longer
        model._timeout_seconds = 0.5 if behaviour in {stalls, drips} else 20
        async with asyncio.timeout(10):
            await feed("canary question", **place)
        model._timeout_seconds = 20
        after_failure = [m.content for m in await stored(database, chat)]
        logged = [each for each in caplog.records if each.name.startswith("botcli")]
        await feed("/retry", **place)

        assert texts(bot_api) == [sentence + AGAIN, "Yes: canary question"], name
        assert after_failure == ["canary question"], name
        assert [each.__dict__["kind"] for each in logged if each.name == "botcli.replies.model"], name
        assert "canary" not in "".join(f"{each.getMessage()} {each.__dict__}" for each in logged), name
        question, answer = await stored(database, chat)
        assert answer.reply_to_id == question.id, name
        # what the server had counted of a failure was spent all the same
        spent = await database.usage.totals(user_id=question.user_id or 0, bot_id=BOT_ID)
        assert spent.requests == 1 + (name in {"refusal", "filtered", "nothing", "null"}), name
    assert len(model_server.asked) == 2 * len(FAILURES)


async def test_reply_that_is_cut_off(
    feed: Feed, bot_api: BotApi, database: Database, model_server: ModelServer
) -> None:
    """A partial answer is sent and stored as far as it goes, and ends with that: it is lost with no part of it."""
    model_server.behaves(says("Once upon", finish_reason="length"))

    await feed("A story")

    partial = "Once upon\n\nThat is not all: there was no room for more."
    assert texts(bot_api) == [partial]
    assert [m.content for m in await stored(database)] == ["A story", partial]


async def test_reply_to_more_than_the_window(feed: Feed, bot_api: BotApi, model_server: ModelServer) -> None:
    """A question that leaves no room in the window is answered without asking the model."""
    await feed("x" * 16_001)

    assert texts(bot_api) == [TOO_LONG]
    assert model_server.asked == []


async def test_reply_with_a_system_message_of_the_dialogue(
    feed: Feed, database: Database, model_server: ModelServer
) -> None:
    """The dialogue's own system message stands in place of the prompt."""
    await feed("One")
    said = (await stored(database))[0]
    await database.messages.add(chat_id=said.chat_id, user_id=said.user_id, role="system", content="Rhyme.")

    await feed("Two")

    assert model_server.asked[1][0] == ("system", "Rhyme.")
    assert [role for role, _ in model_server.asked[1]].count("system") == 1


async def test_reply_of_a_model_that_counts_nothing(feed: Feed, database: Database, model_server: ModelServer) -> None:
    """Without counts, or with absurd ones, the answer is an answer, and nothing is counted."""
    for usage in (None, {"prompt_tokens": "canary"}, {"prompt_tokens": -1, "completion_tokens": 2}):
        model_server.behaves(says("Yes", usage=usage))
        await feed("Hello")

    person = (await stored(database))[0].user_id
    assert len(await stored(database)) == 6
    assert (await database.usage.totals(user_id=person or 0, bot_id=BOT_ID)).requests == 0


async def test_reply_to_who_opted_out(
    feed: Feed, bot_api: BotApi, database: Database, model_server: ModelServer
) -> None:
    """They are answered by this message alone, or read why not; not even usage is stored."""
    await database.users.opt_out(telegram_user_id=7)
    model_server.behaves(says("One", finish_reason="length"), fails(500))

    for text in ("canary one", "canary two", "/retry"):
        await feed(text)

    assert model_server.asked == [[("system", "Be brief."), ("user", text)] for text in ("canary one", "canary two")]
    assert [text.partition(":")[0] for text in texts(bot_api)] == [
        *("One\n\nThat is not all", "The model's server failed."),
        "Nothing is recorded since you opted out; /privacy on changes that.",
    ]
    assert (await database.users.page(), await database.chats.page()) == ([], [])


def said(*turns: tuple[str, str]) -> list[Any]:
    """A window."""

    class Said:
        def __init__(self, role: str, content: str) -> None:
            self.role, self.content = role, content

    return [Said(*turn) for turn in turns]


def test_conversation_goes_by_turns() -> None:
    """Turns of one role become one, what says nothing is left out, and an answer without its question too."""
    window: list[Message] = said(
        ("assistant", "of what"),
        ("user", "One"),
        ("user", " "),
        ("user", "Two"),
        ("assistant", "Yes"),
        ("user", "Three"),
    )

    turns, *_ = conversations(window, None)
    prompted, *_ = conversations(window, "Be brief.")

    assert turns == [("user", "One\n\nTwo"), ("assistant", "Yes"), ("user", "Three")]
    assert prompted == [("system", "Be brief."), *turns]


def test_conversations_are_ever_shorter() -> None:
    """By halves, each begun by a person, none twice, the system message in all, and at last the newest alone."""
    long = said(("system", "Rhyme."), *[("user", "ab"), ("assistant", "cd")] * 500, ("user", "ef"))
    short = said(("system", "Rhyme."), ("user", "aaaa"), ("assistant", "b"), ("user", "cccc"))

    of_long, of_short = conversations(long, "Be brief."), conversations(short, None)

    assert [len(each) - 1 for each in of_long] == [1_001, 499, 249, 125, 1]
    assert {(each[0], each[1][0], each[-1]) for each in of_long} == {(("system", "Rhyme."), "user", ("user", "ef"))}
    assert of_short == [[("system", "Rhyme."), ("user", "aaaa"), ("assistant", "b"), ("user", "cccc")], of_short[1]]
    assert of_short[1] == [("system", "Rhyme."), ("user", "cccc")]


def test_windows_follow_from_what_the_server_counted() -> None:
    """Before any count a guess decides, then more and more what the person's texts took, up to a bound."""
    windows = Windows(context_tokens=8_000, prompt_characters=100)

    def characters(of_a_token: float, tokens: int) -> int:
        return windows.characters(Spent(0, 0, 0, 9, tokens, 0, int(of_a_token * tokens)))

    assert windows.characters() == 2 * 6_000 - 100
    assert windows.characters() < characters(4, 1_000) < characters(4, 1_000_000) < 4 * 6_000
    assert characters(1, 1_000_000) < windows.characters()
    assert characters(400, 1_000_000) == 5 * 6_000 - 100
    assert characters(0, 1_000_000) == 2_000


def test_model_settings_show_no_secret() -> None:
    """Neither the key nor a URL with a password nor the prompt is in what a log could show."""
    assert "canary" not in repr(ModelSettings("http://canary@x", "canary", MODEL, "canary", timeout_seconds=1))
