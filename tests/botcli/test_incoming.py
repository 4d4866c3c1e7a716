"""What is stored of each kind of message: its kind, album, reply, forward and who spoke."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram import Bot, Dispatcher

from botcore import NEWEST, Database
from tests.botcli.bot_api import BOT_ID, BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, ANONYMOUS, CHANNEL, GROUP, PHOTO, SENT_AT, message

FILE = {"file_id": "AgAC", "file_unique_id": "AQAD"}
VIDEO = {**FILE, "width": 90, "height": 60, "duration": 3}
POLL: dict[str, Any] = {
    "id": "1",
    "question": "Tea?",
    "options": [],
    "total_voter_count": 0,
    "is_closed": False,
    "is_anonymous": True,
    "type": "regular",
    "allows_multiple_answers": False,
    "allows_revoting": False,
    "members_only": False,
}
PLACE = {"latitude": 1.5, "longitude": 2.5}
CONTENT: dict[str, Any] = {
    "animation": VIDEO,
    "audio": {**FILE, "duration": 3},
    "checklist": {"title": "To do", "tasks": []},
    "contact": {"phone_number": "+1", "first_name": "Bob"},
    "dice": {"emoji": "🎲", "value": 6},
    "document": FILE,
    "game": {"title": "Chess", "description": "A game", "photo": PHOTO},
    "giveaway": {"chats": [CHANNEL], "winners_selection_date": SENT_AT, "winner_count": 1},
    "invoice": {
        "title": "A mill",
        "description": "Grinds",
        "start_parameter": "",
        "currency": "XTR",
        "total_amount": 1,
    },
    "location": PLACE,
    "paid_media": {"star_count": 1, "paid_media": [{"type": "preview"}]},
    "photo": PHOTO,
    "poll": POLL,
    "sticker": {**PHOTO[0], "type": "regular", "is_animated": False, "is_video": False},
    "story": {"chat": CHANNEL, "id": 5},
    "venue": {"location": PLACE, "title": "Mill", "address": "River 1"},
    "video": VIDEO,
    "video_note": {**FILE, "length": 60, "duration": 3},
    "voice": {**FILE, "duration": 3},
}


@pytest.mark.parametrize("kind", CONTENT)
async def test_message_of_a_kind(feed: Feed, bot_api: BotApi, database: Database, kind: str) -> None:
    """What somebody sent without a text counts under Telegram's name of it, with empty content, and is not answered."""
    await feed(message=message(None, **{kind: CONTENT[kind]}))

    assert [(m.kind, m.content) for m in await stored(database)] == [(kind, "")]
    assert bot_api.sent == []


async def test_message_of_a_kind_in_a_channel_and_a_business_chat(feed: Feed, database: Database) -> None:
    """A channel's posts and a business chat's messages have their kinds, too."""
    await feed(channel_post=message(None, chat=CHANNEL, sender=None, photo=PHOTO))
    await feed(business_message=message(None, business_connection_id="conn", voice=CONTENT["voice"]))

    assert [m.kind for m in await stored(database, CHANNEL["id"])] == ["photo"]
    assert [m.kind for m in await stored(database, business_connection_id="conn")] == ["voice"]


async def test_message_of_a_kind_edited(feed: Feed, database: Database) -> None:
    """An edit can put another kind in place of the first one."""
    original = message(None, photo=PHOTO, caption="Before")
    await feed(message=original)

    changed = {name: value for name, value in original.items() if name != "photo"} | {"video": VIDEO}
    await feed(edited_message=changed | {"caption": "After", "edit_date": SENT_AT + 1})

    assert next((m.kind, m.content) for m in await stored(database)) == ("video", "After")


