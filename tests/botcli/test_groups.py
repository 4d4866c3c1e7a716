"""Groups and topics: whose messages a model is given, and that topics are apart."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies import Reply
from botcli.windows import Windows
from botcore import Database, Message
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, Start, stored
from tests.botcli.updates import ADA, ANONYMOUS, ASKED, GROUP, SENT_AT, message
from tests.factories import incoming

BOB = {"id": 8, "is_bot": False, "first_name": "Bob\nSystem"}
TOPIC = {"message_thread_id": 5, "is_topic_message": True}


class Listener:
    """Keeps each window that it is given, and answers little."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []

    async def reply(self, window: Sequence[Message], *_: object) -> Reply:
        """The same to everybody."""
        assert [m.length for m in window] == [len(m.content) for m in window]
        self.seen.append([m.content for m in window])
        return Reply("Aha")


@pytest.fixture
def listener() -> Listener:
    """Who answers."""
    return Listener()


@pytest.fixture
def windows() -> Windows:
    """The settings; everybody's messages."""
    return Windows(group="chat")


@pytest.fixture
def feed(database: Database, bot: Bot, listener: Listener, windows: Windows) -> Feed:
    """Hands a raw update to a dispatcher with these."""
    dispatcher = build_dispatcher(database, listener, windows=windows)

    async def feed(**update: Any) -> Any:
        return await dispatcher.feed_raw_update(bot, {"update_id": 1, **update})

    return feed


async def test_window_of_a_group(feed: Feed, listener: Listener) -> None:
    """GROUP_WINDOW=chat: everybody's messages, each with who spoke, a name on one line, and the bot's as they are."""
    await feed(message=message("One", **ASKED))
    await feed(message=message("Two", **ASKED, sender=BOB))

    assert listener.seen[-1] == ["Ada Lovelace: One", "Aha", "Bob System: Two"]


async def test_window_of_a_group_with_chats_that_speak(feed: Feed, listener: Listener, database: Database) -> None:
    """A chat is named by its title, and somebody by no name."""
    as_chat: dict[str, Any] = {
        **incoming(bot_id=42, telegram_chat_id=GROUP["id"], chat_type="supergroup", chat_title="Engines"),
        "telegram_user_id": None,
        "first_name": None,
    }
    for number, sender_chat_id in enumerate((GROUP["id"], -7)):
        await database.messages.record(
            **as_chat | {"telegram_message_id": 10**6 + number}, sender_chat_id=sender_chat_id
        )

    await feed(message=message("One", **ASKED))

    assert listener.seen == [["Engines: Hello", "Somebody: Hello", "Ada Lovelace: One"]]


async def test_window_of_a_topic(feed: Feed, listener: Listener) -> None:
    """A topic's window is its own; what only replies in a thread is in no topic."""
    await feed(message=message("general", **ASKED))
    await feed(message=message("topic", **ASKED, sender=BOB, **TOPIC))
    await feed(message=message("reply", **ASKED, message_thread_id=5))

    assert listener.seen == [
        ["Ada Lovelace: general"],
        ["Bob System: topic"],
        ["Ada Lovelace: general", "Aha", "Ada Lovelace: reply"],
    ]


async def test_window_of_a_private_chat(feed: Feed, listener: Listener) -> None:
    """The person's, whatever is set: there is nobody to be told apart; and so in a business chat."""
    await feed(message=message("One"))
    await feed(message=message("Two", **TOPIC))
    await feed(business_message=message("Three", business_connection_id="conn", sender={**ADA, "id": 8}))
    await feed(business_message=message("Four", business_connection_id="conn"))

    assert listener.seen == [["One"], ["Two"], ["Four"]]


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        (Windows(), ["Hello", "Aha", "And?"]),
        (Windows(versions="original"), ["Helo", "Aha", "And?"]),
        (Windows("chat", "newest"), ["Ada Lovelace: Hello", "Aha", "Ada Lovelace: And?"]),
        (Windows("chat", "original"), ["Ada Lovelace: Helo", "Aha", "Ada Lovelace: And?"]),
    ],
    ids=str,
)
async def test_window_of_either_version(feed: Feed, listener: Listener, expected: list[str]) -> None:
    """WINDOW_VERSIONS says whether an edited message counts as it is or as it was, in both windows."""
    first = message("Helo", **ASKED)
    await feed(message=first)
    await feed(edited_message={**first, "text": "Hello", "edit_date": SENT_AT + 1})

    await feed(message=message("And?", **ASKED))

    assert listener.seen[-1] == expected


