"""recent, window, clear, and the deletion of single messages: how a dialogue is read and forgotten."""

from typing import Any, Literal

import psycopg
import pytest

from botcore import Database, Message
from tests.factories import dialogue, person, said


async def converse(database: Database, *contents: str, **changes: Any) -> list[Message]:
    """A dialogue: the first message is recorded, the others added in turn by the bot and the person."""
    first = (await said(database, content=contents[0], **changes)).message
    return [first] + [
        await database.messages.add(**dialogue(first), role=("user", "assistant")[place % 2], content=content)
        for place, content in enumerate(contents[1:], start=1)
    ]


def contents(messages: list[Message]) -> list[str]:
    """What was said, in the order of the list."""
    return [message.content for message in messages]


async def test_recent_gives_the_newest_first_and_pages_back(database: Database) -> None:
    """Pages follow one another to the beginning without gap or repetition."""
    messages = await converse(database, *"abcdefg")
    key = dialogue(messages[0])

    first = await database.messages.recent(**key, page_size=3)
    second = await database.messages.recent(**key, page_size=3, before_id=first[-1].id)
    third = await database.messages.recent(**key, page_size=3, before_id=second[-1].id)

    assert [contents(page) for page in (first, second, third)] == [["g", "f", "e"], ["d", "c", "b"], ["a"]]


async def test_recent_keeps_people_chats_and_topics_apart(database: Database) -> None:
    """A dialogue is chat, person and topic: no other one's messages are in it."""
    group = {"telegram_chat_id": -5}
    ada = await converse(database, "ada", **group, telegram_user_id=1, telegram_message_id=1)
    await converse(database, "bob", **group, telegram_user_id=2, telegram_message_id=2)
    await converse(database, "ada in a topic", **group, telegram_user_id=1, telegram_message_id=3, message_thread_id=9)
    await converse(database, "ada in private", telegram_user_id=1, telegram_message_id=1)

    recent = await database.messages.recent(**dialogue(ada[0]))
    in_chat = await database.messages.recent_in_chat(chat_id=ada[0].chat_id)

    assert contents(recent) == ["ada"]
    assert contents(in_chat) == ["ada in a topic", "bob", "ada"]


async def test_recent_in_chat_pages_back(database: Database) -> None:
    """Pages of a chat follow one another to the beginning."""
    messages = await converse(database, *"abcd")

    first = await database.messages.recent_in_chat(chat_id=messages[0].chat_id, page_size=3)
    second = await database.messages.recent_in_chat(chat_id=messages[0].chat_id, page_size=3, before_id=first[-1].id)

    assert [contents(page) for page in (first, second)] == [["d", "c", "b"], ["a"]]


@pytest.mark.parametrize(
    ("max_messages", "max_characters", "expected"),
    [
        (10, 1000, ["SYS", "aaaa", "bb", "c", "dddddd"]),
        (2, 1000, ["SYS", "c", "dddddd"]),
        (10, 3 + 6, ["SYS", "dddddd"]),
        (10, 3 + 6 + 1 + 2, ["SYS", "bb", "c", "dddddd"]),
        (10, 3 + 6 + 1 + 2 + 3, ["SYS", "bb", "c", "dddddd"]),
        (10, 3 + 5, ["SYS"]),
        (10, 3, ["SYS"]),
        (10, 2, []),
    ],
)
async def test_window_is_the_longest_run_of_newest_messages_that_fits(
    database: Database, max_messages: int, max_characters: int, expected: list[str]
) -> None:
    """The system message leads and counts in characters only; no message is skipped for a shorter, older one."""
    messages = await converse(database, "aaaa", "bb")
    key = dialogue(messages[0])
    await database.messages.add(**key, role="system", content="SYS")
    for content in ("c", "dddddd"):
        await database.messages.add(**key, role="user", content=content)

    window = await database.messages.window(**key, max_messages=max_messages, max_characters=max_characters)

    assert contents(window) == expected


@pytest.mark.parametrize("versions", ["newest", "original"])
async def test_window_as_far_as_a_message(database: Database, versions: Literal["newest", "original"]) -> None:
    """What came since uses up nothing of it; the system message is the newest all the same."""
    messages = await converse(database, "aaaa", "bb")
    key = dialogue(messages[0])
    since = await database.messages.add(**key, role="assistant", content="c" * 100)
    await database.messages.add(**key, role="system", content="SYS")
    limits: dict[str, Any] = {"before_id": since.id, "max_messages": 2, "max_characters": 50}

    window = await database.messages.window(**key, **limits, versions=versions)
    everybodys = await database.messages.window_in_chat(chat_id=since.chat_id, **limits, versions=versions)

    assert contents(window) == ["SYS", "aaaa", "bb"]
    assert [spoken.message.content for spoken in everybodys] == ["aaaa", "bb"]


