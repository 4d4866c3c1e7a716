"""What Telegram tells of chats and messages: service messages, migrations, deletions in business chats."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies import Reply
from botcore import Database, Message
from tests.botcli.bot_api import BOT_ID, BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, CHANNEL, GROUP, PHOTO, PRIVATE, SENT_AT, asked, message

OLD: dict[str, Any] = {"id": -4567, "type": "group", "title": "Engines"}
NEW = GROUP
BUSINESS: dict[str, Any] = {"business_connection_id": "conn"}

SERVICE: dict[str, Any] = {
    "new_chat_members": [ADA],
    "left_chat_member": ADA,
    "new_chat_title": "Mills",
    "new_chat_photo": PHOTO,
    "delete_chat_photo": True,
    "group_chat_created": True,
    "message_auto_delete_timer_changed": {"message_auto_delete_time": 60},
    "pinned_message": message("Pinned", chat=GROUP),
    "forum_topic_created": {"name": "Mills", "icon_color": 1},
    "forum_topic_closed": {},
    "general_forum_topic_hidden": {},
    "video_chat_scheduled": {"start_date": SENT_AT},
    "video_chat_started": {},
    "video_chat_ended": {"duration": 3},
    "video_chat_participants_invited": {"users": [ADA]},
    "successful_payment": {
        "currency": "XTR",
        "total_amount": 1,
        "invoice_payload": "private words",
        "telegram_payment_charge_id": "1",
        "provider_payment_charge_id": "2",
    },
    "users_shared": {"request_id": 1, "users": [{"user_id": 8}]},
    "web_app_data": {"data": "private words", "button_text": "Press"},
    "boost_added": {"boost_count": 1},
    "proximity_alert_triggered": {"traveler": ADA, "watcher": ADA, "distance": 1},
}


@pytest.mark.parametrize("kind", SERVICE)
async def test_service_message(feed: Feed, bot_api: BotApi, database: Database, kind: str) -> None:
    """What only tells of the chat is neither stored nor answered, wherever it comes from, and makes nobody known."""
    update = message(None, chat=GROUP, **{kind: SERVICE[kind]})

    for name in ("message", "edited_message", "channel_post", "business_message"):
        await feed(**{name: update})

    assert (await database.chats.page(), await database.users.page()) == ([], [])
    assert bot_api.sent == []


def migrations() -> tuple[dict[str, Any], dict[str, Any]]:
    """The two service messages: in the group and in the supergroup."""
    return (
        message(None, chat=OLD, migrate_to_chat_id=NEW["id"]),
        message(None, chat=NEW, migrate_from_chat_id=OLD["id"]),
    )


@pytest.mark.parametrize("told", [(0,), (1,), (0, 1), (1, 0), (0, 0, 1, 1)], ids=str)
async def test_migration(bot: Bot, bot_api: BotApi, database: Database, told: tuple[int, ...]) -> None:
    """However the group's end is told, history and window go on as one conversation, ids that count anew included."""
    windows: list[list[str]] = []

    class Listener:
        async def reply(self, window: Sequence[Message], *_: object) -> Reply:
            windows.append([m.content for m in window])
            return Reply(f"Aha {len(windows)}")

    dispatcher = build_dispatcher(database, Listener())
    before, after = (message(text, **asked(chat), message_id=1) for text, chat in (("Before", OLD), ("After", NEW)))

    for update in (before, *(migrations()[which] for which in told), before, after, message("/history", chat=NEW)):
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": update})

    assert windows == [["Before"], ["Before", "Aha 1", "After"]]
    assert bot_api.sent[-1]["text"].splitlines() == ["You: Before", "Bot: Aha 1", "You: After", "Bot: Aha 2"]
    assert [chat.telegram_chat_id for chat in await database.chats.page()] == [NEW["id"]]


@pytest.mark.parametrize("order", [*permutations(range(4))], ids=str)
async def test_migration_told_late(feed: Feed, database: Database, order: tuple[int, ...]) -> None:
    """In whatever order the two messages and the two service messages come, there is one chat with both in the end."""
    said = [message(None, chat=chat, message_id=1, photo=PHOTO) for chat in (OLD, NEW)]
    updates = [*said, *migrations()]

    for place in order:
        await feed(message=updates[place])
    for update in updates:
        await feed(message=update)

    assert sorted(m.telegram_message_id or 0 for m in await stored(database, NEW["id"])) == [-1, 1]
    assert [chat.telegram_chat_id for chat in await database.chats.page()] == [NEW["id"]]
    assert await stored(database, OLD["id"]) == await stored(database, NEW["id"])