async def test_album(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """An album is several messages with one media_group_id; the one with the caption is answered."""
    album = {"photo": PHOTO, "media_group_id": "13"}

    await feed(message=message(None, **album, caption="Two mills"))
    await feed(message=message(None, **album))

    said = [m for m in await stored(database) if m.role == "user"]
    assert [(m.media_group_id, m.kind, m.content) for m in said] == [("13", "photo", "Two mills"), ("13", "photo", "")]
    assert [sent["text"] for sent in bot_api.sent] == ["Two mills"]


async def test_reply_to_a_known_message(feed: Feed, database: Database) -> None:
    """A reply names botcore's id of what it answers, be that somebody's message or the bot's."""
    first = message("One")
    await feed(message=first)
    question, answer = await stored(database)

    await feed(message=message("Two", reply_to_message=first))
    own = message(
        "One", message_id=answer.telegram_message_id, sender={"id": BOT_ID, "is_bot": True, "first_name": "B"}
    )
    await feed(message=message("Three", reply_to_message=own))

    replies = {m.content: m.reply_to_id for m in await stored(database) if m.role == "user"}
    assert replies == {"One": None, "Two": question.id, "Three": answer.id}


@pytest.mark.parametrize(
    "fields",
    [
        {"reply_to_message": message("Never stored", chat=GROUP)},
        {"reply_to_message": message("Elsewhere", chat=CHANNEL, message_id=5)},
        {"reply_to_message": message("Ephemeral", chat=GROUP, message_id=0)},
        {"external_reply": {"origin": {"type": "channel", "date": SENT_AT, "chat": CHANNEL, "message_id": 5}}},
        {
            "is_topic_message": True,
            "message_thread_id": 5,
            "reply_to_message": message(
                None, chat=GROUP, message_id=5, forum_topic_created={"name": "Mills", "icon_color": 1}
            ),
        },
    ],
    ids=["unknown", "another chat", "ephemeral", "external", "topic's root"],
)
async def test_reply_to_nothing_known(feed: Feed, database: Database, fields: dict[str, Any]) -> None:
    """What is answered elsewhere, or was never stored, or is only the topic's beginning, is no reply for botcore."""
    # under the id that three of them name
    await feed(message=message("Five", chat=GROUP, message_id=5))

    await feed(message=message("Reply", chat=GROUP, **fields))

    assert next(m.reply_to_id for m in await stored(database, GROUP["id"]) if m.content == "Reply") is None


async def test_reply_inside_a_topic(feed: Feed, database: Database) -> None:
    """In a topic a reply to a message of it is one."""
    topic = {"chat": GROUP, "is_topic_message": True, "message_thread_id": 5}
    first = message("One", **topic)
    await feed(message=first)

    await feed(message=message("Two", **topic, reply_to_message=first))

    one, two = [m for m in await stored(database, GROUP["id"]) if m.role == "user"]
    assert two.reply_to_id == one.id


@pytest.mark.parametrize(
    "origin",
    [
        {"type": "user", "sender_user": {**ADA, "id": 8}},
        {"type": "hidden_user", "sender_user_name": "Somebody"},
        {"type": "chat", "sender_chat": GROUP},
        {"type": "channel", "chat": CHANNEL, "message_id": 5},
    ],
    ids=lambda origin: origin["type"],
)
async def test_forward(feed: Feed, database: Database, origin: dict[str, Any]) -> None:
    """A forwarded message says when it was first sent; of who sent it nothing is kept."""
    await feed(message=message("Forwarded", forward_origin={**origin, "date": SENT_AT - 60}))

    forwarded, _ = await stored(database)
    assert forwarded.forward_date == datetime.fromtimestamp(SENT_AT - 60, UTC)
    assert [person.telegram_user_id for person in await database.users.page()] == [7]


@pytest.mark.parametrize(
    ("kind", "fields", "sender_chat_id"),
    [
        ("message", {"sender": ANONYMOUS, "sender_chat": GROUP}, GROUP["id"]),
        ("message", {"sender": ANONYMOUS}, GROUP["id"]),
        (
            "message",
            {"sender": {"id": 136817688, "is_bot": True, "first_name": "Channel"}, "sender_chat": CHANNEL},
            CHANNEL["id"],
        ),
        (
            "message",
            {"sender": {"id": 777000, "is_bot": False, "first_name": "Telegram"}, "sender_chat": CHANNEL},
            CHANNEL["id"],
        ),
        ("message", {"sender": None, "sender_chat": CHANNEL}, CHANNEL["id"]),
        ("message", {"sender": None}, None),
        ("channel_post", {"sender": None, "sender_chat": CHANNEL, "chat": CHANNEL}, CHANNEL["id"]),
        ("channel_post", {"sender": None, "chat": CHANNEL}, CHANNEL["id"]),
    ],
    ids=["admin", "admin's id", "as a channel", "linked", "no from", "nobody", "post", "post without sender_chat"],
)
async def test_message_of_a_chat(
    feed: Feed, bot_api: BotApi, database: Database, kind: str, fields: dict[str, Any], sender_chat_id: int | None
) -> None:
    """Where a chat speaks, through a stand-in or without any `from`, it is the sender, and nobody is answered."""
    update = message("Rules", **{"chat": GROUP, **fields})

    await feed(**{kind: update})

    [said] = await stored(database, update["chat"]["id"])
    assert (said.user_id, said.sender_chat_id) == (None, sender_chat_id)
    assert await database.users.page() == []
    assert bot_api.sent == []


async def test_message_of_a_person(feed: Feed, database: Database) -> None:
    """A person speaks for no chat, has sent one message of one kind, and forwarded nothing."""
    await feed(message=message())

    said, _ = await stored(database)
    assert (said.kind, said.sender_chat_id, said.media_group_id, said.forward_date) == ("text", None, None, None)


async def test_message_id_in_three_chats(feed: Feed, dispatcher: Dispatcher, bot: Bot, database: Database) -> None:
    """One number in the private chat, in the business chat and in another bot's private chat is three messages."""
    same = message(None, message_id=5, photo=PHOTO)
    other_bot = Bot("43:other", session=bot.session)

    for _ in range(2):
        await feed(message=same)
        await feed(business_message=same | {"business_connection_id": "conn"})
        await dispatcher.feed_raw_update(other_bot, {"update_id": 1, "message": same})

    keys: list[dict[str, Any]] = [{}, {"business_connection_id": "conn"}, {"bot_id": 43}]
    assert [[m.telegram_message_id for m in await stored(database, **key)] for key in keys] == [[5], [5], [5]]
    assert len({m.id for key in keys for m in await stored(database, **key)}) == 3


async def test_largest_ids(feed: Feed, database: Database) -> None:
    """All 64 bits of an id are kept."""
    chat = {**GROUP, "id": -NEWEST - 1}

    await feed(message=message(None, message_id=NEWEST, chat=chat, sender={**ADA, "id": NEWEST}, photo=PHOTO))

    [said] = await stored(database, chat["id"])
    assert said.telegram_message_id == NEWEST
    assert [person.telegram_user_id for person in await database.users.page()] == [NEWEST]


@pytest.mark.parametrize(
    "forged",
    [
        {"sender": {**ADA, "id": 2**70}},
        {"chat": {**GROUP, "id": -(2**70)}},
        {"message_id": 2**70},
        {"sender": None, "sender_chat": {**CHANNEL, "id": 2**70}},
        {"reply_to_message": message(message_id=2**70)},
    ],
    ids=["sender", "chat", "message", "sender_chat", "reply"],
)
async def test_forged_ids(
    feed: Feed, bot_api: BotApi, database: Database, forged: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """An id beyond 64 bits is refused: logged by the error's class, nothing stored, nothing said."""
    await feed(message=message("private words", **forged))

    assert await database.chats.page() == []
    assert bot_api.sent == []
    assert [(r.getMessage(), r.__dict__["error"]) for r in caplog.records if r.levelname == "ERROR"] == [
        ("update failed", "botcore.errors.InvalidInput")
    ]
    assert "private words" not in caplog.text


@pytest.mark.parametrize("field", ["text", "caption"])
async def test_odd_characters(feed: Feed, database: Database, field: str) -> None:
    """Right-to-left marks, control characters and joined emoji stay; NUL goes; a lone surrogate becomes U+FFFD."""
    marks = "\u202eright\u200f to\u2067 left\u2069 \x07\x1b[2J\u0085 👩‍👩‍👧"
    fields: dict[str, Any] = {"text": None, "photo": PHOTO} if field == "caption" else {}

    await feed(message=message(**{**fields, field: f"{marks}a\0b\ud800c\udc00"}))

    assert (await stored(database))[0].content == f"{marks}ab\ufffdc\ufffd"
