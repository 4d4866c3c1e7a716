"""/admin: for ADMIN_IDS; to all others there is no such command."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiogram import Bot
from pydantic import ValidationError

from botcli.bot import build_dispatcher
from botcli.replies.echo import Echo
from botcli.settings import BotSettings
from botcore import Database
from tests.botcli.bot_api import BOT_ID, BotApi
from tests.botcli.updates import ADA, GROUP, message
from tests.factories import update

Say = Callable[..., Awaitable[None]]
BOB = {**ADA, "id": 8, "language_code": "ru"}
BOBS: dict[str, Any] = {"sender": BOB, "chat": {"id": 8, "type": "private", "first_name": "Bob"}}


@pytest.fixture
def say(database: Database, bot: Bot) -> Say:
    """Says something to a bot of which Ada is an admin."""
    dispatcher = build_dispatcher(database, Echo(), admin_ids=frozenset({7}))

    async def say(text: str, **fields: Any) -> None:
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text, **fields)})

    return say


async def test_admin_sees_the_bot(say: Say, bot_api: BotApi, database: Database) -> None:
    """Version, health, what waits, what failed and of which class, the model's day, totals; of this bot."""
    await say("Hello")
    person = await database.users.find(telegram_user_id=7)
    assert person
    await database.usage.add(user_id=person.id, bot_id=BOT_ID, input_tokens=1_000, output_tokens=5)
    for number, bot_id in ((1, BOT_ID), (2, BOT_ID), (3, BOT_ID), (4, 1)):
        await database.updates.add(bot_id=bot_id, updates=[update(number, chat=number)], worker="w", capacity=1)
        error = "builtins.OSError" if number < 3 else "builtins.KeyError"
        await database.updates.fail(bot_id=bot_id, update_id=number, worker="w", error=error, max_failures=1)
    await database.updates.add(bot_id=BOT_ID, updates=[update(5)])

    await say("/admin")

    text = bot_api.sent[-1]["text"]
    assert text.startswith("botcore ")
    assert "This process has run for 0:" in text
    assert "Health: ok\ndatabase: ok" in text
    assert "Updates: 1 wait, the first for 0 s, 0 in work, 3 set aside\n" in text
    assert "\n2 x builtins.OSError\n1 x builtins.KeyError\n" in text
    assert "The model today (UTC), for 1 person: 1 answer, 1,000 tokens read, 5 written" in text
    assert "People: 1\nChats: 1\nMessages: 2 (1 from people, 1 from me)" in text


async def test_admin_to_others(say: Say, bot_api: BotApi) -> None:
    """Who is no admin has no such command, and /help does not list it; nor is it for a group, where others read."""
    in_group = {"chat": GROUP}
    for text, fields in (("/admin", BOBS), ("/help", BOBS), ("/help", {}), ("/admin", in_group), ("/help", in_group)):
        await say(text, **fields)

    unknown, help_, help_of_admins, help_in_a_group = (sent["text"] for sent in bot_api.sent)
    assert unknown == "Я не знаю команды /admin. /help покажет те, что знаю."
    assert "/admin" not in help_ + help_in_a_group
    assert help_of_admins.endswith("/admin - look after the bot")


@pytest.mark.parametrize(
    ("value", "ids"), [("7", {7}), (" 7, 8 ,", {7, 8}), ("", set()), ("900719925474099111", {900719925474099111})]
)
def test_admin_ids_of_the_environment(monkeypatch: pytest.MonkeyPatch, value: str, ids: set[int]) -> None:
    """Ids with commas between."""
    monkeypatch.setenv("ADMIN_IDS", value)

    assert BotSettings(_env_file=None).admin_ids == ids


@pytest.mark.parametrize("value", ["ada", "@ada", "7;8", "-100123", "7.5", "9" * 19, "\u0667"])
def test_admin_ids_that_are_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """What is no list of ids is refused, and what one looks like is said."""
    monkeypatch.setenv("ADMIN_IDS", value)

    with pytest.raises(ValidationError, match="like 123456789,987654321"):
        BotSettings(_env_file=None)
