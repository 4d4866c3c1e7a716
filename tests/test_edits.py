"""edit, versions, and the window of originals: the newest text wins, and none is lost."""

from datetime import datetime, timedelta
from itertools import count, groupby
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcore import Database, InvalidInput, Message
from tests.factories import SENT_AT, dialogue, edited, person, said

_numbers = count(1)


def at(seconds: int) -> datetime:
    """So long after the message was sent."""
    return SENT_AT + timedelta(seconds=seconds)


async def texts(database: Database, message: Message) -> list[tuple[datetime | None, str]]:
    """What `versions` says of a message: since when it said what."""
    versions = await database.messages.versions(chat_id=message.chat_id, message_id=message.id)
    assert all(version.length == len(version.content) for version in versions)
    return [(version.edited_at, version.content) for version in versions]


async def test_edit_gives_the_message_its_new_text(database: Database) -> None:
    """The row stays the same but for its text, length and edit date; what it said before is a version."""
    first = (await said(database, content="Helo")).message

    again = await database.messages.edit(**edited(1, content="Hello, 🌍"))

    stored = await database.messages.get(chat_id=first.chat_id, message_id=first.id)
    assert again
    assert (again.is_new, again.message) == (False, stored)
    assert stored
    assert (stored.id, stored.content, stored.length, stored.edited_at) == (first.id, "Hello, 🌍", 8, at(1))
    assert (stored.sent_at, stored.created_at) == (first.sent_at, first.created_at)
    assert await texts(database, first) == [(None, "Helo"), (at(1), "Hello, 🌍")]


async def test_edit_that_comes_late_is_kept_and_does_not_win(database: Database) -> None:
    """The newest edit date wins; the others find their place among the versions."""
    message = (await said(database, content="a")).message
    for seconds, content in ((9, "d"), (3, "b"), (6, "c"), (3, "b")):
        late = await database.messages.edit(**edited(seconds, content=content))
        assert late
        assert (late.message.content, late.message.edited_at) == ("d", at(9))

    assert await texts(database, message) == [(None, "a"), (at(3), "b"), (at(6), "c"), (at(9), "d")]


async def test_edit_that_changes_nothing_is_no_version(database: Database) -> None:
    """A new keyboard under the same text adds none, but its date keeps an older edit with another text from winning."""
    message = (await said(database, content="a")).message

    await database.messages.edit(**edited(5, content="a"))
    unchanged = await texts(database, message)
    late = await database.messages.edit(**edited(3, content="b"))

    assert unchanged == [(None, "a")]
    assert late
    assert (late.message.content, late.message.edited_at) == ("a", at(5))
    assert await texts(database, message) == [(None, "a"), (at(3), "b"), (at(5), "a")]