async def test_window_takes_the_newest_live_system_message(database: Database) -> None:
    """An older system message is out; when the newest is deleted it is in again."""
    messages = await converse(database, "hello")
    key = dialogue(messages[0])
    await database.messages.add(**key, role="system", content="old")
    newest = await database.messages.add(**key, role="system", content="new")

    with_newest = await database.messages.window(**key)
    await database.messages.delete(chat_id=newest.chat_id, message_id=newest.id)
    without = await database.messages.window(**key)

    assert (contents(with_newest), contents(without)) == (["new", "hello"], ["old", "hello"])


async def test_window_deletes_nothing(database: Database) -> None:
    """What does not fit into the window is still in the history."""
    messages = await converse(database, "a" * 50, "b")

    window = await database.messages.window(**dialogue(messages[0]), max_characters=10)

    assert contents(window) == ["b"]
    assert len(await database.messages.recent(**dialogue(messages[0]))) == 2


async def test_clear_hides_the_dialogue_but_its_system_message(database: Database) -> None:
    """The count is what was hidden; other dialogues stay, and so does what is said next."""
    messages = await converse(database, "a", "b")
    key = dialogue(messages[0])
    await database.messages.add(**key, role="system", content="SYS")
    other = await converse(database, "other", message_thread_id=4, telegram_message_id=5)

    cleared = await database.messages.clear(**key)
    await database.messages.add(**key, role="user", content="next")

    assert cleared == 2
    assert contents(await database.messages.window(**key)) == ["SYS", "next"]
    assert contents(await database.messages.recent(**dialogue(other[0]))) == ["other"]


async def test_clear_of_a_long_dialogue_is_one_change_of_many_statements(database: Database, database_url: str) -> None:
    """12,000 messages go in batches, all or nothing for a reader, and leave what arrives meanwhile."""
    first = (await said(database)).message
    fill = (
        "INSERT INTO messages (chat_id, user_id, role, content, sent_at)"
        " SELECT %s, %s, 'user', 'x', now() FROM generate_series(1, 12000)"
    )
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(fill, (first.chat_id, first.user_id))

    cleared = await database.messages.clear(**dialogue(first))

    assert cleared == 12_001
    assert await database.messages.recent(**dialogue(first)) == []


async def test_clear_of_an_unknown_dialogue_hides_nothing(database: Database) -> None:
    """Nothing there is nothing cleared, without an error."""
    assert await database.messages.clear(chat_id=1, user_id=1) == 0


async def test_delete_and_restore_one_message(database: Database) -> None:
    """A deleted message is out of every read and comes back as it was."""
    [first, second] = await converse(database, "a", "b")
    key = {"chat_id": second.chat_id, "message_id": second.id}

    deleted = await database.messages.delete(**key)
    hidden = await database.messages.recent(**dialogue(first))
    again = await database.messages.delete(**key)
    restored = await database.messages.restore(**key)

    assert (deleted, hidden, again, restored) == (True, [first], False, True)
    assert await database.messages.recent(**dialogue(first)) == [second, first]
    assert not await database.messages.restore(**key)


async def test_restore_leaves_a_message_whose_person_or_chat_is_deleted(database: Database) -> None:
    """No message is live under a deleted parent."""
    message = (await said(database)).message
    key = {"chat_id": message.chat_id, "message_id": message.id}
    await database.messages.delete(**key)

    await database.users.delete(user_id=person(message))
    under_a_deleted_person = await database.messages.restore(**key)
    await database.users.restore(user_id=person(message))
    await database.chats.delete(chat_id=message.chat_id)
    in_a_deleted_chat = await database.messages.restore(**key)
    await database.chats.restore(chat_id=message.chat_id)

    assert (under_a_deleted_person, in_a_deleted_chat) == (False, False)
    assert await database.messages.restore(**key)


async def test_totals_count_live_rows_of_one_bot(database: Database) -> None:
    """People, chats, messages by role and characters; deleted rows and other bots are out."""
    messages = await converse(database, "one", "four")
    await database.messages.add(**dialogue(messages[0]), role="system", content="SYS")
    gone = await converse(database, "gone", telegram_user_id=8)
    await database.users.delete(user_id=person(gone[0]))
    await converse(database, "other", bot_id=2)

    totals = await database.stats.totals(bot_id=1)

    assert (totals.people, totals.chats) == (1, 1)
    assert (totals.system_messages, totals.user_messages, totals.assistant_messages) == (1, 1, 1)
    assert totals.characters == len("onefourSYS")
    assert totals.first_at == messages[0].sent_at
    assert totals.last_at is not None


async def test_totals_of_nothing_are_zero(database: Database) -> None:
    """A bot that has stored nothing has zeros and no times."""
    totals = await database.stats.totals(bot_id=1)

    assert (totals.people, totals.characters, totals.first_at) == (0, 0, None)
