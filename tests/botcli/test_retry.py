"""/retry, budgets, and what interrupts a model: each leaves a state from which the dialogue goes on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies.model import Model
from botcli.windows import Windows
from botcore import Database, Message
from tests.botcli.bot_api import BOT_ID, BotApi, flood
from tests.botcli.conftest import all_done, at_work, stored
from tests.botcli.deliveries import put_off, said
from tests.botcli.model_server import ModelServer, fails, says, stalls
from tests.botcli.updates import ADA, ASKED, GROUP, message

IN_GROUP: dict[str, Any] = {"chat": GROUP}


async def feed(bot: Bot, database: Database, model: Model, *texts: str, **settings: Any) -> None:
    """Hands a dispatcher private texts, one after the other."""
    dispatcher = build_dispatcher(database, model, **settings)
    for text in texts:
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text)})


async def claimed(database: Database, *texts: str, sends: int = 0) -> None:
    """Updates with these texts, of which a worker had the first in work when it vanished, so many sends begun."""
    raw = [{"update_id": number, "message": said(text)} for number, text in enumerate(texts, 1)]
    await database.updates.add(bot_id=BOT_ID, updates=raw, worker="dead", capacity=1)
    await database.updates.note_sends(bot_id=BOT_ID, update_id=1, worker="dead", sends=sends)


def told(model_server: ModelServer) -> int:
    """The characters that the model was sent last."""
    return sum(len(content) for _, content in model_server.asked[-1])


def tell(messages: list[Message]) -> list[str]:
    """What was said."""
    return [each.content for each in messages]


async def test_retry_takes_the_place_of_the_answer(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """The newest question is asked again without its answer, which is hidden for the new one; again and again."""
    model_server.behaves(says("First"), says("Old"), says("New"), says("Newer"))

    await feed(bot, database, model, "One", "Two", "/help", "/retry", "/retry")

    window = [("system", "Be brief."), ("user", "One"), ("assistant", "First"), ("user", "Two")]
    assert model_server.asked[1:] == [window] * 3
    messages = await stored(database)
    assert tell(messages) == ["One", "First", "Two", "Newer"]
    assert messages[3].reply_to_id == messages[2].id
    assert [sent["text"] for sent in bot_api.sent][-2:] == ["New", "Newer"]


async def test_retry_that_fails_keeps_the_answer(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """An answer is hidden only for another one."""
    model_server.behaves(says("Old"), fails(500))

    await feed(bot, database, model, "One", "/retry")

    assert tell(await stored(database)) == ["One", "Old"]
    assert bot_api.sent[-1]["text"].startswith("The model's server failed.")


@pytest.mark.parametrize("before", [[], ["One", "/new"]])
async def test_retry_of_nothing(
    before: list[str], bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Where nothing was said, or all of it was cleared, it says so and asks nobody."""
    await feed(bot, database, model, *before, "/retry")

    assert bot_api.sent[-1]["text"] == "There is nothing to ask again: say something first."
    assert len(model_server.asked) == len(before) // 2


async def test_retry_in_a_shared_window(bot: Bot, database: Database, model: Model, model_server: ModelServer) -> None:
    """In a group it is the person's newest message, with what everybody had said before it, and nothing since."""
    dispatcher = build_dispatcher(database, model, windows=Windows(group="chat"))
    bob = {**ADA, "id": 8, "first_name": "Bob", "last_name": None}
    for sender, text, how in (
        (bob, "Zero", ASKED),
        (ADA, "One", ASKED),
        (bob, "Two", ASKED),
        (ADA, "/retry", IN_GROUP),
    ):
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text, **how, sender=sender)})

    assert model_server.asked[3] == model_server.asked[1]
    assert model_server.asked[3][-1] == ("user", "Ada Lovelace: One")
    contents = tell(await stored(database, GROUP["id"]))
    assert contents == ["Zero", "Yes: Bob: Zero", "One", "Two", "Yes: Bob: Two", "Yes: Ada Lovelace: One"]


async def test_failure_told_before_a_crash(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
) -> None:
    """After a crash that had begun to say why there is no answer none is stored as if it were sent; /retry has one."""
    await claimed(database, "Hello", "/retry", sends=1)
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database, model):
        await bot_api.replies(1)
        await all_done(database)

    assert [sent["text"] for sent in bot_api.sent] == ["Yes: Hello"]
    assert [(m.content, m.delivery) for m in await stored(database)] == [("Hello", None), ("Yes: Hello", None)]
    assert len(model_server.asked) == 1


