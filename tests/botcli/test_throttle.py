"""TURNS_PER_MINUTE: so many answers for a person, told once where there are no more, and nothing lost."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import Update

from botcli.bot import build_dispatcher
from botcli.journal import Handling
from botcli.replies.echo import Echo
from botcore import Database
from tests.botcli.bot_api import BOT_ID, BotApi, refused
from tests.botcli.conftest import stored
from tests.botcli.updates import ADA, ASKED, GROUP, message

Say = Callable[..., Awaitable[None]]
BOB = {**ADA, "id": 8}


@pytest.fixture
def say(database: Database, bot: Bot) -> Say:
    """Says something to one of two processes of a bot that answers twice a minute."""
    dispatchers = [build_dispatcher(database, Echo(), turns_per_minute=2) for _ in range(2)]

    async def say(text: str, process: int = 0, **fields: Any) -> None:
        await dispatchers[process].feed_raw_update(bot, {"update_id": 1, "message": message(text, **fields)})

    return say


async def test_throttle_tells_once_and_loses_nothing(
    say: Say, bot_api: BotApi, database: Database, connection: psycopg.Connection
) -> None:
    """Beyond the limit one message is said, what came is stored, others are answered, and /retry answers it later."""
    for text in ("One", "Two", "Three", "Four"):
        await say(text)
    await say("Bob's", sender=BOB, chat={"id": 8, "type": "private", "first_name": "Bob"})
    await say("/retry")
    connection.execute("UPDATE throttles SET asked_at = '{}'")
    connection.commit()
    await say("/retry")

    one, two, told, bobs, four = (sent["text"] for sent in bot_api.sent)
    assert (one, two, bobs, four) == ("One", "Two", "Bob's", "Four")
    assert told.startswith("Not so fast: I answer 2 messages a minute. I go on in 6")
    assert told.endswith(" s. Then /retry answers what you said last.")
    said = [each.content for each in await stored(database) if each.role == "user"]
    assert said == ["One", "Two", "Three", "Four"]


async def test_throttle_in_russian(say: Say, bot_api: BotApi) -> None:
    """All that is said of it is in the person's language."""
    for text in ("Раз", "Два", "Три"):
        await say(text, sender={**ADA, "language_code": "ru"})

    words = bot_api.sent[-1]["text"].split()
    assert len(words) > 10
    assert not [word for word in words if word.isascii() and word.isalpha()]


async def test_throttle_of_two_processes(say: Say, bot_api: BotApi) -> None:
    """However many processes are asked at once, there are so many answers and no more, and one is told."""
    await say("/start")

    await asyncio.gather(*(say(str(number), number % 2) for number in range(8)))

    told = [sent["text"] for sent in bot_api.sent[1:]]
    assert len(told) == 3
    assert sum(text.startswith("Not so fast") for text in told) == 1


async def test_throttle_tells_in_each_chat(say: Say, bot_api: BotApi) -> None:
    """Who is throttled by what they said elsewhere is told so where they speak, once there."""
    for text in ("One", "Two", "Three", "Four"):
        await say(text)
    for text in ("Five", "Six"):
        await say(text, **ASKED)

    told = [sent["chat_id"] for sent in bot_api.sent if sent["text"].startswith("Not so fast")]
    assert told == ["7", str(GROUP["id"])]
    assert len(bot_api.sent) == 4


async def test_throttle_of_a_second_attempt(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """What is handled again takes no second place, and none for free: who was to be told so is told."""
    dispatcher = build_dispatcher(database, Echo(), turns_per_minute=2)
    [update] = await database.updates.add(bot_id=BOT_ID, updates=[{"update_id": 1}], worker="w", capacity=1)
    for text in ("One", "Two", "Three", "Four"):
        event = Update.model_validate({"update_id": 1, "message": message(text)}, context={"bot": bot})
        bot_api.fail("sendMessage", refused(400, "Bad Request: odd"))
        with suppress(TelegramBadRequest):
            await dispatcher.feed_update(bot, event, handling=Handling(database, update, 10))
        bot_api.heal()
        again = Handling(database, replace(update, attempts=2), 10)
        await dispatcher.feed_update(bot, event, handling=again)

    assert [sent["text"].partition(":")[0] for sent in bot_api.sent] == ["One", "Two", "Not so fast"]


async def test_throttle_of_who_opted_out(say: Say, bot_api: BotApi, database: Database) -> None:
    """Who is not recorded has no more answers than others, and nothing is stored of that."""
    await database.users.opt_out(telegram_user_id=7)

    for text in ("One", "Two", "Three"):
        await say(text)

    assert [sent["text"] for sent in bot_api.sent] == ["One", "Two"]
    assert await database.users.page() == []


async def test_throttle_in_a_business_chat(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """There nobody takes commands, and none is spoken of."""
    dispatcher = build_dispatcher(database, Echo(), turns_per_minute=1)

    for _ in range(2):
        business = message("Hi", business_connection_id="conn")
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "business_message": business})

    assert bot_api.sent[1]["text"].startswith("Not so fast: I answer 1 message a minute.")
    assert "/retry" not in bot_api.sent[1]["text"]
