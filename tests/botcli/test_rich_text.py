"""Rich messages: what their blocks say, as plain text, from raw JSON to the store."""

import time
from typing import Any

import pytest

from botcli import rich_text
from botcore import Database
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Feed, stored
from tests.botcli.updates import CHANNEL, PHOTO, SENT_AT, message


def paragraph(*text: Any) -> dict[str, Any]:
    """A paragraph of plain and formatted texts."""
    return {"type": "paragraph", "text": list(text)}


def item(label: str, *blocks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An item of a list."""
    return {"label": label, "blocks": list(blocks), **changes}


def cell(text: str | None, **changes: Any) -> dict[str, Any]:
    """A cell of a table; an invisible one has no text."""
    return {"align": "left", "valign": "top", **({"text": text} if text else {}), **changes}


BUTTON = {"text": "Press", "callback_data": "1"}
BLOCKS: dict[str, tuple[Any, str]] = {
    "paragraph": (paragraph("Hello"), "Hello"),
    "heading": ({"type": "heading", "text": "Mills", "size": 2}, "Mills"),
    "pre": ({"type": "pre", "text": "if x:\n    y()", "language": "python"}, "if x:\n    y()"),
    "footer": ({"type": "footer", "text": "The end"}, "The end"),
    "formula": ({"type": "mathematical_expression", "expression": "x^2"}, "x^2"),
    "divider": ({"type": "divider"}, ""),
    "anchor": ({"type": "anchor", "name": "top"}, ""),
    "buttons": ({"type": "buttons", "buttons": [BUTTON]}, ""),
    "quote": (
        {"type": "blockquote", "blocks": [paragraph("So"), paragraph("it is")], "credit": "Ada"},
        "So\nit is\nAda",
    ),
    "expandable quote": ({"type": "expandable_blockquote", "text": "Long", "credit": ["A", "da"]}, "Long\nAda"),
    "pull quote": ({"type": "pullquote", "text": "Short"}, "Short"),
    "photo": ({"type": "photo", "photo": PHOTO, "caption": {"text": "A mill", "credit": "Bob"}}, "A mill\nBob"),
    "photo alone": ({"type": "photo", "photo": PHOTO}, ""),
    "map": (
        {
            "type": "map",
            "location": {"latitude": 1, "longitude": 2},
            "zoom": 3,
            "width": 4,
            "height": 5,
            "caption": {"text": "Here"},
        },
        "Here",
    ),
    "collage": (
        {
            "type": "collage",
            "blocks": [{"type": "photo", "photo": PHOTO, "caption": {"text": "One"}}],
            "caption": {"text": "All"},
        },
        "One\nAll",
    ),
    "details": ({"type": "details", "summary": "More", "blocks": [paragraph("Hidden")]}, "More\nHidden"),
    "list": (
        {
            "type": "list",
            "items": [
                item("•", paragraph("Flour"), {"type": "list", "items": [item("◦", paragraph("Rye"))]}),
                item("•", paragraph("Water"), has_checkbox=True, is_checked=True),
                item("•", paragraph("Salt"), has_checkbox=True),
            ],
        },
        "- Flour\n  - Rye\n- [x] Water\n- [ ] Salt",
    ),
    "ordered list": (
        {
            "type": "list",
            "items": [item("a.", paragraph("Mix"), value=1, type="a"), item("b.", paragraph("Bake"), value=2)],
        },
        "a. Mix\nb. Bake",
    ),
    "table": (
        {
            "type": "table",
            "cells": [[cell("Flour", is_header=True), cell("g")], [cell("Rye"), cell(None)], [cell("Both", colspan=2)]],
            "caption": {"type": "bold", "text": "Bread"},
        },
        "Flour | g\nRye | \nBoth\nBread",
    ),
}


@pytest.mark.parametrize("name", BLOCKS)
async def test_plain_of_a_block(feed: Feed, bot_api: BotApi, database: Database, name: str) -> None:
    """Each kind of block has its text, a line a paragraph, item or row; it is answered if it has any."""
    block, text = BLOCKS[name]

    await feed(message=message(None, rich_message={"blocks": [block]}))

    said = (await stored(database))[0]
    assert (said.kind, said.content) == ("rich_message", text)
    assert [sent["text"] for sent in bot_api.sent] == [text] * bool(text)


TEXTS = [
    *({"type": name, "text": "x"} for name in ("bold", "italic", "underline", "strikethrough", "spoiler", "code")),
    *({"type": name, "text": "x"} for name in ("subscript", "superscript", "marked")),
    {"type": "date_time", "text": "x", "unix_time": 1, "date_time_format": "r"},
    {"type": "text_mention", "text": "x", "user": {"id": 8, "is_bot": False, "first_name": "Bob"}},
    {"type": "custom_emoji", "custom_emoji_id": "1", "alternative_text": "x"},
    {"type": "mathematical_expression", "expression": "x"},
    {"type": "url", "text": "x", "url": "https://example.com"},
    {"type": "email_address", "text": "x", "email_address": "a@example.com"},
    {"type": "phone_number", "text": "x", "phone_number": "+1"},
    {"type": "bank_card_number", "text": "x", "bank_card_number": "1"},
    {"type": "mention", "text": "x", "username": "ada"},
    {"type": "hashtag", "text": "x", "hashtag": "mill"},
    {"type": "cashtag", "text": "x", "cashtag": "XTR"},
    {"type": "bot_command", "text": "x", "bot_command": "help"},
    {"type": "anchor_link", "text": "x", "anchor_name": "top"},
    {"type": "reference", "text": "x", "name": "1"},
    {"type": "reference_link", "text": "x", "reference_name": "1"},
]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text["type"])
def test_plain_of_a_text(text: dict[str, Any]) -> None:
    """Of a formatted text only what shows is kept, at any depth."""
    nested = {"type": "bold", "text": ["(", {"type": "italic", "text": text}, ")"]}

    assert rich_text.plain([paragraph("a ", nested, " b")]) == "a (x) b"


@pytest.mark.parametrize("text", [{"type": "anchor", "name": "top"}, {"type": "button", "button": BUTTON}])
def test_plain_of_a_text_that_says_nothing(text: dict[str, Any]) -> None:
    """An anchor shows nothing, and a button is to be pressed, not read."""
    assert rich_text.plain([paragraph("a", text, "b")]) == "ab"


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"type": "newer", "text": ["a", {"type": "newest", "text": "b"}], "caption": {"text": "c"}}, "ab\nc"),
        ({"type": "newer", "blocks": [{"type": "newest", "blocks": [paragraph("deep")]}]}, "deep"),
        (
            paragraph("a", {"type": "newer", "words": "?"}, {"type": "newer", "text": {"type": "newest", "text": "b"}}),
            "ab",
        ),
        ({"type": "list", "items": [None, 5, "x", {"label": 7, "value": 1, "text": "y"}]}, "x\n y"),
        ({"type": "table", "cells": [5, [None, "x", {"text": 7}]]}, " | x | "),
        ({"text": None, "blocks": "x", "items": {}, "cells": "y", "caption": 5, "credit": []}, ""),
        ("bare", "bare"),
        (5, ""),
    ],
)
async def test_plain_of_what_is_newer_or_malformed(feed: Feed, database: Database, block: Any, text: str) -> None:
    """An unknown kind of block or text contributes the text it holds; nothing is an error."""
    await feed(message=message(None, rich_message={"blocks": [block]}))

    assert [(m.kind, m.content) for m in await stored(database) if m.role == "user"] == [("rich_message", text)]


@pytest.mark.parametrize("blocks", [None, [], {}, "x"])
async def test_plain_of_no_blocks(feed: Feed, database: Database, blocks: Any) -> None:
    """A rich message without a list of blocks is one without text."""
    await feed(message=message(None, rich_message={"blocks": blocks}))

    assert [(m.kind, m.content) for m in await stored(database)] == [("rich_message", "")]


async def test_plain_of_deep_nesting(feed: Feed, database: Database) -> None:
    """Formats inside formats are read in no time; aiogram's own reading takes 20 times as long for each level."""
    text: Any = "deep"
    for _ in range(50):
        text = {"type": "bold", "text": [text]}
    started = time.monotonic()

    await feed(message=message(None, rich_message={"blocks": [paragraph(text)]}))

    assert time.monotonic() - started < 5
    assert (await stored(database))[0].content == "deep"


def test_plain_of_bottomless_nesting() -> None:
    """What nests beyond Python's stack has no text, and is no error."""
    text: Any = "deep"
    for _ in range(100_000):
        text = [text]

    assert rich_text.plain([text]) == ""


async def test_rich_message_edited_in_a_channel(feed: Feed, database: Database) -> None:
    """An edit gives a rich message its new text; NUL and lone surrogates are cleaned as everywhere."""
    post = message(None, chat=CHANNEL, sender=None, rich_message={"blocks": [paragraph("a\0b")]})
    await feed(channel_post=post)
    first = await stored(database, CHANNEL["id"])

    edited = {**post, "edit_date": SENT_AT + 1, "rich_message": {"blocks": [paragraph("c", "\ud800"), paragraph("d")]}}
    await feed(edited_channel_post=edited)

    assert [m.content for m in first + await stored(database, CHANNEL["id"])] == ["ab", "c\ufffd\nd"]


async def test_reply_to_a_rich_message(feed: Feed, database: Database) -> None:
    """What a message answers may be rich; it is known by its id."""
    rich = message(None, rich_message={"blocks": [paragraph("a", {"type": "newer", "text": "b"})]})
    await feed(message=rich)

    await feed(message=message("Why?", reply_to_message=rich))

    said = {m.content: m for m in await stored(database) if m.role == "user"}
    assert said["Why?"].reply_to_id == said["ab"].id
