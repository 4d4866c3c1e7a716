"""/stats with a picture: beside the event loop, one at a time, and never in place of what is told."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from aiogram import Dispatcher

from botcli import pictures
from botcli.bot import build_dispatcher
from botcli.languages import catalogs
from botcli.overview import Rows, Words
from botcli.pictures import Pictures
from botcli.replies.echo import Echo
from botcore import Database
from tests.botcli.bot_api import BotApi, flood, refused
from tests.botcli.conftest import Feed, all_done, at_work
from tests.botcli.updates import ADA, GROUP, message
from tests.factories import said

NOW = int(datetime.now(UTC).timestamp())
RUSSIAN = {**ADA, "language_code": "ru"}
Drawn = list[tuple[Rows, Rows, str, Words]]


@pytest.fixture
def dispatcher(database: Database) -> Dispatcher:
    """The dispatcher of every front, with the echo and with pictures."""
    return build_dispatcher(database, Echo(), pictures=Pictures())


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """What was to be drawn: a PNG takes a second, and what stands in it nobody reads."""
    given = Drawn()

    def draw(*arguments: Any) -> bytes:
        given.append(arguments)
        return b"PNG"

    monkeypatch.setattr(pictures, "_draw", draw)
    return given


async def test_stats_with_a_picture(feed: Feed, bot_api: BotApi) -> None:
    """One message has both; without anything said lately there is no picture, and the same text."""
    await feed(message=message("/stats"))
    await feed(message=message("Hello", date=NOW))
    await feed(message=message("/stats"))

    before, _, after = bot_api.sent
    assert "photo" not in before
    assert before["text"].startswith("Our dialogue\nMessages: 0 ")
    assert after["photo"].startswith(b"\x89PNG\r\n\x1a\n")
    assert after["caption"].startswith("Our dialogue\nMessages: 2 (1 from you, 1 from me)\n")
    assert "All dialogues\nPeople: 1\n" in after["caption"]


async def test_picture_of_a_private_chat(feed: Feed, database: Database, drawn: Drawn) -> None:
    """It is the person's own, in their language; what others say elsewhere, or what is hidden, is not in it."""
    await said(database, bot_id=42, telegram_user_id=8, sent_at=datetime.now(UTC))
    await feed(message=message("Hidden", date=NOW, sender=RUSSIAN))
    await feed(message=message("/new", sender=RUSSIAN))
    await feed(message=message("Hello", date=NOW, sender=RUSSIAN))

    await feed(message=message("/stats", sender=RUSSIAN))

    [(daily, hours, title, words)] = drawn
    assert [sum(day.user_messages for day in daily), sum(hour.messages for hour in hours)] == [1, 1]
    assert title.startswith("Этот чат, ")
    assert (words.people, words.day, words.weekdays[0]) == ("от вас", "день (UTC)", "пн")
    assert len(words.days) == len(daily) == 30
    assert "Ada" not in str(drawn)


async def test_picture_of_a_group(feed: Feed, drawn: Drawn) -> None:
    """It is of all who are there together, without any name; who is no person gets the text."""
    bob = {**ADA, "id": 8, "first_name": "Bob"}
    await feed(message=message("One", chat=GROUP, date=NOW))
    await feed(message=message("Two", chat=GROUP, date=NOW, sender=bob))

    await feed(message=message("/stats", chat=GROUP))

    [(daily, _, title, words)] = drawn
    assert sum(day.user_messages for day in daily) == 2
    assert (words.people, words.by_hour) == ("from people", "People's messages by weekday and hour")
    assert title.startswith("This chat, ")
    assert not [name for name in ("Ada", "Bob", "Engines") if name in str(drawn)]


