"""What the bot does when the Bot API refuses a request: the chat became another one, or is closed to it."""

from typing import Any, cast

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramForbiddenError, TelegramMigrateToChat
from aiogram.methods import (
    DeleteMessage,
    EditMessageText,
    ForwardMessage,
    GetChatMember,
    SendMessage,
    TelegramMethod,
)

from botcli.refusals import FollowMigration, NoteBlocked
from botcore import Database
from tests.botcli.bot_api import BOT_ID, RESET, BotApi, migrated, refused
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import PRIVATE, asked, message

SMALL: dict[str, Any] = {"id": -5, "type": "group", "title": "Engines"}
MOVED_TO = -1005


@pytest.fixture
def following_bot(bot: Bot, database: Database) -> Bot:
    """The bot as `botcli run` polls with it."""
    bot.session.middleware(FollowMigration(database))
    bot.session.middleware(NoteBlocked(database))
    return bot


@pytest.mark.usefixtures("following_bot")
async def test_answer_follows_the_group(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """The answer goes to the supergroup, and question and answer are one conversation there."""
    bot_api.fail("sendMessage", migrated(MOVED_TO))

    await feed(message=message("Hello", **asked(SMALL)))
    await feed(message=message("Again", **asked({**SMALL, "id": MOVED_TO, "type": "supergroup"})))

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


async def is_blocked(database: Database, telegram_chat_id: int = PRIVATE["id"], **key: Any) -> bool:
    """Whether it is noted that the bot cannot write in a chat."""
    chat = await database.chats.find(bot_id=BOT_ID, telegram_chat_id=telegram_chat_id, **key)
    return chat is not None and chat.blocked_at is not None


@pytest.mark.parametrize(
    ("status", "description"),
    [
        (403, "Forbidden: bot was blocked by the user"),
        (403, "Forbidden: user is deactivated"),
        (403, "Forbidden: bot was kicked from the supergroup chat"),
        (400, "Bad Request: chat not found"),
        (400, "Bad Request: group chat was deactivated"),
        (400, "Bad Request: have no rights to send a message"),
        (400, "Bad Request: not enough rights to send text messages to the chat"),
        (400, "Bad Request: need administrator rights in the channel chat"),
        (400, "Bad Request: CHAT_WRITE_FORBIDDEN"),
    ],
)
async def test_refusal_of_a_chat(
    following_bot: Bot, feed: Feed, bot_api: BotApi, database: Database, status: int, description: str
) -> None:
    """It is raised as ever and noted on the chat, until somebody writes there."""
    await feed(message=message("Hello"))
    bot_api.fail("sendMessage", refused(status, description))

    with pytest.raises(TelegramForbiddenError if status == 403 else TelegramBadRequest):
        await following_bot.send_message(PRIVATE["id"], "Hello?")

    assert await is_blocked(database)
    await feed(message=message("I am back"))
    assert not await is_blocked(database)
    assert len(bot_api.sent) == 2


@pytest.mark.parametrize("fault", [refused(400, "Bad Request: message is too long"), refused(500, "Internal"), RESET])
async def test_refusal_of_a_request(
    following_bot: Bot, feed: Feed, bot_api: BotApi, database: Database, fault: object
) -> None:
    """What is said of one request, or by a server in trouble, is not noted on the chat."""
    await feed(message=message("Hello"))
    bot_api.fail("sendMessage", fault)

    with pytest.raises(TelegramAPIError):
        await following_bot.send_message(PRIVATE["id"], "Hello?")

    assert not await is_blocked(database)


async def test_refusal_that_may_be_of_another(
    following_bot: Bot, feed: Feed, bot_api: BotApi, database: Database
) -> None:
    """A request that names a person or another chat as well, or a chat by its name, says nothing of a chat."""
    await feed(message=message("Hello"))
    for method in ("getChatMember", "forwardMessage", "sendMessage"):
        bot_api.fail(method, refused(403, "Forbidden: bot was kicked from the channel chat"))

    requests: list[TelegramMethod[Any]] = [
        GetChatMember(chat_id=PRIVATE["id"], user_id=8),
        ForwardMessage(chat_id=PRIVATE["id"], from_chat_id=-9, message_id=3),
        SendMessage(chat_id="@engines", text="Hello?"),
    ]
    for request in requests:
        with pytest.raises(TelegramForbiddenError):
            await following_bot(request)

    assert not await is_blocked(database)


async def test_refusal_in_a_business_chat(following_bot: Bot, feed: Feed, bot_api: BotApi, database: Database) -> None:
    """It is that chat's, not the bot's private chat with the same person; one of a chat not stored is nobody's."""
    for update in ({"message": message("Hello")}, {"business_message": message("Hello", business_connection_id="b")}):
        await feed(**update)
    bot_api.fail("sendMessage", *[refused(403, "Forbidden: user is deactivated") for _ in range(2)])

    for chat_id in (PRIVATE["id"], 99):
        with pytest.raises(TelegramForbiddenError):
            await following_bot.send_message(chat_id, "Hello?", business_connection_id="b")

    assert [await is_blocked(database, business_connection_id=each) for each in ("", "b")] == [False, True]
    assert len(await database.chats.page()) == 2


async def test_refusal_of_the_supergroup(following_bot: Bot, feed: Feed, bot_api: BotApi, database: Database) -> None:
    """Where the group tells what it became and that one refuses, it is the one chat of both that is blocked."""
    await feed(message=message("Hello", **asked(SMALL)))
    bot_api.fail(
        "sendMessage", migrated(MOVED_TO), refused(403, "Forbidden: bot is not a member of the supergroup chat")
    )

    with pytest.raises(TelegramForbiddenError):
        await following_bot.send_message(SMALL["id"], "Hello?")

    assert [await is_blocked(database, each) for each in (SMALL["id"], MOVED_TO)] == [True, True]


async def test_refusal_without_a_database(
    bot: Bot, bot_api: BotApi, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller learns what Telegram said, whatever the database says to that."""
    async with database.transaction() as ended:
        pass
    bot.session.middleware(NoteBlocked(cast("Database", ended)))
    bot_api.fail("sendMessage", refused(403, "Forbidden: bot was blocked by the user"))

    with pytest.raises(TelegramForbiddenError):
        await bot.send_message(PRIVATE["id"], "Hello?")

    assert [(r.getMessage(), r.__dict__["error"]) for r in caplog.records if r.levelname == "WARNING"] == [
        ("refusal not noted", "Unavailable")
    ]
