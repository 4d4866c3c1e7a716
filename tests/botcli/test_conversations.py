"""The terminal's conversations: each by its name, one beside the other."""

import json
from typing import Any

import pytest

from botcli import conversations
from botcli.cli.chat import chat
from botcli.conversations import MAIN, named
from botcli.replies.echo import Echo
from botcli.terminal import Terminal
from botcore import Database, InvalidInput
from tests.botcli.conftest import Start, stored


@pytest.mark.parametrize("name", ["", " ", "x" * 33, "a\nb", "\x1b[31m", "a\0", "a\u202eb", "\u200d", "work\u200c"])
def test_named_with_what_is_no_name(name: str) -> None:
    """A name has to be seen, and short."""
    with pytest.raises(InvalidInput, match=r"1\.\.32 characters that can be printed"):
        named(name)


def test_named_gives_an_id_of_telegrams() -> None:
    """The id of a conversation's chat follows from its name, however it is written, and is none of another."""
    ids = {named(f"name {number}").telegram_chat_id for number in range(1_000)}

    assert len(ids) == 1_000
    assert min(ids) > 1
    assert max(ids) < 2**52
    assert named("work").telegram_chat_id == 1291329168935663
    assert (
        named("\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u062e").name
        == "\U0001f469\u200d\U0001f680 \u0645\u06cc\u200c\u062e"
    )
    assert named(" caf\u00e9 ") == named("cafe\u0301")
    assert (named("default"), MAIN.telegram_chat_id, MAIN.title) == (MAIN, 1, None)


async def test_used_names_the_last_first(database: Database) -> None:
    """A conversation is there once something was said in it; a command is a use, and what /new hid is not counted."""
    default, work = (Terminal(database, Echo(), conversation=named(name)) for name in ("default", "work"))
    assert await conversations.used(database) == []

    await default.say("one")
    await work.say("two")
    await work.say("three")
    worked = [(each.name, use.messages) for each, use in await conversations.used(database)]
    await default.say("/new")

    assert worked == [("work", 4), ("default", 2)]
    assert [(each.name, use.messages) for each, use in await conversations.used(database)] == [
        ("default", 0),
        ("work", 4),
    ]


async def test_terminal_with_a_name(database: Database) -> None:
    """What was said under a name stays there: commands speak of it alone, and the export has all."""
    default, work = (Terminal(database, Echo(), conversation=named(name)) for name in ("default", "work"))
    await default.say("here")
    await work.say("there")

    [history] = await work.say("/history")
    [found] = await work.say("/search here")
    [exported] = await work.say("/export")

    assert (history.text, found.text) == ("You: there\nBot: there", "Nothing was found.")
    assert [row["content"] for row in map(json.loads, exported.text.splitlines()) if row["type"] == "message"] == [
        *("here", "here", "there", "there")
    ]
    assert (await work.said(), await default.said()) == (["there"], ["here"])


async def test_forget_takes_the_names_along(database: Database) -> None:
    """After /forget nothing is left of any conversation, and its name is not."""
    for name in ("default", "work", "empty"):
        terminal = Terminal(database, Echo(), conversation=named(name))
        await terminal.say("hello")
    await terminal.say("/new")

    [receipt] = await terminal.say("/forget yes")

    assert "Private chats: 3" in receipt.text
    assert (await database.users.page(), await database.chats.page()) == ([], [])


@pytest.mark.usefixtures("settings")
async def test_chat_lists_conversations(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a line, one of which nothing is left too; a chat of bot 0 that is none has not."""
    await Terminal(database, Echo(), conversation=named("work")).say("hello")
    key: dict[str, Any] = {"bot_id": 0, "type": "private"}
    await database.chats.get_or_create(**key, telegram_chat_id=named("old").telegram_chat_id, title="old")
    await database.chats.get_or_create(**key, telegram_chat_id=9, title="other")

    await chat(list_=True)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [["work", "2"], ["old", "0"]]
    assert lines[-1].rstrip().endswith("long ago")


@pytest.mark.parametrize(
    "options",
    [
        {"json": True},
        {"name": "work", "list_": True},
        {"new": True, "list_": True},
        {"continue_": True, "list_": True},
        {"name": "work", "continue_": True},
        {"name": "x" * 33},
    ],
    ids="and".join,
)
async def test_chat_with_options_that_do_not_fit(options: dict[str, Any]) -> None:
    """They are refused before anything is opened."""
    name = options.pop("name", None)

    with pytest.raises(InvalidInput):
        await chat(name, **options)


@pytest.mark.slow
async def test_chat_goes_on_with_the_last(start: Start, database: Database) -> None:
    """--continue is the conversation that was used last, --new hides what was said in it, --list names all."""
    await Terminal(database, Echo()).say("one")
    await Terminal(database, Echo(), conversation=named("work")).say("two")
    process = await start("chat", "--continue", "--new")
    replies, log = await process.communicate(b"three\n")
    listing = await start("chat", "--list", "--json")
    listed, _ = await listing.communicate()

    assert (replies, log) == (b"three\n", b"A new dialogue. The one before had 2 messages.\n")
    assert [(each["name"], each["messages"]) for each in json.loads(listed)] == [("work", 2), ("default", 2)]
    assert len(await stored(database, 1, bot_id=0)) == 2
