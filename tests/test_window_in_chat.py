"""window_in_chat: what everybody said in a topic of a chat, and who."""

from itertools import count
from typing import Any

import pytest

from botcore import Database, InvalidInput, Message, Spoken
from tests.factories import dialogue, edited, incoming, person, said

GROUP: dict[str, Any] = {"telegram_chat_id": -5, "chat_type": "supergroup", "chat_title": "Engines"}
ADA: dict[str, Any] = {**GROUP, "telegram_user_id": 1}
BOB: dict[str, Any] = {**GROUP, "telegram_user_id": 2, "first_name": "Bob", "last_name": None}

_message_ids = count(1)


async def speak(database: Database, content: str, **who: Any) -> Message:
    """What somebody says in the group."""
    return (await said(database, content=content, **{"telegram_message_id": next(_message_ids)} | who)).message


def lines(window: list[Spoken]) -> list[tuple[str | None, str]]:
    """Who said what."""
    return [(spoken.speaker, spoken.message.content) for spoken in window]


async def test_window_in_chat_of_all_with_their_names(database: Database) -> None:
    """Everybody's messages, oldest first, with the full name of who spoke, and the bot's without."""
    ada = await speak(database, "Hello", **ADA)
    await database.messages.add(**dialogue(ada), role="assistant", content="Hello, Ada")
    await speak(database, "And me?", **BOB)
    await speak(database, "Elsewhere", **{**ADA, "telegram_chat_id": -6})

    window = await database.messages.window_in_chat(chat_id=ada.chat_id)

    assert lines(window) == [("Ada Lovelace", "Hello"), (None, "Hello, Ada"), ("Bob", "And me?")]
    assert window[0].message == ada


async def test_window_in_chat_keeps_topics_apart(database: Database) -> None:
    """A topic's window has its messages and its system message; outside of topics is 0."""
    ada = await speak(database, "general", **ADA)
    await speak(database, "topic", **BOB, message_thread_id=9)
    for topic, content in ((0, "Be brief."), (9, "Be kind.")):
        await database.messages.add(
            chat_id=ada.chat_id, user_id=None, role="system", content=content, message_thread_id=topic
        )

    windows = [
        await database.messages.window_in_chat(chat_id=ada.chat_id, message_thread_id=topic) for topic in (0, 9, 10)
    ]

    assert [lines(window) for window in windows] == [
        [(None, "Be brief."), ("Ada Lovelace", "general")],
        [(None, "Be kind."), ("Bob", "topic")],
        [],
    ]


async def test_window_in_chat_takes_the_system_message_of_the_chat(database: Database) -> None:
    """The newest live one without a person leads; what the bot was told about one person stays between the two."""
    ada = await speak(database, "Hello", **ADA)
    told: dict[str, Any] = {"chat_id": ada.chat_id, "role": "system"}
    await database.messages.add(**told, user_id=None, content="old")
    newest = await database.messages.add(**told, user_id=None, content="new")
    await database.messages.add(**told, user_id=ada.user_id, content="Ada's")

    with_newest = await database.messages.window_in_chat(chat_id=ada.chat_id)
    await database.messages.delete(chat_id=newest.chat_id, message_id=newest.id)
    without = await database.messages.window_in_chat(chat_id=ada.chat_id)

    assert [lines(window)[0] for window in (with_newest, without)] == [(None, "new"), (None, "old")]
    assert [len(window) for window in (with_newest, without)] == [2, 2]


@pytest.mark.parametrize(
    ("max_messages", "max_characters", "expected"),
    [
        (10, 1000, ["SYS", "aaaa", "bb", "c"]),
        (2, 1000, ["SYS", "bb", "c"]),
        (1, 1000, ["SYS", "c"]),
        (10, 3 + 6 + 2 + 18, ["SYS", "aaaa", "bb", "c"]),
        (10, 3 + 6 + 2 + 17, ["SYS", "bb", "c"]),
        (10, 3 + 6 + 2, ["SYS", "bb", "c"]),
        (10, 3 + 6, ["SYS", "c"]),
        (10, 3 + 5, ["SYS"]),
        (10, 2, []),
    ],
)
async def test_window_in_chat_counts_contents_and_speakers(
    database: Database, max_messages: int, max_characters: int, expected: list[str]
) -> None:
    """`Bob: c` has six characters, the bot's `bb` two; no message is skipped for a shorter, older one."""
    ada = await speak(database, "aaaa", **ADA)
    await database.messages.add(**dialogue(ada), role="assistant", content="bb")
    await speak(database, "c", **BOB)
    await database.messages.add(chat_id=ada.chat_id, user_id=None, role="system", content="SYS")

    window = await database.messages.window_in_chat(
        chat_id=ada.chat_id, max_messages=max_messages, max_characters=max_characters
    )

    assert [spoken.message.content for spoken in window] == expected
    assert sum(spoken.message.length + len(f"{spoken.speaker}: ") * bool(spoken.speaker) for spoken in window) <= (
        max_characters
    )