async def test_migration_of_the_same_chat(feed: Feed, database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """A forged migration of a chat to itself is refused and logged."""
    await feed(message=message(None, chat=OLD, migrate_to_chat_id=OLD["id"]))

    assert await database.chats.page() == []
    assert [r.__dict__["error"] for r in caplog.records if r.levelname == "ERROR"] == ["botcore.errors.InvalidInput"]


async def test_deletion_in_a_business_chat(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What was deleted there is hidden there alone; redeliveries and edits bring nothing back, and nobody answers."""
    said = [message(f"{n}", sender={**ADA, "id": 8}, **BUSINESS) for n in range(3)]
    for update in said:
        await feed(business_message=update)
    first, second, third = (update["message_id"] for update in said)
    await feed(message=message("Private", message_id=first))
    answers = len(bot_api.sent)

    for _ in range(2):
        await feed(deleted_business_messages={**BUSINESS, "chat": PRIVATE, "message_ids": [first, third, 10**15]})
        await feed(business_message=said[0])
        await feed(edited_business_message=said[2] | {"text": "edited", "edit_date": SENT_AT + 1})

    assert [m.telegram_message_id for m in await stored(database, **BUSINESS)] == [second]
    assert [m.content for m in await stored(database)] == ["Private"] * 2
    assert len(bot_api.sent) == answers


async def test_deletion_of_many(feed: Feed, database: Database) -> None:
    """More ids at once than a statement takes are no fewer deletions."""
    update = message("Hello", message_id=2_500, sender={**ADA, "id": 8}, **BUSINESS)
    await feed(business_message=update)

    await feed(deleted_business_messages={**BUSINESS, "chat": PRIVATE, "message_ids": [*range(1, 2_501)]})

    assert await stored(database, **BUSINESS) == []


@pytest.mark.parametrize("ids", [[], [1], [2**62]])
async def test_deletion_of_the_unknown(feed: Feed, database: Database, ids: list[int]) -> None:
    """Deletions in a chat that was never seen do nothing."""
    await feed(deleted_business_messages={**BUSINESS, "chat": PRIVATE, "message_ids": ids})

    assert await database.chats.page() == []


async def test_transcript_of_a_message_without_text(feed: Feed, bot_api: BotApi) -> None:
    """/history shows what has no text by its kind, and a caption as what was said."""
    await feed(message=message(None, photo=PHOTO))
    await feed(message=message(None, photo=PHOTO, caption="A mill"))
    await feed(message=message(None, newer_content={"a": 1}))

    await feed(message=message("/history"))

    assert bot_api.sent[-1]["text"].splitlines() == ["You: [photo]", "You: A mill", "Bot: A mill", "You: [unknown]"]


async def test_channel_that_is_renamed(feed: Feed, database: Database) -> None:
    """A channel's service posts are not stored, its posts are, under the title that they carry."""
    await feed(channel_post=message(None, chat=CHANNEL, sender=None, new_chat_title="Views"))
    await feed(channel_post=message("Post", chat={**CHANNEL, "title": "Views"}, sender=None))

    chat = await database.chats.find(bot_id=BOT_ID, telegram_chat_id=CHANNEL["id"])
    assert chat
    assert chat.title == "Views"
    assert [m.content for m in await stored(database, CHANNEL["id"])] == ["Post"]


BOT: dict[str, Any] = {"id": BOT_ID, "is_bot": True, "first_name": "Bot", "username": "our_bot"}
RIGHTS = ("can_send_messages", "can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos")
MORE_RIGHTS = ("can_send_video_notes", "can_send_voice_notes", "can_send_polls", "can_send_other_messages")


def became(status: str, chat: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What Telegram tells of the bot's own place in a chat."""
    old = {"status": "member", "user": BOT}
    new = {"status": status, "user": BOT, **changes}
    return {"chat": chat, "from": ADA, "date": SENT_AT, "old_chat_member": old, "new_chat_member": new}


def restricted(**changes: bool) -> dict[str, Any]:
    """What a supergroup lets somebody do whom it restricts."""
    others = ("can_add_web_page_previews", "can_react_to_messages", "can_edit_tag", "can_change_info")
    more = ("can_invite_users", "can_pin_messages", "can_manage_topics", "is_member")
    return {**dict.fromkeys((*RIGHTS, *MORE_RIGHTS, *others, *more), True), "until_date": 0, **changes}


@pytest.mark.parametrize("chat", [PRIVATE, GROUP], ids=["private", "group"])
@pytest.mark.parametrize(
    ("status", "rights", "can_write"),
    [
        ("kicked", {"until_date": 0}, False),
        ("left", {}, False),
        ("member", {}, True),
        ("restricted", restricted(), True),
        ("restricted", restricted(can_send_messages=False), False),
        ("restricted", restricted(is_member=False), False),
    ],
)
async def test_membership(
    feed: Feed, bot_api: BotApi, database: Database, chat: dict[str, Any], status: str, rights: Any, *, can_write: bool
) -> None:
    """That the bot was blocked, removed or muted is noted, and that it was let in again; nobody is answered."""
    await feed(message=message("Hello", **asked(chat)))
    key = {"bot_id": BOT_ID, "telegram_chat_id": chat["id"]}

    for first in (database.chats.block, database.chats.unblock):
        await first(**key)
        await feed(my_chat_member=became(status, chat, **rights))
        stored_chat = await database.chats.find(**key)
        assert stored_chat
        assert (stored_chat.blocked_at is None) == can_write

    assert len(bot_api.sent) == 1


@pytest.mark.parametrize("status", ["kicked", "member"])
async def test_membership_in_an_unknown_chat(feed: Feed, database: Database, status: str) -> None:
    """Nothing is stored of a chat in which nobody said anything."""
    await feed(my_chat_member=became(status, GROUP, **({"until_date": 0} if status == "kicked" else {})))

    assert (await database.chats.page(), await database.users.page()) == ([], [])
