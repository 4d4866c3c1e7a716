"""The menus of commands: by scope and language, beside the start; and what is no command."""

import asyncio
import json
from typing import Any

import pytest
from aiogram import Bot

from botcli import menus
from botcli.menus import COMMANDS
from botcore import Database
from tests.botcli.bot_api import PASS, RESET, BotApi, flood, refused
from tests.botcli.conftest import Feed, at_work, stored
from tests.botcli.updates import GROUP, message


def menu(call: dict[str, Any]) -> tuple[str, str, list[str]]:
    """Where a menu is shown, in which language, and its commands."""
    scope = json.loads(call["scope"])
    where = f"{scope['type']} {scope.get('chat_id', '')}".strip()
    return where, call.get("language_code", ""), [each["command"] for each in json.loads(call["commands"])]


async def test_register_each_scope_and_language(bot: Bot, bot_api: BotApi) -> None:
    """Private chats have every command, groups those that are of use there, each admin one more; in two languages."""
    await menus.register(bot, [7])

    calls = bot_api.called("setMyCommands")
    shown = {(where, language): commands for where, language, commands in map(menu, calls)}
    assert shown["default", ""] == shown["all_private_chats", "ru"] == list(COMMANDS)
    assert shown["chat 7", ""] == [*COMMANDS, "admin"]
    assert set(COMMANDS) - set(shown["all_group_chats", ""]) == {"start", "export", "forget"}
    assert len(calls) == len(shown) == 8
    assert {each["description"] for each in json.loads(calls[0]["commands"])} == set(COMMANDS.values())
    assert json.loads(calls[1]["commands"])[0]["description"] == "поздороваться"


async def test_register_for_who_never_wrote(bot: Bot, bot_api: BotApi, caplog: pytest.LogCaptureFixture) -> None:
    """An admin whose chat Telegram does not know yet has no menu, and the log says whose; the next one has."""
    bot_api.fail("setMyCommands", *[PASS] * 6, *(refused(400, "Bad Request: chat not found") for _ in range(2)))

    await menus.register(bot, [7, 8])

    assert menu(bot_api.called("setMyCommands")[-1])[0] == "chat 8"
    assert [getattr(record, "telegram_chat_id", None) for record in caplog.records] == [7, 7]


async def test_register_holds_nothing_up(
    bot: Bot, bot_api: BotApi, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that has the menus wait, for seconds or an hour, or breaks off, neither delays the work nor ends it."""
    for fault in (flood(20), RESET, flood(3_600)):
        bot_api.fail("setMyCommands", fault)
        bot_api.deliver(message=message("Hello"))

        async with asyncio.timeout(10), at_work(bot, database):
            await bot_api.replies(len(bot_api.sent) + 1)
            await bot_api.confirmed()

    assert [sent["text"] for sent in bot_api.sent] == ["Hello", "Hello", "Hello"]
    assert sum(record.message.startswith("no menus") for record in caplog.records) == 1


async def test_unknown_command(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """In a private chat it is named as unknown and no part of the dialogue; a path or the like is said as any text."""
    for text in ("/wat", "/wat@our_bot now", "/Привет", "/etc/passwd", "/ new", "/wat@other_bot"):
        await feed(message=message(text))
    await feed(message=message("/wat@our_bot", chat=GROUP))

    unknown = "I do not know /wat. /help lists what I know."
    assert [sent["text"] for sent in bot_api.sent] == [unknown, unknown, "/Привет", "/etc/passwd", "/ new"]
    said = [each.content for each in await stored(database) if each.role == "user"]
    assert said == ["/Привет", "/etc/passwd", "/ new", "/wat@other_bot"]
    assert [each.content for each in await stored(database, GROUP["id"])] == ["/wat@our_bot"]
