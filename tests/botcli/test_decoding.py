"""What is newer than aiogram, or malformed: the rest of the update is used, and nothing stops."""

import json
from typing import Any

import pytest
from aiogram import Bot

from botcli import decoding
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, all_done, at_work, stored
from tests.botcli.updates import ADA, CHANNEL, GROUP, PHOTO, SENT_AT, message

NEWER = {"type": "newer"}


def warnings(caplog: pytest.LogCaptureFixture, event: str) -> list[tuple[str, Any]]:
    """The kind and the count or field of each such line."""
    lines = [record.__dict__ for record in caplog.records if record.getMessage() == event]
    return [(line["kind"], line.get("count", line.get("field"))) for line in lines]


@pytest.mark.parametrize(
    ("text", "fields", "kind", "field"),
    [
        (None, {"poll": {"newer": True}}, "unknown", "poll"),
        (None, {"paid_media": {"star_count": 1, "paid_media": [NEWER]}}, "unknown", "paid_media"),
        (None, {"photo": PHOTO, "caption": "Hello", "poll": 5}, "photo", "poll"),
        ("Hello", {"forward_origin": {**NEWER, "date": SENT_AT}}, "text", "forward_origin"),
        ("Hello", {"external_reply": {"origin": NEWER}}, "text", "external_reply"),
        ("Hello", {"reply_to_message": message("x") | {"poll": 5}}, "text", "reply_to_message"),
        ("Hello", {"reply_markup": {"inline_keyboard": 5}}, "text", "reply_markup"),
    ],
)
async def test_field_that_aiogram_cannot_read(
    feed: Feed,
    bot_api: BotApi,
    database: Database,
    text: str | None,
    fields: dict[str, Any],
    kind: str,
    field: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The message is stored and answered without it; the log names the field, not what was in it."""
    await feed(message=message(text, **fields))

    said = (await stored(database))[0]
    assert (said.kind, said.content) == (kind, fields.get("caption", text or ""))
    assert len(bot_api.sent) == bool(said.content)
    assert warnings(caplog, "left out what this version cannot read") == [("message", field)]


@pytest.mark.parametrize(
    "fields",
    [
        {"sender": {"id": "Ada"}},
        {"sender_chat": {"id": 1}},
        {"business_connection_id": 5},
        {"is_topic_message": "perhaps"},
        {"chat": {"type": "private"}},
        {"chat": None},
        {"message_id": None},
        {"date": 2**70},
        {"date": "today"},
    ],
    ids=str,
)
async def test_message_of_which_nobody_knows_whose(
    feed: Feed, bot_api: BotApi, database: Database, fields: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Where it cannot be read who, where or when, the update ends like one of an unknown kind."""
    await feed(message=message("private words", **fields))

    assert await database.chats.page() == []
    assert bot_api.sent == []
    assert warnings(caplog, "unknown kind of update") == [("unreadable message", 1)]
    assert "private words" not in caplog.text


@pytest.mark.parametrize(
    "update",
    [
        {"message": 5},
        {"message": None},
        {"message": []},
        {"callback_query": {"id": 1}},
        {"my_chat_member": {"chat": GROUP, "from": ADA, "date": SENT_AT, "new_chat_member": {"status": "newer"}}},
        {"deleted_business_messages": {"business_connection_id": "conn", "chat": CHANNEL, "message_ids": ["x"]}},
        {"chat_boost": {"chat": CHANNEL, "boost": {"source": {"source": "newer"}}}},
    ],
    ids=json.dumps,
)
async def test_update_that_aiogram_cannot_read(
    feed: Feed, bot_api: BotApi, database: Database, update: dict[str, Any], recwarn: pytest.WarningsRecorder
) -> None:
    """Whatever an update is made of, it is no error and does nothing."""
    await feed(**update)

    assert await database.chats.page() == []
    assert bot_api.sent == []
    assert list(recwarn) == []


async def test_unknown_kinds_of_update(feed: Feed, caplog: pytest.LogCaptureFixture) -> None:
    """The first of each kind is logged, and each power of ten; never what is in it."""
    for number in range(100):
        await feed(number, newer={"text": "private words"})
    await feed(newest={"text": "private words"})
    await feed()

    assert warnings(caplog, "unknown kind of update") == [
        *(("newer", count) for count in (1, 10, 100)),
        *(("newest", 1), ("none", 1)),
    ]
    assert "private words" not in caplog.text


async def test_update_between_others(bot: Bot, bot_api: BotApi, database: Database) -> None:
    """Polling goes on past an update that aiogram cannot read; without that it would ask for it for 24 hours."""
    deep: Any = "deep"
    for _ in range(20):
        deep = {"type": "newer", "text": deep}
    for update in (
        message("One"),
        message(None, poll={"newer": True}),
        message(None, rich_message={"blocks": [{"type": "paragraph", "text": deep}]}),
        message(None, sender="Ada"),
        message("Two"),
    ):
        bot_api.deliver(message=update)

    async with at_work(bot, database):
        await bot_api.confirmed()
        await all_done(database)

    assert [(m.kind, m.content) for m in await stored(database) if m.role == "user"] == [
        *(("text", "One"), ("unknown", ""), ("rich_message", "deep"), ("text", "Two")),
    ]
    assert [sent["text"] for sent in bot_api.sent] == ["One", "deep", "Two"]


def test_loads_what_is_no_update() -> None:
    """All other answers of the server are read as they are; JSON that is none is refused as ever."""
    answer = {"ok": True, "result": [1, None, "x", {"message": 5}, {"update_id": "x", "message": 5}]}

    assert decoding.loads(json.dumps(answer)) == answer
    with pytest.raises(json.JSONDecodeError):
        decoding.loads("<p>")
