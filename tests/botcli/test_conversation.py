"""What each kind of update does: stored or not, answered or not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies import Reply
from botcore import Database, Message
from tests.botcli.bot_api import BotApi, refused
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, ANONYMOUS, ASKED, CHANNEL, GROUP, PHOTO, PRIVATE, SENT_AT, US, message


async def test_text_private(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A private text is stored, answered, and the answer stored as a reply to it."""
    await feed(message=message("Hello", message_id=501))

    question, answer = await stored(database)
    assert (question.role, question.content, question.telegram_message_id) == ("user", "Hello", 501)
    assert question.sent_at == datetime.fromtimestamp(SENT_AT, UTC)
    assert (answer.role, answer.content, answer.telegram_message_id) == ("assistant", "Hello", 1_001)
    assert (answer.user_id, answer.reply_to_id) == (question.user_id, question.id)
    assert bot_api.sent == [{"chat_id": "7", "text": "Hello"}]


async def test_text_sender_as_telegram_has_them(feed: Feed, database: Database) -> None:
    """The person is stored under Telegram's names."""
    await feed(message=message())

    person = await database.users.find(telegram_user_id=7)
    assert person
    assert (person.first_name, person.last_name, person.username, person.language_code) == (
        *("Ada", "Lovelace"),
        *("ada", "en"),
    )


async def test_text_redelivered(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A message that comes again, under whatever update_id, is neither stored nor answered again."""
    update = message()

    for update_id in (1, 1, 2):
        await feed(update_id, message=update)

    assert len(bot_api.sent) == 1
    assert len(await stored(database)) == 2


async def test_text_redelivered_after_deletion(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A redelivery does not bring back what was deleted, and is not answered."""
    update = message()
    await feed(message=update)
    question, _ = await stored(database)
    assert question.user_id
    await database.messages.clear(chat_id=question.chat_id, user_id=question.user_id)

    await feed(message=update)

    assert await stored(database) == []
    assert len(bot_api.sent) == 1


async def test_text_ephemeral_twice(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """Messages with the id 0 are each new."""
    await feed(message=message("One", message_id=0))
    await feed(message=message("Two", message_id=0))

    assert [m.content for m in await stored(database)] == ["One", "One", "Two", "Two"]
    assert len(bot_api.sent) == 2


async def test_window_of_the_dialogue(bot: Bot, database: Database) -> None:
    """The replier sees the dialogue up to the message that it answers, and nothing of others."""
    seen: list[list[str]] = []

    class Listener:
        async def reply(self, window: Any, *_: object) -> Reply:
            seen.append([m.content for m in window])
            return Reply("Aha")

    dispatcher = build_dispatcher(database, Listener())
    bob = {**ADA, "id": 8}
    for sender, text in ((ADA, "One"), (bob, "Other"), (ADA, "Two")):
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message(text, **ASKED, sender=sender)})

    assert seen == [["One"], ["Other"], ["One", "Aha", "Two"]]


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        ({"photo": PHOTO, "caption": "A mill"}, "A mill"),
        ({"photo": PHOTO}, ""),
        ({"sticker": {**PHOTO[0], "type": "regular", "is_animated": False, "is_video": False}}, ""),
        ({"something_of_bot_api_11": {"a": 1}}, ""),
    ],
    ids=["caption", "photo", "sticker", "unknown content"],
)
async def test_message_without_text(
    feed: Feed, bot_api: BotApi, database: Database, fields: dict[str, Any], content: str
) -> None:
    """A message without text counts, with its caption; only who says something is answered."""
    update = message(None, **fields)

    await feed(message=update)

    assert (await stored(database, update["chat"]["id"]))[0].content == content
    assert [sent["text"] for sent in bot_api.sent] == [content] * bool(content)


@pytest.mark.parametrize(
    "sender",
    [
        {"sender": ANONYMOUS, "sender_chat": GROUP},
        {"sender": ANONYMOUS},
        {"sender": ADA, "sender_chat": CHANNEL},
        {"sender": {"id": 777000, "is_bot": False, "first_name": "Telegram"}, "sender_chat": CHANNEL},
        {"sender": {"id": 136817688, "is_bot": True, "first_name": "Channel"}, "sender_chat": CHANNEL},
        {"sender": None, "sender_chat": GROUP},
        {"sender": None},
    ],
    ids=["anonymous admin", "its id alone", "some id", "linked channel", "as a channel", "no from", "nobody"],
)
async def test_text_of_no_person(feed: Feed, bot_api: BotApi, database: Database, sender: dict[str, Any]) -> None:
    """What a chat says is stored without a person, and not answered."""
    await feed(message=message("Rules", **ASKED, **sender))

    [said] = await stored(database, GROUP["id"])
    assert (said.content, said.user_id) == ("Rules", None)
    assert await database.users.page() == []
    assert bot_api.sent == []


