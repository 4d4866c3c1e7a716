"""/privacy, /export and /forget: what a person may know and decide about what is kept."""

import asyncio
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiogram import Bot, Dispatcher

from botcli import serving
from botcli.handlers import privacy
from botcli.replies.echo import Echo
from botcli.terminal import Terminal
from botcore import Database
from tests.botcli.bot_api import TOKEN, BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, ANONYMOUS, ASKED, GROUP, SENT_AT, message
from tests.dumps import dump, found

ID = 7_000_123_457
ZOE: dict[str, Any] = {
    "id": ID,
    "is_bot": False,
    "first_name": "Zo\u00eb-canary",
    "last_name": "\u00dcnal-canary",
    "username": "zoe_canary",
    "language_code": "qx",
}
ALONE: dict[str, Any] = {"id": ID, "type": "private", "first_name": "Zo\u00eb-canary", "username": "zoe_canary"}
WORDS: list[str | int] = ["canary", "Canary", "Zo\u00eb", "\u00dcnal", "qx", ID, "/forget", "/start", "pineapple"]


def zoe(text: str, **changes: Any) -> dict[str, Any]:
    """A private message of hers."""
    return message(text, **{"sender": ZOE, "chat": ALONE} | changes)


async def talk(feed: Feed, dispatcher: Dispatcher, other_bot: Bot) -> None:
    """She talks and edits in private, in a group, over a business account, and with another bot; others talk too."""
    first = zoe("canary one")
    await feed(message=zoe("/start"))
    await feed(message=first)
    await feed(edited_message=zoe("canary two", message_id=first["message_id"], edit_date=SENT_AT + 5))
    await feed(message=zoe("hidden canary"))
    await feed(message=zoe("/new"))
    await feed(message=zoe("canary three", **ASKED))
    await feed(message=message("Ada's own", **ASKED))
    business = {"chat": ALONE, "business_connection_id": "connection"}
    await feed(business_message=message("canary four", sender=ZOE, **business))
    await feed(business_message=message("canary five", **business))
    await dispatcher.feed_raw_update(other_bot, {"update_id": 1, "message": zoe("canary six")})


async def test_forget_leaves_nothing_in_a_dump(
    feed: Feed, dispatcher: Dispatcher, bot_api: BotApi, database: Database, database_url: str, psql_binaries: Path
) -> None:
    """After /forget yes a dump of the whole database has no text, name or id of theirs but the receipt's numbers."""
    other_bot = serving.open_bot(f"43:{TOKEN.partition(':')[2]}", bot_api.url)
    dispatcher.errors.handlers.clear()  # the other bot's replies reach nobody
    with pytest.raises(Exception, match="Unauthorized"):
        await talk(feed, dispatcher, other_bot)
    await other_bot.session.close()
    assert len(found(dump(psql_binaries, database_url), WORDS)) > 10

    await feed(message=(asked := zoe("/forget")))
    await feed(message=(repeated := zoe("/forget yes")))

    rest = dump(psql_binaries, database_url)
    [receipt] = await database.users.erasures()
    answer = bot_api.sent[-1]["text"]
    assert found(rest, WORDS) == []
    assert [line.split("'")[0] for line in found(rest, [receipt.person])] == [
        "INSERT INTO public.erasures VALUES (",
        "INSERT INTO public.refusals VALUES (",
    ]
    assert (receipt.users, receipt.chats, receipt.versions) == (1, 3, 2)
    for number in (receipt.messages, receipt.person, f"{receipt.erased_at:%H:%M:%S}"):
        assert str(number) in answer
    assert found(answer, WORDS) == []
    # everybody else's is still there
    assert [each.content for each in await stored(database, GROUP["id"])] == ["Ada's own", "Ada's own"]

    # and all of it delivered again changes nothing
    sent = len(bot_api.sent)
    for update in (asked, repeated, zoe("canary one"), zoe("canary three", chat=GROUP), zoe("/start")):
        await feed(message=update)
    await feed(edited_message=zoe("canary two", edit_date=SENT_AT + 5))
    await feed(business_message=message("canary five", chat=ALONE, business_connection_id="connection"))
    assert dump(psql_binaries, database_url) == rest
    assert len(bot_api.sent) == sent


