"""Bad input is refused by name before the server sees it, and nothing is stored."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from botcore import NEWEST, Database, InvalidInput, NotFound
from tests.factories import SENT_AT, said


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("content", "a\0b", "NUL"),
        ("content", "a\ud800b", "lone surrogate"),
        ("content", b"bytes", "must be a str, not bytes"),
        ("first_name", "\0", "NUL"),
        ("chat_title", 5, "must be a str, not int"),
        ("telegram_user_id", 2**70, "64 bits"),
        ("telegram_chat_id", -(2**63) - 1, "64 bits"),
        ("telegram_message_id", "7", "must be an int, not str"),
        ("telegram_message_id", True, "must be an int, not bool"),
        ("telegram_message_id", 1.5, "must be an int, not float"),
        ("sent_at", datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001 - what is refused
        ("sent_at", "2026-01-01", "must be a datetime, not str"),
        ("sent_at", datetime.max.replace(tzinfo=UTC), r"years 2\.\.9998"),
    ],
)
async def test_record_refuses_a_bad_value_by_its_name(database: Database, field: str, value: Any, reason: str) -> None:
    """The error names the field and says why, without showing a text; no person, chat or message is stored."""
    with pytest.raises(InvalidInput, match=reason) as refused:
        await said(database, **{field: value})

    assert refused.value.field == field
    assert await database.users.page() == []
    assert await database.chats.page() == []


async def test_record_refuses_an_unknown_role_by_its_name(database: Database) -> None:
    """The schema's check is an InvalidInput of the column's name, and the whole statement is undone."""
    with pytest.raises(InvalidInput) as refused:
        await said(database, role="tool", content="a secret")

    assert refused.value.field == "role"
    assert "a secret" not in str(refused.value)
    assert await database.users.page() == []


@pytest.mark.parametrize("page_size", [0, -1, 1001, 1_000_000, None])
async def test_pages_refuse_a_size_out_of_bounds(database: Database, page_size: Any) -> None:
    """A page is 1 to 1,000 rows in every method that pages."""
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: database.users.page(page_size=page_size),
        lambda: database.chats.page(page_size=page_size),
        lambda: database.messages.recent(chat_id=1, user_id=1, page_size=page_size),
        lambda: database.messages.recent_in_chat(chat_id=1, page_size=page_size),
    ]

    for call in calls:
        with pytest.raises(InvalidInput, match=r"page_size: must be 1\.\.1000"):
            await call()


@pytest.mark.parametrize("place", [-1, None])
async def test_pages_refuse_a_place_that_is_none(database: Database, place: Any) -> None:
    """Where to page on from is a number: None would be an empty page, which looks like the end."""
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: database.users.page(after_id=place),
        lambda: database.chats.page(after_id=place),
        lambda: database.messages.recent(chat_id=1, user_id=1, before_id=place),
        lambda: database.messages.recent_in_chat(chat_id=1, before_id=place),
    ]

    for call in calls:
        with pytest.raises(InvalidInput, match=r"(after|before)_id: must be 0\.\.9223372036854775807"):
            await call()


@pytest.mark.parametrize(
    ("field", "value"),
    [("before_id", -1), ("max_messages", 0), ("max_messages", 1001), ("max_characters", 0), ("versions", "latest")],
)
async def test_window_refuses_bounds_that_make_no_sense(database: Database, field: str, value: Any) -> None:
    """A window of no messages or characters is a mistake, not an empty answer."""
    with pytest.raises(InvalidInput, match=field):
        await database.messages.window(chat_id=1, user_id=1, **{field: value})


async def test_the_largest_ids_and_odd_texts_are_stored_as_they_are(database: Database) -> None:
    """64-bit ids, emoji, right-to-left marks, control characters, quotes and percent signs come back unchanged."""
    content = "50% :'chat_id' \\ ' \" \u202e\x07\x1b 👩‍👩‍👧 %s %(x)s $1"

    message = (await said(database, telegram_user_id=NEWEST, telegram_chat_id=-NEWEST - 1, content=content)).message

    assert message.content == content
    assert await database.messages.recent(chat_id=message.chat_id, user_id=message.user_id) == [message]


def test_errors_keep_their_data() -> None:
    """What a caller decides by is an attribute, not a piece of text."""
    error = NotFound("message", chat_id=1, message_id=2)

    assert (error.kind, error.key) == ("message", {"chat_id": 1, "message_id": 2})
    assert str(error) == "no message with chat_id=1, message_id=2"


async def test_rows_do_not_show_what_was_said(database: Database) -> None:
    """The repr of a stored message, which may end in a log, has no text."""
    recorded = await said(database, content="a secret", sent_at=SENT_AT)

    assert "a secret" not in repr(recorded)