@pytest.mark.parametrize(
    "refusal",
    [
        refused(400, "Bad Request: not enough rights to send photos to the chat"),
        refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"),
        refused(413, "Request Entity Too Large"),
    ],
    ids=["rights", "dimensions", "size"],
)
async def test_picture_that_telegram_refuses(
    bot: Any, bot_api: BotApi, database: Database, drawn: Drawn, refusal: Any
) -> None:
    """The text arrives as ever, once, and the update is done."""
    bot_api.fail("sendPhoto", refusal)
    async with at_work(bot, database):
        bot_api.deliver(message=message("Hello", date=NOW))
        bot_api.deliver(message=message("/stats"))
        texts = await bot_api.replies(2)
        await all_done(database)

    assert len(drawn) == 1
    assert texts[1].startswith("Our dialogue\nMessages: 2 ")
    assert [(len(bot_api.called(name))) for name in ("sendPhoto", "sendMessage")] == [1, 2]


async def test_picture_is_sent_once(bot: Any, bot_api: BotApi, database: Database, drawn: Drawn) -> None:
    """It waits where Telegram says so; where nobody can say whether it arrived, it is neither made again nor told."""
    async with at_work(bot, database):
        bot_api.deliver(message=message("Hello", date=NOW))
        await bot_api.replies(1)
        bot_api.fail("sendPhoto", flood(1))
        bot_api.deliver(message=message("/stats"))
        await bot_api.replies(2)
        bot_api.fail("sendPhoto", refused(502, "Bad Gateway"))
        bot_api.deliver(message=message("/stats"))
        await all_done(database)

    assert len(drawn) == 2
    assert [len(bot_api.called(name)) for name in ("sendPhoto", "sendMessage")] == [3, 1]


async def test_picture_that_cannot_be_drawn(
    feed: Feed, bot_api: BotApi, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The text is sent, and the log says why."""

    def draw(*_: Any) -> bytes:
        raise RuntimeError("no font")

    monkeypatch.setattr(pictures, "_draw", draw)
    await feed(message=message("Hello", date=NOW))

    await feed(message=message("/stats"))

    assert bot_api.sent[-1]["text"].startswith("Our dialogue\n")
    assert [record.getMessage() for record in caplog.records] == ["no picture: it cannot be drawn"]


async def test_picture_without_its_figures(
    database: Database,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Where they cannot be read, or not in time, there is none; what is told by words is not held up by an error."""
    chat_id = (await said(database, sent_at=datetime.now(UTC))).message.chat_id
    monkeypatch.setattr(pictures, "_SECONDS", 0.3)
    with connection.transaction():
        connection.execute("LOCK TABLE messages")
        slow = await Pictures().of_chat(database, chat_id, is_private=True)
    monkeypatch.setattr(pictures, "_SECONDS", 20)
    connection.execute("ALTER TABLE messages RENAME TO gone")
    failed = await Pictures().of_chat(database, chat_id, is_private=True)

    assert (slow, failed) == (None, None)
    assert [record.getMessage() for record in caplog.records] == [
        "no picture: it took too long",
        "no picture: its figures cannot be read",
    ]


async def test_pictures_one_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While one is drawn the event loop goes on; who would wait for too long, or as the fifth, gets none at all."""
    begun, may_end = list[str](), threading.Event()

    def draw(*arguments: Any) -> bytes:
        begun.append(arguments[2])
        may_end.wait(20)
        return b"PNG"

    monkeypatch.setattr(pictures, "_draw", draw)
    monkeypatch.setattr(pictures, "_SECONDS", 1.0)
    chat_id = (await said(database, sent_at=datetime.now(UTC) - timedelta(hours=1))).message.chat_id
    one = Pictures()
    with catalogs().context():
        crowd = await asyncio.gather(*(one.of_chat(database, chat_id, is_private=True) for _ in range(6)))
        begun_before = len(begun)
        may_end.set()
        monkeypatch.setattr(pictures, "_SECONDS", 20)
        after = await one.of_chat(database, chat_id, is_private=True)

    assert crowd == [None] * 6
    assert len(caplog.records) == 4
    assert (begun_before, len(begun), after) == (1, 2, b"PNG")