async def test_text_of_a_bot(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """Another bot is stored, not answered: two bots would never end."""
    await feed(message=message(**ASKED, sender={"id": 99, "is_bot": True, "first_name": "Other"}))

    assert len(await stored(database, GROUP["id"])) == 1
    assert bot_api.sent == []


async def test_channel_post(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A channel's post is stored without a person, and not answered, be it a command."""
    await feed(channel_post=message("/new", chat=CHANNEL, sender=None, sender_chat=CHANNEL))

    [post] = await stored(database, CHANNEL["id"])
    assert (post.content, post.user_id) == ("/new", None)
    assert bot_api.sent == []


async def test_topic_message(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A topic is a dialogue of its own, and its answer goes there."""
    await feed(message=message(**ASKED, message_thread_id=5, is_topic_message=True))

    assert [m.message_thread_id for m in await stored(database, GROUP["id"])] == [5, 5]
    assert bot_api.sent[0]["message_thread_id"] == "5"


async def test_topic_in_a_private_chat(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A private chat can have topics as well, each with a window of its own."""
    await feed(message=message("One"))
    await feed(message=message("Two", message_thread_id=5, is_topic_message=True))
    await feed(message=message("/history", message_thread_id=5, is_topic_message=True))

    assert [m.message_thread_id for m in await stored(database)] == [0, 0, 5, 5]
    assert bot_api.sent[-1]["text"].splitlines() == ["You: Two", "Bot: Two"]
    assert bot_api.sent[-1]["message_thread_id"] == "5"


async def test_plain_reply_with_thread(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A plain reply carries a thread's id too, and is in no topic; nor is what it replies to botcore's id."""
    earlier = message("Before", chat=GROUP, sender=US)
    await feed(message=message(chat=GROUP, message_thread_id=5, reply_to_message=earlier))

    question, answer = await stored(database, GROUP["id"])
    assert (question.message_thread_id, answer.message_thread_id) == (0, 0)
    assert question.reply_to_id is None
    assert "message_thread_id" not in bot_api.sent[0]


async def test_business_message_of_a_customer(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A customer is answered through the business connection, in a chat apart from the private one."""
    await feed(business_message=message(business_connection_id="conn"))

    assert len(await stored(database, business_connection_id="conn")) == 2
    assert await stored(database) == []
    assert bot_api.sent[0]["business_connection_id"] == "conn"


async def test_business_message_of_the_owner(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What the account's owner writes to a customer is stored, not answered."""
    await feed(business_message=message(business_connection_id="conn", sender={**ADA, "id": 8}))

    assert len(await stored(database, business_connection_id="conn")) == 1
    assert bot_api.sent == []


_MEMBER = {"user": ADA, "status": "member"}
_IGNORED: list[dict[str, Any]] = [
    {},
    {"something_of_bot_api_11": {"text": "Hello"}},
    {"inline_query": {"id": "1", "from": ADA, "query": "x", "offset": ""}},
    {
        "my_chat_member": {
            "chat": GROUP,
            "from": ADA,
            "date": SENT_AT,
            "old_chat_member": {"user": ADA, "status": "left"},
            "new_chat_member": _MEMBER,
        }
    },
    {"message_reaction_count": {"chat": CHANNEL, "message_id": 1, "date": SENT_AT, "reactions": []}},
    {"deleted_business_messages": {"business_connection_id": "conn", "chat": PRIVATE, "message_ids": [1]}},
    {"stopped_message_generation": {"chat": PRIVATE, "draft_id": 1}},
]


@pytest.mark.parametrize("update", _IGNORED, ids=lambda update: next(iter(update), "empty"))
async def test_update_of_another_kind(
    feed: Feed, bot_api: BotApi, database: Database, update: dict[str, Any], recwarn: pytest.WarningsRecorder
) -> None:
    """An update that is no message, of a known kind or not, does nothing: no error, no row, no warning."""
    await feed(**update)

    assert await database.chats.page() == []
    assert bot_api.sent == []
    assert list(recwarn) == []


async def test_text_that_postgresql_refuses(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """NUL goes, a lone surrogate becomes U+FFFD, in names and titles too: nothing is lost, a pair stays."""
    sender = {**ADA, "first_name": "A\0da\udc00", "username": "a\0da"}
    chat = {**GROUP, "title": "\0Engines\ud83d"}

    await feed(message=message("a\0b\ud800c \ud83d\ude00", sender=sender, **ASKED | {"chat": chat}))

    assert (await stored(database, GROUP["id"]))[0].content == "ab\ufffdc \U0001f600"
    assert [person.first_name for person in await database.users.page()] == ["Ada\ufffd"]
    assert [chat.title for chat in await database.chats.page()] == ["Engines\ufffd"]
    assert bot_api.sent[0]["text"] == "ab\ufffdc \U0001f600"


async def test_text_of_a_forged_id(
    feed: Feed, bot_api: BotApi, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    """An id beyond 64 bits is refused: logged by its class, no exception, nothing stored, nothing said."""
    await feed(81, message=message("private words", sender={**ADA, "id": 2**70}))

    assert await database.chats.page() == []
    assert bot_api.sent == []
    assert "private words" not in "".join(capsys.readouterr())


async def test_text_refused_on_sending(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A reply that Telegram refuses is not stored as said; the question is."""
    bot_api.fail("sendMessage", refused(403, "Forbidden: bot was blocked by the user"))

    await feed(message=message())

    assert [m.role for m in await stored(database)] == ["user"]


async def test_dispatchers_side_by_side(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """Two dispatchers live in one process."""

    class Constant:
        def __init__(self, text: str) -> None:
            self.text = text

        async def reply(self, window: Sequence[Message], *_: object) -> Reply:
            return Reply(f"{self.text} {len(window)}")

    for name in ("first", "second"):
        await build_dispatcher(database, Constant(name)).feed_raw_update(bot, {"update_id": 1, "message": message()})

    assert [sent["text"] for sent in bot_api.sent] == ["first 1", "second 3"]
