"""People of whom nothing is to be recorded: who opted out is answered all the same, who was erased stays so."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies import Reply
from botcore import Database, Message
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, ASKED, GROUP, PHOTO, SENT_AT, message


async def test_text_of_who_opted_out(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """They are answered by this message alone, which is stored nowhere, nor is the answer; others go on as ever."""
    windows: list[list[tuple[str, str]]] = []

    class Listener:
        async def reply(self, window: Sequence[Message], *_: object) -> Reply:
            windows.append([(m.role, m.content) for m in window])
            return Reply("Aha")

    dispatcher = build_dispatcher(database, Listener())
    bob = {**ADA, "id": 8}
    await database.users.opt_out(telegram_user_id=7)

    for sender, text in ((ADA, "One"), (bob, "Bob's"), (ADA, "Two")):
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text, **ASKED, sender=sender)})

    assert windows == [[("user", "One")], [("user", "Bob's")], [("user", "Two")]]
    assert [sent["text"] for sent in bot_api.sent] == ["Aha"] * 3
    assert [m.content for m in await stored(database, GROUP["id"])] == ["Bob's", "Aha"]
    assert [person.telegram_user_id for person in await database.users.page()] == [8]


async def test_text_of_who_opted_out_after_a_talk(
    feed: Feed, bot_api: BotApi, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """What was stored before stays, edits pass without an error, and after they opted in the dialogue goes on."""
    await feed(message=message("One"))
    await database.users.opt_out(telegram_user_id=7)
    await feed(message=message("Two"))
    await feed(edited_message=message("Three", edit_date=int(time.time()) + 60))
    await database.users.opt_in(telegram_user_id=7)
    await feed(message=message("Four"))

    assert [m.content for m in await stored(database)] == ["One", "One", "Four", "Four"]
    assert [sent["text"] for sent in bot_api.sent] == ["One", "Two", "Four"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("fields", [{"photo": PHOTO}, {"photo": PHOTO, "chat": GROUP}])
async def test_photo_of_who_opted_out(feed: Feed, bot_api: BotApi, database: Database, fields: dict[str, Any]) -> None:
    """What is not answered otherwise is not answered now; not even the chat becomes known."""
    await database.users.opt_out(telegram_user_id=7)

    await feed(message=message(None, **fields))

    assert await database.chats.page() == []
    assert bot_api.sent == []


async def test_text_of_who_opted_out_meanwhile(
    bot: Bot, bot_api: BotApi, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Who opts out while the answer is made still gets it; it is not stored, and that is no error."""

    class Slow:
        async def reply(self, window: Sequence[Message], *_: object) -> Reply:
            await database.users.opt_out(telegram_user_id=7)
            return Reply(f"Late {len(window)}")

    await build_dispatcher(database, Slow()).feed_raw_update(bot, {"update_id": 1, "message": message("One")})

    assert [sent["text"] for sent in bot_api.sent] == ["Late 1"]
    assert [m.content for m in await stored(database)] == ["One"]
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("/start", "Hello!"),
        ("/help", "/start - say hello"),
        ("/stats", "People: 0"),
        ("/new", "Nothing is recorded since you opted out; /privacy on changes that."),
        ("/history", "Nothing is recorded since you opted out; /privacy on changes that."),
        ("/search fox", "Nothing is recorded since you opted out; /privacy on changes that."),
    ],
)
async def test_command_of_who_opted_out(
    feed: Feed, bot_api: BotApi, database: Database, text: str, answer: str
) -> None:
    """What needs no dialogue works; what does says in a sentence that there is none, and how to have one."""
    await database.users.opt_out(telegram_user_id=7)

    await feed(message=message(text))

    assert [sent["text"].startswith(answer) for sent in bot_api.sent] == [True]
    assert (await database.chats.page(), await database.users.page()) == ([], [])


async def test_command_of_who_opted_out_in_their_language(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """They are told so in the language that they chose before, and that it is not kept when they choose another."""
    await feed(message=message("/settings ru"))
    await database.users.opt_out(telegram_user_id=7)

    for text in ("/history", "/settings en"):
        await feed(message=message(text))

    told = [sent["text"] for sent in bot_api.sent[1:]]
    assert ["/privacy on возобновит" in text for text in told] == [True, True]


async def test_text_of_who_was_erased(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What they sent before the erasure and what is delivered again is neither stored nor answered; later texts are."""
    await database.users.erase(telegram_user_id=7)

    for text in ("Hello", "/help", "/new"):
        await feed(message=message(text))
    await feed(message=message(None, photo=PHOTO))
    await feed(edited_message=message("Hello", edit_date=SENT_AT + 10))
    nothing = (await database.chats.page(), await database.users.page(), list(bot_api.sent))
    await feed(message=message("Back", date=int(time.time()) + 60))

    assert nothing == ([], [], [])
    # the answer itself is stored from the next second on: Telegram dates by seconds
    assert "Back" in [m.content for m in await stored(database)]
    assert [sent["text"] for sent in bot_api.sent] == ["Back"]