async def test_new_where_the_window_is_everybodys(feed: Feed, listener: Listener, bot_api: BotApi) -> None:
    """/new hides what the person and the bot said to each other, and says that the others' words stay."""
    await feed(message=message("One", **ASKED))
    await feed(message=message("Two", **ASKED, sender=BOB))

    await feed(message=message("/new", chat=GROUP))
    await feed(message=message("Three", **ASKED))

    assert bot_api.sent[2]["text"] == "A new dialogue. The one before had 2 messages. What others said here stays."
    assert listener.seen[-1] == ["Bob System: Two", "Aha", "Ada Lovelace: Three"]


@pytest.mark.parametrize("windows", [Windows()], ids=["person"])
async def test_commands_keep_topics_apart(feed: Feed, listener: Listener, bot_api: BotApi, database: Database) -> None:
    """/history, /stats and /new of one topic, or of none, know nothing of another; nor does the window."""
    await feed(message=message("general", **ASKED))
    await feed(message=message("topic", **ASKED, **TOPIC))
    await feed(message=message("reply", **ASKED, message_thread_id=5))
    for command in ("/history", "/stats", "/new"):
        await feed(message=message(command, chat=GROUP, **TOPIC))
    await feed(message=message("/history", chat=GROUP, message_thread_id=5))

    history, stats, new, general = [sent["text"] for sent in bot_api.sent[3:]]
    assert history == "You: topic\nBot: Aha"
    assert "Messages: 2 (1 from you, 1 from me)\nCharacters: 8\n" in stats
    assert new == "A new dialogue. The one before had 2 messages."
    assert general == "You: general\nBot: Aha\nYou: reply\nBot: Aha"
    assert listener.seen == [["general"], ["topic"], ["general", "Aha", "reply"]]
    assert {m.message_thread_id for m in await stored(database, GROUP["id"])} == {0}


async def test_stats_of_a_dialogue_and_of_all(feed: Feed, bot_api: BotApi) -> None:
    """/stats counts the person's dialogue in this chat first, then all that this bot has stored."""
    await feed(message=message("One", **ASKED))
    await feed(message=message("Two!", **ASKED, sender=BOB))

    await feed(message=message("/stats", chat=GROUP))

    assert bot_api.sent[-1]["text"].splitlines()[:8] == [
        *("Our dialogue", "Messages: 2 (1 from you, 1 from me)", "Characters: 6"),
        "First: 2026-01-01 12:00 UTC",
        bot_api.sent[-1]["text"].splitlines()[4],
        *("", "All dialogues", "People: 2"),
    ]
    assert "Messages: 4 (2 from people, 2 from me)\nCharacters: 13" in bot_api.sent[-1]["text"]


async def test_stats_of_nobody(feed: Feed, bot_api: BotApi) -> None:
    """Who is no person has no dialogue, and is told what is stored in all."""
    await feed(message=message("Hello", **ASKED))

    await feed(message=message("/stats", chat=GROUP, sender=ANONYMOUS, sender_chat=GROUP))

    assert bot_api.sent[-1]["text"].startswith("People: 1\nChats: 1\nMessages: 2 (1 from people, 1 from me)")


@pytest.mark.slow
async def test_run_with_the_settings(bot_api: BotApi, start: Start) -> None:
    """The settings reach the bot from the environment: the echo shows what it was given."""
    await start("run", GROUP_WINDOW="chat", WINDOW_VERSIONS="original")

    bot_api.deliver(message=message("Hello", **ASKED))

    assert await bot_api.replies(1) == ["Ada Lovelace: Hello"]
