"""What the three kinds of edited update do: the newest text is stored, and nothing is answered."""

from datetime import UTC, datetime
from typing import Any

import pytest

from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, ANONYMOUS, CHANNEL, GROUP, PHOTO, SENT_AT, message

BUSINESS = {"business_connection_id": "conn"}
KINDS = [
    ("message", {}),
    ("message", {"chat": GROUP, "is_topic_message": True, "message_thread_id": 5}),
    ("message", {"chat": GROUP, "sender": ANONYMOUS, "sender_chat": GROUP}),
    ("channel_post", {"chat": CHANNEL, "sender": None, "sender_chat": CHANNEL}),
    ("business_message", BUSINESS),
]
IDS = ["private", "topic", "anonymous admin", "channel", "business"]


def edit(original: dict[str, Any], text: str, seconds: int) -> dict[str, Any]:
    """The message as Telegram delivers it once more after an edit."""
    return {**original, "edit_date": SENT_AT + seconds, "text": text}


async def said(database: Database, original: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Of each message of the original's chat what it says, and its versions."""
    key = {"business_connection_id": original.get("business_connection_id", "")}
    return [
        (m.content, [v.content for v in await database.messages.versions(chat_id=m.chat_id, message_id=m.id)])
        for m in await stored(database, original["chat"]["id"], **key)
    ]


@pytest.mark.parametrize(("kind", "fields"), KINDS, ids=IDS)
async def test_edit_of_a_stored_message(
    feed: Feed, bot_api: BotApi, database: Database, kind: str, fields: dict[str, Any]
) -> None:
    """The newest text wins, the others are its versions; the edits are not answered, in whatever order they come."""
    original = message("a", **fields)
    await feed(**{kind: original})
    answers = [dict(sent) for sent in bot_api.sent]

    for text, seconds in (("d", 9), ("b", 3), ("c", 6), ("b", 3)):
        await feed(**{f"edited_{kind}": edit(original, text, seconds)})

    assert (await said(database, original))[0] == ("d", ["a", "b", "c", "d"])
    assert bot_api.sent == answers


@pytest.mark.parametrize(("kind", "fields"), KINDS, ids=IDS)
async def test_edit_of_a_message_never_stored(
    feed: Feed, bot_api: BotApi, database: Database, kind: str, fields: dict[str, Any]
) -> None:
    """It is stored as the message would have been, with its edit date, and not answered."""
    original = message("a", **fields)

    for _ in range(2):
        await feed(**{f"edited_{kind}": edit(original, "b", 3)})

    key = {"business_connection_id": fields.get("business_connection_id", "")}
    [new] = await stored(database, original["chat"]["id"], **key)
    assert (new.role, new.content, new.telegram_message_id) == ("user", "b", original["message_id"])
    assert (new.sent_at, new.edited_at) == tuple(datetime.fromtimestamp(SENT_AT + n, UTC) for n in (0, 3))
    assert new.message_thread_id == fields.get("message_thread_id", 0)
    assert (new.user_id is None) == ("sender_chat" in fields)
    assert bot_api.sent == []


@pytest.mark.parametrize(("before", "after"), [("Hello", "/new"), ("/un.known", "/help")])
async def test_edit_to_a_command(feed: Feed, bot_api: BotApi, database: Database, before: str, after: str) -> None:
    """An edit that makes a command of a text is a text like any other: stored, not obeyed, and not answered."""
    original = message(before)
    await feed(message=original)
    answers = len(bot_api.sent)

    await feed(edited_message=edit(original, after, 1))

    assert after in [text for text, _ in await said(database, original)]
    assert len(bot_api.sent) == answers


async def test_edit_of_a_command(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """What was a command when it was sent is hidden, and an edit does not show it."""
    original = message("/help")
    await feed(message=original)

    await feed(edited_message=edit(original, "Hello", 1))

    assert await stored(database) == []
    assert len(bot_api.sent) == 1


async def test_edit_of_a_caption(feed: Feed, database: Database) -> None:
    """A caption is written, changed and taken away by edits."""
    original = message(None, photo=PHOTO)
    await feed(message=original)

    await feed(edited_message={**original, "edit_date": SENT_AT + 1, "caption": "A mi\0ll"})
    await feed(edited_message={**original, "edit_date": SENT_AT + 2})

    assert await said(database, original) == [("", ["", "A mill", ""])]


async def test_edit_after_deletion(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A late edit brings neither the message back, nor its person, nor its chat."""
    original = message("a")
    await feed(message=original)
    question, _ = await stored(database)
    assert question.user_id
    await database.users.delete(user_id=question.user_id)
    await database.chats.delete(chat_id=question.chat_id)

    for seconds in (1, 10**9):
        await feed(edited_message=edit(original, "b", seconds))

    assert (await database.users.page(), await database.chats.page()) == ([], [])
    assert await database.messages.recent_in_chat(chat_id=question.chat_id) == []
    assert len(bot_api.sent) == 1


async def test_edit_of_an_ephemeral_message(
    feed: Feed, bot_api: BotApi, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an id nobody can say what was edited: nothing is stored a second time, and that is no error."""
    original = message("a", message_id=0)
    await feed(message=original)

    await feed(edited_message=edit(original, "b", 1))

    assert [text for text, _ in await said(database, original)] == ["a", "a"]
    assert len(bot_api.sent) == 1
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_edit_without_a_date(feed: Feed, database: Database) -> None:
    """Telegram hides the date of some edits: such a one is newer than the message, older than every dated edit."""
    original = message("a")
    await feed(message=original)

    await feed(edited_message={**original, "text": "b"})
    await feed(edited_message=edit(original, "c", 1))
    await feed(edited_message={**original, "text": "b"})

    assert (await said(database, original))[0] == ("c", ["a", "b", "c"])


@pytest.mark.parametrize(
    "forged",
    [{"edit_date": 2**40}, {"edit_date": 2**70}, {"edit_date": -(2**40)}, {"sender": {**ADA, "id": 2**70}}],
    ids=["far", "beyond", "before", "id"],
)
async def test_edit_of_a_forged_date_or_id(
    feed: Feed, bot_api: BotApi, database: Database, forged: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """What no server can store is refused: logged by its class, no exception, nothing stored, nothing said."""
    await feed(edited_message=message("private words", **{"edit_date": SENT_AT + 1, **forged}))

    assert await database.chats.page() == []
    assert bot_api.sent == []
    assert "private words" not in "".join(capsys.readouterr())
