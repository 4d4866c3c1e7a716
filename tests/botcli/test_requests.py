"""What the bot does when the Bot API refuses a request: the group that it answers in became a supergroup."""

from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramMigrateToChat
from aiogram.methods import DeleteMessage, EditMessageText, TelegramMethod

from botcli.requests import FollowMigration
from botcore import Database
from tests.botcli.bot_api import BOT_ID, BotApi, migrated, refused
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import message

SMALL: dict[str, Any] = {"id": -5, "type": "group", "title": "Engines"}
MOVED_TO = -1005


@pytest.fixture
def following_bot(bot: Bot, database: Database) -> Bot:
    """The bot as `botcli run` polls with it."""
    bot.session.middleware(FollowMigration(database))
    return bot


@pytest.mark.usefixtures("following_bot")
async def test_answer_follows_the_group(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """The answer goes to the supergroup, and question and answer are one conversation there."""
    bot_api.fail("sendMessage", migrated(MOVED_TO))

    await feed(message=message("Hello", chat=SMALL))
    await feed(message=message("Again", chat={**SMALL, "id": MOVED_TO, "type": "supergroup"}))

    assert [int(sent["chat_id"]) for sent in bot_api.sent] == [MOVED_TO, MOVED_TO]
    texts = [each.content for each in await stored(database, MOVED_TO)]
    assert texts == ["Hello", "Hello", "Again", "Again"]
    assert await stored(database, SMALL["id"]) == await stored(database, MOVED_TO)


async def test_request_that_names_messages(following_bot: Bot, bot_api: BotApi) -> None:
    """What the request answers has another id in the supergroup, so it is sent as no reply."""
    bot_api.fail("sendMessage", migrated(MOVED_TO))

    await following_bot.send_message(SMALL["id"], "Hello", reply_to_message_id=3)

    [refusal, sent] = bot_api.called("sendMessage")
    assert "reply_to_message_id" in refusal
    assert {"reply_to_message_id", "reply_parameters"} & sent.keys() == set()


async def test_other_refusals_are_raised(following_bot: Bot, bot_api: BotApi, database: Database) -> None:
    """A request that is refused for another reason, or names no chat by its number, fails as ever."""
    bot_api.fail("sendMessage", refused(400, "Bad Request: chat not found"), migrated(MOVED_TO))

    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await following_bot.send_message(SMALL["id"], "Hello")
    with pytest.raises(TelegramMigrateToChat):
        await following_bot.send_message("@engines", "Hello")

    assert await database.chats.successor(bot_id=BOT_ID, telegram_chat_id=SMALL["id"]) is None


@pytest.mark.parametrize("method", ["deleteMessage", "editMessageText"])
async def test_request_about_a_message_of_the_group(
    following_bot: Bot, bot_api: BotApi, database: Database, method: str
) -> None:
    """It is not sent again, for in the supergroup that id is another message's; the chats are joined all the same."""
    bot_api.fail(method, migrated(MOVED_TO))
    request: TelegramMethod[Any] = (
        DeleteMessage(chat_id=SMALL["id"], message_id=3)
        if method == "deleteMessage"
        else EditMessageText(text="Hi", chat_id=SMALL["id"], message_id=3)
    )

    with pytest.raises(TelegramMigrateToChat):
        await following_bot(request)

    assert len(bot_api.called(method)) == 1
    successor = await database.chats.successor(bot_id=BOT_ID, telegram_chat_id=SMALL["id"])
    assert successor
    assert successor.telegram_chat_id == MOVED_TO
