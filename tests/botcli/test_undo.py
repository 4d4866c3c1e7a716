"""/undo: the newest question goes with its answers, once for each command."""

import asyncio

from aiogram import Bot

from botcore import Database
from tests.botcli.bot_api import BotApi, refused
from tests.botcli.conftest import Feed, all_done, at_work, stored
from tests.botcli.updates import ADA, ASKED, GROUP, PHOTO, message


async def contents(database: Database, chat: int = 7) -> list[str]:
    """What is left of what was said."""
    return [each.content for each in await stored(database, chat)]


async def test_undo_twice_goes_further_back(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """Each /undo takes back one question with its answer, says which, and at the end that there is none."""
    for text in ("One", "Two\nlines", "/undo", "/undo", "/undo"):
        await feed(message=message(text))

    assert [sent["text"] for sent in bot_api.sent[2:]] == [
        "Taken back: Two lines\nWith it goes 1 answer of mine.",
        "Taken back: One\nWith it goes 1 answer of mine.",
        "There is nothing to take back.",
    ]
    assert await contents(database) == []


async def test_undo_delivered_again(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A redelivered /undo takes back nothing more and is not answered again."""
    for text in ("One", "Two"):
        await feed(message=message(text))
    undo = message("/undo")
    await feed(message=undo)

    await asyncio.gather(*(feed(update_id=number, message=undo) for number in (2, 3)))

    assert len(bot_api.sent) == 3
    assert await contents(database) == ["One", "One"]


async def test_undo_at_once(feed: Feed, database: Database) -> None:
    """Two different /undo at the same moment take back two questions."""
    for text in ("One", "Two", "Three"):
        await feed(message=message(text))

    await asyncio.gather(*(feed(update_id=number, message=message("/undo")) for number in (2, 3)))

    assert await contents(database) == ["One", "One"]


async def test_undo_answered_at_the_second_attempt(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """What was taken back before the answer failed is not followed by the question before it."""
    async with at_work(bot, database):
        for text in ("One", "Two"):
            bot_api.deliver(message=message(text))
        await bot_api.replies(2)
        bot_api.fail("sendMessage", refused(400, "Bad Request: odd"))
        bot_api.deliver(message=message("/undo"))
        await bot_api.replies(3)
        await all_done(database)

    assert bot_api.sent[2]["text"] == "If there was something to take back, that is done."
    assert await contents(database) == ["One", "One"]


async def test_undo_of_an_album(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """Pictures after the question's words go with it; without any words the newest picture goes."""
    await feed(message=message(None, photo=PHOTO))
    await feed(message=message(None, photo=PHOTO, caption="What is this?", media_group_id="a"))
    await feed(message=message(None, photo=PHOTO, media_group_id="a"))

    await feed(message=message("/undo"))
    left = len(await stored(database))
    await feed(message=message("/undo"))

    assert left == 1
    assert bot_api.sent[-2]["text"] == "Taken back: What is this?\nWith it goes 1 answer of mine."
    assert bot_api.sent[-1]["text"] == "Taken back: [photo]"
    assert await stored(database) == []


async def test_undo_in_a_group(feed: Feed, database: Database) -> None:
    """What others and other topics have stays, and what the person said to others or to another bot since."""
    bob, topic = {**ADA, "id": 8}, {"message_thread_id": 5, "is_topic_message": True}
    await feed(message=message("Ada's", **ASKED))
    await feed(message=message("In the topic", **ASKED, **topic))
    await feed(message=message("Bob's", **ASKED, sender=bob))
    for text in ("To others", "/wat@other_bot"):
        await feed(message=message(text, chat=GROUP))

    left = []
    for _ in range(3):
        await feed(message=message("/undo", chat=GROUP))
        left.append(await contents(database, GROUP["id"]))

    stays = ["In the topic", "In the topic", "Bob's", "Bob's"]
    without = [*stays, "/wat@other_bot"]
    assert left == [[*stays, "To others", "/wat@other_bot"], without, without]


async def test_undo_of_who_opted_out(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """There is no dialogue, and what was stored before stays."""
    await feed(message=message("One"))
    await database.users.opt_out(telegram_user_id=7)

    await feed(message=message("/undo"))

    assert bot_api.sent[-1]["text"].startswith("Nothing is recorded")
    assert await contents(database) == ["One", "One"]