async def test_forget_alone_asks_first(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """/forget removes nothing until it is repeated with yes."""
    await feed(message=message("Hello"))

    for text in ("/forget", "/forget no", "/forget yes please"):
        await feed(message=message(text))

    assert {each["text"] for each in bot_api.sent[1:]} == {bot_api.sent[1]["text"]}
    assert "/forget yes" in bot_api.sent[1]["text"]
    assert len(await stored(database)) == 2


@pytest.mark.parametrize("text", ["/forget yes", "/Forget YES", "/forget@our_bot  yes "])
async def test_forget_yes_in_a_group(feed: Feed, database: Database, text: str) -> None:
    """Said in a group it means everywhere."""
    await feed(message=message("Hello"))

    await feed(message=message(text, chat=GROUP))

    assert await database.users.page() == []
    assert [chat.type for chat in await database.chats.page()] == ["supergroup"]
    assert await stored(database) == []


async def test_forget_by_somebody_who_comes_back(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What is said later is recorded and answered as from anybody new."""
    await feed(message=message("/forget yes"))
    # Telegram dates by the second
    await asyncio.sleep(1.1)

    await feed(message=message("Hello again", date=int(time.time())))

    assert [each.content for each in await stored(database)] == ["Hello again", "Hello again"]
    assert len(bot_api.sent) == 2


async def test_forget_by_somebody_who_opted_out(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What was recorded before goes, and they stay opted out."""
    await feed(message=message("Hello"))
    await feed(message=message("/privacy off"))

    await feed(message=message("/forget yes"))

    assert "Messages: 3\n" in bot_api.sent[-1]["text"]
    assert await database.users.page() == []
    assert await database.users.opted_out(telegram_user_id=7)


async def test_privacy_says_what_is_kept(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """/privacy names the commands and whether recording is on; it is no part of the dialogue."""
    await feed(message=message("/privacy"))
    await feed(message=message("/privacy maybe"))

    text = bot_api.sent[0]["text"]
    assert bot_api.sent[1]["text"] == text
    assert [word in text for word in ("/export", "/forget", "/privacy off", "/privacy on")] == [True] * 4
    assert text.endswith("The recording is on.")
    assert await stored(database) == []


async def test_privacy_off_and_on(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """Between the two nothing is recorded; each says when it changed nothing."""
    later = int((datetime.now(UTC) + timedelta(seconds=5)).timestamp())
    for text in ("/privacy off", "/privacy OFF", "/privacy", "/export", "/privacy on", "/privacy on"):
        await feed(message=message(text, date=later))
    kept = await database.users.kept(telegram_user_id=7)

    await feed(message=message("Hello", date=later))

    texts = [each["text"] for each in bot_api.sent]
    assert texts[0].startswith("From now on I record nothing")
    assert texts[1] == "I record nothing of you already."
    assert texts[2].endswith("The recording is off.")
    assert texts[4].startswith("From now on I record again")
    assert texts[5] == "I record what you write already."
    # the first off, and the second on, which came when it was on again
    assert kept.messages == 2
    assert [each.content for each in await stored(database)] == ["Hello", "Hello"]


async def test_export_in_private(feed: Feed, bot_api: BotApi) -> None:
    """/export sends everything live, across chats, as JSON Lines that end with a manifest of their hash."""
    await feed(message=message("Gr\u00fc\u00dfe \x9b"))
    await feed(message=message("In the group", **ASKED))
    await feed(message=message("Not mine", **ASKED, sender={**ADA, "id": 8}))

    await feed(message=message("/export"))

    document = bot_api.sent[-1]
    *lines, last = document["text"].splitlines(keepends=True)
    rows, manifest = [json.loads(line) for line in lines], json.loads(last)
    assert document["document"] == "botcore-export.jsonl"
    assert [row["type"] for row in rows] == ["user", *["chat", "message", "message"] * 2]
    assert [row["content"] for row in rows if row["type"] == "message"][::2] == ["Gr\u00fc\u00dfe \x9b", "In the group"]
    assert "\x9b" not in document["text"]
    assert rows[1]["chat_type"] == "private"
    assert (manifest["type"], manifest["format"], manifest["version"]) == ("manifest", "botcore-export", 1)
    assert manifest["telegram_user_id"] == 7
    nothing = dict.fromkeys(("state", "preferences", "usage", "update"), 0)
    assert manifest["counts"] == {"user": 1, "chat": 2, "message": 4, "version": 0} | nothing
    assert manifest["hidden"] == {"user": 0, "chat": 0, "message": 1}
    assert manifest["sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()


async def test_export_in_a_group(feed: Feed, bot_api: BotApi) -> None:
    """Where others read along there is no file, but the way to it."""
    await feed(message=message("/export", chat=GROUP))

    assert "private chat" in bot_api.sent[0]["text"]
    assert "document" not in bot_api.sent[0]


async def test_export_beyond_what_telegram_takes(feed: Feed, bot_api: BotApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file too large for a bot to send is not sent: the operator has it."""
    monkeypatch.setattr(privacy, "_MEGABYTE", 10)
    await feed(message=message("x" * 500))

    await feed(message=message("/export"))

    assert "ask my operator" in bot_api.sent[-1]["text"]
    assert "document" not in bot_api.sent[-1]


@pytest.mark.parametrize("text", ["/privacy", "/privacy off", "/export", "/forget yes"])
async def test_privacy_of_an_anonymous_admin(feed: Feed, bot_api: BotApi, database: Database, text: str) -> None:
    """Who is no person is told so, and nothing is switched or erased."""
    await feed(message=message(text, chat=GROUP, sender=ANONYMOUS, sender_chat=GROUP))

    assert bot_api.sent[0]["text"].startswith("I keep nothing about")
    assert await database.users.erasures() == []
    assert not await database.users.opted_out(telegram_user_id=ANONYMOUS["id"])


async def test_export_and_forget_in_the_terminal(database: Database) -> None:
    """The terminal shows the lines of the file, and forgets as Telegram's bot does."""
    terminal = Terminal(database, Echo())

    await terminal.say("hello")
    [exported] = await terminal.say("/export")
    await terminal.say("/forget yes")

    assert [json.loads(line)["type"] for line in exported.text.splitlines()] == [
        *("user", "chat", "message", "message", "manifest")
    ]
    assert (await database.users.page(), await database.chats.page()) == ([], [])