async def test_failure_told_by_a_process_that_dies_then(
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The real thing: what is done is never noted, and who takes over says nothing twice and stores no reply."""
    model_server.behaves(fails(500))
    bot_api.deliver(message=said("Hello"))
    finish = type(database.updates).finish
    died = asyncio.Event()

    async def die(*_: Any, **__: Any) -> list[int]:
        died.set()
        return []

    monkeypatch.setattr(type(database.updates), "finish", die)
    async with at_work(bot, database, model):
        await bot_api.replies(1)
        await died.wait()
    monkeypatch.setattr(type(database.updates), "finish", finish)
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database, model):
        await all_done(database)

    assert [sent["text"].partition(".")[0] for sent in bot_api.sent] == ["The model's server failed"]
    assert tell(await stored(database)) == ["Hello"]
    assert len(model_server.asked) == 1


@pytest.mark.parametrize("is_retried", [False, True])
async def test_answer_of_an_attempt_that_could_not_send_it(
    is_retried: bool,  # noqa: FBT001
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
) -> None:
    """The answer that was stored and not sent is sent by the next attempt: asked once, counted once."""
    if is_retried:
        model_server.behaves(says("Old"))
        await feed(bot, database, model, "Hello")
    before = len(bot_api.sent)
    model_server.behaves(says("New"))
    bot_api.fail("sendMessage", flood(3_600))
    bot_api.deliver(message=said("/retry" if is_retried else "Hello"))
    async with at_work(bot, database, model):
        await bot_api.confirmed()
        await put_off(database)
    connection.execute("UPDATE updates SET due_at = now()")

    async with at_work(bot, database, model):
        await bot_api.replies(before + 1)
        await all_done(database)

    messages = await stored(database)
    assert [(m.content, m.delivery) for m in messages] == [("Hello", None), ("New", None)]
    assert len(model_server.asked) == 1 + is_retried
    spent = await database.usage.totals(user_id=messages[0].user_id or 0, bot_id=BOT_ID)
    assert spent.requests == 1 + is_retried


@pytest.mark.parametrize("text", ["Hello", "/retry"])
async def test_stop_while_the_model_answers(
    text: str, bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """The question is given back as it is, an earlier answer stays, and the next start asks again."""
    if text == "/retry":
        await feed(bot, database, model, "Hello")
    before, asked = tell(await stored(database)), len(model_server.asked)
    model_server.behaves(stalls)
    bot_api.deliver(message=said(text))

    async with at_work(bot, database, model, grace_seconds=0):
        await model_server.until_asked(asked + 1)
    assert tell(await stored(database)) == (before or ["Hello"])
    [waiting] = await database.updates.page(state="pending")
    assert (waiting.failures, waiting.sends) == (0, 0)

    async with at_work(bot, database, model):
        await bot_api.replies(asked + 1)
        await all_done(database)
    assert tell(await stored(database)) == ["Hello", "Yes: Hello"]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda database: database.users.erase(telegram_user_id=7), []),
        (lambda database: database.users.delete(user_id=1), []),
        (lambda database: database.users.opt_out(telegram_user_id=7), ["Hello"]),
    ],
    ids=["erased", "deleted", "opted out"],
)
async def test_person_who_goes_while_the_model_answers(
    change: Callable[[Database], Any],
    left: list[str],
    bot: Bot,
    bot_api: BotApi,
    database: Database,
    connection: psycopg.Connection,
    model: Model,
    model_server: ModelServer,
) -> None:
    """Neither the answer nor what it cost is stored; the update is done, and the model not asked again."""
    model_server.behaves(says("Late", seconds=0.3))
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database, model):
        await model_server.until_asked(1)
        await change(database)
        await all_done(database)

    assert tell(await stored(database)) == left
    assert connection.execute("SELECT count(*) FROM usage").fetchone() == (0,)
    assert len(model_server.asked) == 1
    assert await database.updates.page(state="failed") == []
    assert [sent["text"] for sent in bot_api.sent] == (["Late"] if left else [])


async def test_daily_budget(
    bot: Bot, bot_api: BotApi, database: Database, model: Model, model_server: ModelServer
) -> None:
    """Who used it up reads when it begins anew, and nobody is asked; what they say is stored for then."""
    await feed(bot, database, model, "One", "Two", "Three", daily_tokens=36)
    person = (await stored(database))[0].user_id or 0
    until = datetime.now(UTC) + timedelta(days=1)

    refusal = bot_api.sent[-1]["text"]
    assert refusal.startswith("That is all that I may spend on you today. A new day begins at 00:00 UTC, in ")
    assert len(model_server.asked) == 2
    assert tell(await stored(database))[-1] == "Three"
    assert (await database.usage.totals(user_id=person, bot_id=BOT_ID, at=until)).today_tokens == 0


async def test_stats_show_what_was_used(bot: Bot, bot_api: BotApi, database: Database, model: Model) -> None:
    """/stats has the person's own tokens, today and in all; nothing where no model was asked."""
    await feed(bot, database, model, "/stats", "One", "/stats")

    first, _, last = (sent["text"] for sent in bot_api.sent)
    assert "tokens" not in first
    assert "The model for you\nToday (UTC): 1 answer, 30 tokens read, 5 written\nIn all: 1 answer, 30" in last


async def test_window_by_the_tokens_of_the_model(
    bot: Bot, database: Database, model: Model, model_server: ModelServer
) -> None:
    """What the server counted makes the window larger than the first guess."""
    windows = Windows(context_tokens=300, prompt_characters=9)
    for turn in range(4):
        text = f"{turn}" * 190
        usage = {"prompt_tokens": 2_000, "completion_tokens": 1}
        model_server.behaves(says("Yes", usage=usage))
        await feed(bot, database, model, text, windows=windows)
    smaller = told(model_server)
    person = (await stored(database))[0].user_id or 0
    cost: dict[str, Any] = {"input_tokens": 100_000, "output_tokens": 0, "input_characters": 400_000}
    await database.usage.add(user_id=person, bot_id=BOT_ID, **cost)

    await feed(bot, database, model, "5" * 190, windows=windows)

    assert smaller < 441 < told(model_server)