async def test_edit_redelivered_writes_nothing(database: Database, database_url: str) -> None:
    """The same edit again, the newest or an older one, leaves the very rows that there were."""
    await said(database, content="a")
    for seconds, content in ((1, "b"), (2, "c")):
        await database.messages.edit(**edited(seconds, content=content))
    rows = (
        "SELECT (SELECT array_agg(ctid::text) FROM messages),"
        " (SELECT array_agg(ctid::text ORDER BY ctid) FROM message_versions)"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = connection.execute(rows).fetchone()

        again = [await database.messages.edit(**edited(n, content=content)) for n, content in ((2, "c"), (1, "b"))]

        assert connection.execute(rows).fetchone() == before
    assert [each and each.message.content for each in again] == ["c", "c"]


async def test_edit_of_a_message_never_stored_is_stored_as_new(database: Database) -> None:
    """With its person and chat, as record stores them; the same edit again is not new."""
    new = await database.messages.edit(**edited(1, content="b"))
    again = await database.messages.edit(**edited(1, content="b"))

    assert new
    assert (new.is_new, new.message.content, new.message.edited_at) == (True, "b", at(1))
    assert again
    assert (again.is_new, again.message) == (False, new.message)
    assert [user.username for user in await database.users.page()] == ["ada"]
    assert await texts(database, new.message) == [(at(1), "b")]


@pytest.mark.parametrize("older", [[], [2]], ids=["one edit", "and an older one"])
async def test_edit_that_comes_before_its_message_keeps_both(database: Database, older: list[int]) -> None:
    """A message that is delivered after an edit of it is not new, and is the first version."""
    new = await database.messages.edit(**edited(5, content="c"))
    assert new
    for seconds in older:
        await database.messages.edit(**edited(seconds, content="b"))

    recorded = [await said(database, content="a") for _ in range(2)]

    assert [(each.is_new, each.message.content) for each in recorded] == [(False, "c")] * 2
    assert await texts(database, new.message) == [(None, "a"), *[(at(2), "b")] * len(older), (at(5), "c")]


async def test_edit_twice_in_a_second_takes_the_last_to_come(database: Database) -> None:
    """Telegram dates by the second: what comes last is newer, none is lost, and a redelivery does not turn it round."""
    message = (await said(database, content="a")).message
    for content in ("z", "b", "z", "m", "b"):
        await database.messages.edit(**edited(1, content=content))

    stored = await database.messages.get(chat_id=message.chat_id, message_id=message.id)

    assert stored
    assert stored.content == "m"
    assert await texts(database, message) == [(None, "a"), (at(1), "z"), (at(1), "b"), (at(1), "m")]


async def test_edit_keeps_bots_chats_and_business_connections_apart(database: Database) -> None:
    """The same message id elsewhere is another message."""
    places: list[dict[str, Any]] = [{}, {"telegram_chat_id": -9}, {"bot_id": 2}, {"business_connection_id": "b1"}]
    messages = [(await said(database, content="a", **place)).message for place in places]

    await database.messages.edit(**edited(1, content="b", business_connection_id="b1"))

    assert [len(await texts(database, message)) for message in messages] == [1, 1, 1, 2]


async def test_edit_of_a_deleted_message_leaves_it_deleted(database: Database) -> None:
    """Its versions are out of sight; restored, it says what its newest edit says."""
    message = (await said(database, content="a")).message
    key = {"chat_id": message.chat_id, "message_id": message.id}
    await database.messages.edit(**edited(1, content="b"))
    await database.messages.delete(**key)

    late = await database.messages.edit(**edited(2, content="c"))
    hidden = await texts(database, message)
    in_reads = [await database.messages.get(**key), await database.messages.window(**dialogue(message))]
    await database.messages.restore(**key)

    assert late
    assert late.message.deleted_at is not None
    assert (hidden, in_reads) == ([], [None, []])
    assert await texts(database, message) == [(None, "a"), (at(1), "b"), (at(2), "c")]


async def test_edit_revives_neither_person_nor_chat(database: Database) -> None:
    """What fell with its person and chat does not bring them back, however new the edit is."""
    message = (await said(database, content="a")).message
    await database.users.delete(user_id=person(message))
    await database.chats.delete(chat_id=message.chat_id)

    for seconds in (1, 10**9):
        await database.messages.edit(**edited(seconds, content="b", first_name="Eve", chat_title="Other"))

    assert await database.users.get(user_id=person(message)) is None
    assert await database.chats.get(chat_id=message.chat_id) is None


@pytest.mark.parametrize("parent", ["person", "chat"])
async def test_edit_of_a_message_never_stored_revives_nobody_when_it_is_late(database: Database, parent: str) -> None:
    """Made before the deletion of person or chat, it is not stored; made after it, it is as good as a new message."""
    message = (await said(database, telegram_message_id=1)).message
    if parent == "person":
        await database.users.delete(user_id=person(message))
    else:
        await database.chats.delete(chat_id=message.chat_id)

    late = await database.messages.edit(**edited(1, telegram_message_id=2, first_name="Eve"))
    after_late = await database.users.page(), await database.chats.page()
    newer = await database.messages.edit(**edited(10**9, telegram_message_id=2))

    assert late is None
    assert [len(page) for page in after_late] == ([0, 1] if parent == "person" else [1, 0])
    assert all(user.first_name == "Ada" for user in after_late[0])
    assert newer
    assert newer.is_new
    assert await database.messages.recent(**dialogue(message)) == [newer.message]


@pytest.mark.parametrize(
    ("field", "value"),
    [("edited_at", None), ("edited_at", datetime(2026, 1, 1)), ("content", "a\0b"), ("telegram_message_id", 0)],  # noqa: DTZ001
)
async def test_edit_refuses_a_bad_value_by_its_name(database: Database, field: str, value: Any) -> None:
    """Without a date or an id of the message, nobody can say what the edit is of."""
    await said(database, content="a")

    with pytest.raises(InvalidInput) as refused:
        await database.messages.edit(**edited(1, **{field: value}))

    assert refused.value.field == field


async def test_versions_of_nothing_are_none(database: Database) -> None:
    """An unknown message has no versions; neither has one of another chat."""
    message = (await said(database)).message

    assert await database.messages.versions(chat_id=message.chat_id, message_id=message.id + 1) == []
    assert await database.messages.versions(chat_id=message.chat_id + 1, message_id=message.id) == []


async def test_versions_do_not_show_what_was_said(database: Database) -> None:
    """The repr of a version, which may end in a log, has no text."""
    message = (await said(database, content="a secret")).message

    assert "a secret" not in repr(await database.messages.versions(chat_id=message.chat_id, message_id=message.id))


async def test_versions_go_with_their_message(database: Database, database_url: str) -> None:
    """A message that is removed for good takes its versions along."""
    await said(database, content="a")
    await database.messages.edit(**edited(1, content="b"))

    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM messages")

        assert connection.execute("SELECT count(*) FROM message_versions").fetchone() == (0,)


async def test_window_takes_the_newest_texts_or_the_originals(database: Database) -> None:
    """What fits is counted in the texts that are asked for; rows say when theirs was written."""
    first = (await said(database, content="aa", telegram_message_id=1)).message
    key = dialogue(first)
    await database.messages.add(**key, role="system", content="SYS")
    await said(database, content="b", telegram_message_id=2)
    await database.messages.edit(**edited(1, content="aaaa", telegram_message_id=1))
    await database.messages.edit(**edited(2, content="aaaaa", telegram_message_id=1))
    await database.messages.edit(**edited(3, content="never stored before", telegram_message_id=3))

    newest = await database.messages.window(**key)
    originals = await database.messages.window(**key, versions="original")
    fitting = [
        [m.content for m in await database.messages.window(**key, max_characters=3 + 19 + 1 + 2, versions=which)]
        for which in ("newest", "original")
    ]

    assert [m.content for m in newest] == ["SYS", "aaaaa", "b", "never stored before"]
    assert [m.content for m in originals] == ["SYS", "aa", "b", "never stored before"]
    assert [m.length for m in originals] == [3, 2, 1, 19]
    assert [m.edited_at for m in newest] == [None, at(2), None, at(3)]
    assert [m.edited_at for m in originals] == [None, None, None, at(3)]
    assert fitting == [["SYS", "b", "never stored before"], ["SYS", "aa", "b", "never stored before"]]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[str], list[int]]:
    """A message's texts in order, and an order in which each is delivered once or more."""
    history = draw(st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=6))
    again = draw(st.lists(st.integers(0, len(history) - 1), max_size=4))
    return history, draw(st.permutations([*range(len(history)), *again]))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(delivered=deliveries(), deleted_after=st.integers(0, 9))
