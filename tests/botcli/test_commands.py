"""The commands."""

import pytest

from botcli.menus import COMMANDS
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import ADA, ANONYMOUS, ASKED, GROUP, message


@pytest.mark.parametrize("text", ["/start", "/start deep-link", "/Start", "/start@our_bot"])
async def test_start_any_form(feed: Feed, bot_api: BotApi, database: Database, text: str) -> None:
    """/start greets, makes person and chat known, and is no part of the dialogue."""
    await feed(message=message(text))

    assert bot_api.sent[0]["text"].startswith("Hello!")
    assert await database.users.find(telegram_user_id=7)
    assert await database.chats.page()
    assert await stored(database) == []


async def test_help_lists_all(feed: Feed, bot_api: BotApi) -> None:
    """/help has a line for each command."""
    await feed(message=message("/help"))

    assert [line.split()[0] for line in bot_api.sent[0]["text"].splitlines()] == [f"/{name}" for name in COMMANDS]


async def test_new_after_a_talk(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """/new hides the dialogue, says how many messages that were, and the next begins empty."""
    await feed(message=message("Hello"))

    await feed(message=message("/new"))
    await feed(message=message("/history"))

    assert "2 messages" in bot_api.sent[1]["text"]
    assert bot_api.sent[2]["text"] == "Nothing was said yet."
    assert await stored(database) == []


async def test_new_delivered_again(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A redelivered /new neither answers again nor hides what was said after it."""
    new, later = message("/new"), message("Hello")
    await feed(message=new)
    await feed(message=later)

    await feed(message=new)
    await feed(message=later)

    assert len(bot_api.sent) == 2
    assert [m.content for m in await stored(database)] == ["Hello", "Hello"]


async def test_new_in_one_topic(feed: Feed, database: Database) -> None:
    """/new clears the dialogue of its person and topic alone."""
    bob, topic = {**ADA, "id": 8}, {"message_thread_id": 5, "is_topic_message": True}
    await feed(message=message("Bob's", **ASKED, sender=bob))
    await feed(message=message("Ada's", **ASKED))
    await feed(message=message("In the topic", **ASKED, **topic))

    await feed(message=message("/new", chat=GROUP, **topic))

    assert [m.content for m in await stored(database, GROUP["id"])] == ["Bob's", "Bob's", "Ada's", "Ada's"]


async def test_history_of_a_talk(feed: Feed, bot_api: BotApi) -> None:
    """/history shows who said what, oldest first, a line each, and not the commands."""
    for text in ("/start", "One\nand a half", "Two", "/history"):
        await feed(message=message(text))

    assert bot_api.sent[-1]["text"].splitlines() == [
        "You: One and a half",
        "Bot: One and a half",
        "You: Two",
        "Bot: Two",
    ]


async def test_history_of_long_messages(feed: Feed, bot_api: BotApi) -> None:
    """/history holds the newest 20 within Telegram's 4,096 UTF-16 units, whatever they are made of."""
    for _ in range(11):
        await feed(message=message("\U0001f600" * 2_048))

    await feed(message=message("/history"))

    text = bot_api.sent[-1]["text"]
    assert len(text.splitlines()) == 20
    assert 3_900 < len(text.encode("utf-16-le")) // 2 <= 4_096
    assert "\ufffd" not in text


async def test_history_of_replies_that_may_not_have_arrived(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """/history and /search say of a reply that it was not sent, or that nobody knows."""
    await feed(message=message("Hello"))
    question, _ = await stored(database)
    for delivery in ("pending", "unconfirmed"):
        await database.messages.add(
            chat_id=question.chat_id, user_id=question.user_id, role="assistant", content="Hello", delivery=delivery
        )

    await feed(message=message("/history"))
    await feed(message=message("/search hello"))

    lines = ["You: Hello", "Bot: Hello", "Bot (not sent yet): Hello", "Bot (unconfirmed): Hello"]
    shown, found = (sent["text"].splitlines() for sent in bot_api.sent[-2:])
    assert shown == lines
    assert [line.split(" ", 1)[1] for line in found] == lines[::-1]


async def test_stats_of_this_bot(feed: Feed, bot_api: BotApi) -> None:
    """/stats counts what is stored, not itself."""
    await feed(message=message("Hello"))

    await feed(message=message("/stats"))

    assert "Messages: 2 (1 from people, 1 from me)" in bot_api.sent[-1]["text"]
    assert "Characters: 10" in bot_api.sent[-1]["text"]
    assert "First: 2026-01-01 12:00 UTC" in bot_api.sent[-1]["text"]


async def test_stats_of_nothing(feed: Feed, bot_api: BotApi) -> None:
    """/stats has an answer before anything was said."""
    await feed(message=message("/stats"))

    assert "First: none yet" in bot_api.sent[0]["text"]


async def test_new_to_another_bot(feed: Feed, bot_api: BotApi, database: Database) -> None:
    """A command to another bot is only something that was said in the group."""
    await feed(message=message("Hello", **ASKED))

    await feed(message=message("/new@other_bot", chat=GROUP))

    assert len(await stored(database, GROUP["id"])) == 3
    assert len(bot_api.sent) == 1


@pytest.mark.parametrize("text", ["/new", "/history", "/search fox"])
async def test_new_of_an_anonymous_admin(feed: Feed, bot_api: BotApi, database: Database, text: str) -> None:
    """Who is no person has no dialogue, and is told so."""
    await feed(message=message(text, chat=GROUP, sender=ANONYMOUS, sender_chat=GROUP))

    assert bot_api.sent[0]["text"].startswith("Only a person")
    assert await stored(database, GROUP["id"]) == []
    assert await database.users.page() == []


async def test_start_with_a_name_that_postgresql_refuses(feed: Feed, database: Database) -> None:
    """A command cleans names as a message does."""
    await feed(message=message("/start", sender={**ADA, "first_name": "A\0da"}))

    assert [person.first_name for person in await database.users.page()] == ["Ada"]


async def test_search_of_a_talk(feed: Feed, bot_api: BotApi) -> None:
    """/search shows the newest hits of this person in this chat first, with date and speaker, and is not kept."""
    bob = {**ADA, "id": 8}
    await feed(message=message("A red\nfox", **ASKED))
    await feed(message=message("Bob's fox", **ASKED, sender=bob))
    await feed(message=message("A private fox"))

    for _ in range(2):
        await feed(message=message("/search fox", chat=GROUP))

    said, repeated = bot_api.sent[-2]["text"], bot_api.sent[-1]["text"]
    assert said == repeated
    assert [line.split(" ", 1)[1] for line in said.splitlines()] == ["Bot: A red fox", "You: A red fox"]
    assert said.splitlines()[1].startswith("2026-01-01 ")


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("/search", "Say what to look for: /search words"),
        ("/search  ", "Say what to look for: /search words"),
        ("/search owl", "Nothing was found."),
        ("/search !\0", "Nothing was found."),
        ("/search " + "x " * 2_040, "Nothing was found."),
    ],
)
async def test_search_without_a_hit(feed: Feed, bot_api: BotApi, text: str, reply: str) -> None:
    """/search says when there is nothing to look for and when nothing was found."""
    await feed(message=message("A red fox"))

    await feed(message=message(text))

    assert bot_api.sent[-1]["text"] == reply


async def test_search_of_long_messages(feed: Feed, bot_api: BotApi) -> None:
    """/search stays within Telegram's 4,096 UTF-16 units."""
    for _ in range(11):
        await feed(message=message("fox " + "\U0001f600" * 2_040))

    await feed(message=message("/search fox"))

    text = bot_api.sent[-1]["text"]
    assert len(text.splitlines()) == 20
    assert 3_900 < len(text.encode("utf-16-le")) // 2 <= 4_096