async def test_window_in_chat_names_a_chat_that_spoke(database: Database) -> None:
    """By its title where this bot knows it and it is not deleted; the id is in the message anyway."""
    as_group: dict[str, Any] = {**GROUP, "telegram_user_id": None, "first_name": None, "sender_chat_id": -5}
    news = await database.chats.get_or_create(bot_id=1, telegram_chat_id=-7, type="channel", title="News")
    await database.chats.get_or_create(bot_id=2, telegram_chat_id=-8, type="channel", title="Another bot's")
    first = await speak(database, "Rules", **as_group)
    for sender_chat_id in (-7, -8):
        await speak(database, "Look!", **{**as_group, "sender_chat_id": sender_chat_id})
    await speak(database, "Who?", **{**as_group, "sender_chat_id": None})

    window = await database.messages.window_in_chat(chat_id=first.chat_id)
    await database.chats.delete(chat_id=news.id)
    forgotten = await database.messages.window_in_chat(chat_id=first.chat_id)

    assert lines(window) == [("Engines", "Rules"), ("News", "Look!"), (None, "Look!"), (None, "Who?")]
    assert [spoken.message.sender_chat_id for spoken in window] == [-5, -7, -8, None]
    assert [spoken.speaker for spoken in forgotten] == ["Engines", None, None, None]


async def test_window_in_chat_of_who_has_half_a_name(database: Database) -> None:
    """A name has no space too many, and is None rather than empty."""
    nameless = await speak(database, "a", **{**ADA, "first_name": "", "last_name": None})
    await speak(database, "b", **{**BOB, "first_name": "", "last_name": "Byron"})

    window = await database.messages.window_in_chat(chat_id=nameless.chat_id)

    assert lines(window) == [(None, "a"), ("Byron", "b")]


async def test_window_in_chat_without_what_is_deleted(database: Database) -> None:
    """Deleted messages, cleared dialogues and deleted people's messages are out, a deleted chat's are too."""
    ada = await speak(database, "Ada's", **ADA)
    bob = await speak(database, "Bob's", **BOB)
    gone = await speak(database, "gone", **BOB)
    await database.messages.delete(chat_id=gone.chat_id, message_id=gone.id)

    before = await database.messages.window_in_chat(chat_id=ada.chat_id)
    await database.messages.clear(**dialogue(ada))
    cleared = await database.messages.window_in_chat(chat_id=ada.chat_id)
    await database.users.delete(user_id=person(bob))
    nobody = await database.messages.window_in_chat(chat_id=ada.chat_id)
    await database.users.restore(user_id=person(bob))
    await database.chats.delete(chat_id=ada.chat_id)
    nowhere = await database.messages.window_in_chat(chat_id=ada.chat_id)

    assert [[spoken.message.content for spoken in window] for window in (before, cleared, nobody, nowhere)] == [
        ["Ada's", "Bob's"],
        ["Bob's"],
        [],
        [],
    ]


async def test_window_in_chat_of_the_originals(database: Database) -> None:
    """Each message as it says now or as it said first, and the budget counts what is given."""
    message = await speak(database, "Helo", **{**BOB, "telegram_message_id": 1})
    key: dict[str, Any] = {"chat_id": message.chat_id, "max_characters": len("Bob: Helo")}
    await database.messages.edit(**{**edited(9, content="Hello, all of you"), **BOB, "telegram_message_id": 1})

    newest = await database.messages.window_in_chat(chat_id=message.chat_id)
    originals = await database.messages.window_in_chat(**key, versions="original")
    too_long = await database.messages.window_in_chat(**key)

    assert (lines(newest), lines(originals), too_long) == ([("Bob", "Hello, all of you")], [("Bob", "Helo")], [])
    assert (originals[0].message.length, originals[0].message.edited_at) == (4, None)
    assert newest[0].message.edited_at is not None


async def test_window_in_chat_of_another_version(database: Database) -> None:
    """What is neither word is refused by the argument's name."""
    with pytest.raises(InvalidInput) as refused:
        await database.messages.window_in_chat(chat_id=1, versions="oldest")  # type: ignore[arg-type]

    assert refused.value.field == "versions"


async def test_dialogue_counts_one_topic(database: Database) -> None:
    """`stats.dialogue` counts live rows of one person in one topic, and zeros where nothing was said."""
    ada = await speak(database, "one", **ADA)
    await database.messages.add(**dialogue(ada), role="assistant", content="four")
    gone = await speak(database, "gone", **ADA)
    await database.messages.delete(chat_id=gone.chat_id, message_id=gone.id)
    await speak(database, "topic", **ADA, message_thread_id=9)
    await speak(database, "Bob's", **BOB)

    general, topic, empty = [
        await database.stats.dialogue(**{**dialogue(ada), "message_thread_id": thread}) for thread in (0, 9, 10)
    ]

    assert (general.people, general.chats, general.user_messages, general.assistant_messages) == (1, 1, 1, 1)
    assert (general.characters, general.first_at) == (len("onefour"), incoming()["sent_at"])
    assert (topic.user_messages, topic.characters) == (1, len("topic"))
    assert (empty.people, empty.chats, empty.characters, empty.last_at) == (0, 0, 0, None)