async def test_edit_in_any_order_and_repetition_ends_the_same(
    database: Database, delivered: tuple[list[str], list[int]], deleted_after: int
) -> None:
    """Whatever comes first, twice or while the message is deleted: the end is that of the texts in their order."""
    history, order = delivered
    number = next(_numbers)
    message = None

    for place, at_second in enumerate(order):
        fields = {"content": history[at_second], "telegram_message_id": number}
        recorded = await (
            database.messages.edit(**edited(at_second, **fields)) if at_second else said(database, **fields)
        )
        assert recorded
        assert recorded.is_new == (place == 0)
        message = recorded.message
        assert message.edited_at == (at(newest) if (newest := max(order[: place + 1])) else None)
        assert message.content == history[newest]
        if place == deleted_after:
            await database.messages.delete(chat_id=message.chat_id, message_id=message.id)

    assert message
    await database.messages.restore(chat_id=message.chat_id, message_id=message.id)
    said_at = [(at(second) if second else None, text) for second, text in enumerate(history)]
    assert await texts(database, message) == [next(run) for _, run in groupby(said_at, key=lambda each: each[1])]
    [original] = await database.messages.window(**dialogue(message), max_messages=1, versions="original")
    assert (original.id, original.content, original.edited_at) == (message.id, history[0], None)
