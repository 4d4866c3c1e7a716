"""A model's Markdown as messages of Telegram: what is shown is what was said, whatever it looks like."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcli.rendering import Part, markdown, plain, tail
from botcli.splitting import MESSAGE_UNITS
from tests.botcli.test_splitting import utf16_units

MARKS = [
    "**",
    "*",
    "_",
    "`",
    "```\n",
    "||",
    "~~",
    "[a](b)",
    "# ",
    "\n",
    "\n\n",
    "- ",
    "> ",
    "|",
    "<b>",
    "\\",
    "$",
    "😀",
    "word ",
]


def shown(part: Part) -> list[tuple[str, str]]:
    """What each entity is, and the text that it is about."""
    encoded = part.text.encode("utf-16-le")
    return [(e.type, encoded[2 * e.offset : 2 * (e.offset + e.length)].decode("utf-16-le")) for e in part.entities]


def test_markdown_as_entities() -> None:
    """Emphasis, code, links, headings and lists become text and entities, counted in UTF-16."""
    [part] = markdown("# 😀 Title\n\n**bold** _it_ `x = 1` [here](https://example.org)\n\n- one\n\n```py\nprint()\n```")

    assert part.text == "😀 Title\n\nbold it x = 1 here\n\n• one\n\nprint()"
    assert {about: kind for kind, about in shown(part)} == {
        "😀 Title": "bold",
        "bold": "bold",
        "it": "italic",
        "x = 1": "code",
        "here": "text_link",
        "print()": "pre",
    }
    assert [(e.url, e.language) for e in part.entities if e.url or e.language] == [
        ("https://example.org", None),
        (None, "py"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("**bold", "**bold"),
        ("```py\nprint(", "print("),
        ("[here](http", "[here](http"),
        ("a vector<int> and <div>", "a vector<int> and <div>"),
        ("<div>\nhello <b>you</b>\n</div>", "<div>\nhello <b>you</b>\n</div>"),
        ("`a<b>`", "a<b>"),
        ("from $5 to $10, 2 * 3 * 4, snake_case_name", "from $5 to $10, 2 * 3 * 4, snake_case_name"),
        ("[a]: https://example.org", "[a]: https://example.org"),
        ("  two\nlines  ", "two\nlines"),
        ("about ~5 or ~6", "about ~5 or ~6"),
        (r"$\sqrt{x}$ is $$\frac{1}{2}$$", r"$\sqrt{x}$ is $$\frac{1}{2}$$"),
        ("1. " * 11 + "x", "1. " * 11 + "x"),
        ("> - " * 6 + "x", "> - " * 6 + "x"),
        ("**1**\n" + "+ " * 11, "**1**\n" + ("+ " * 11).strip()),
    ],
)
def test_markdown_that_is_none(text: str, expected: str) -> None:
    """What is unfinished, or only looks like Markdown, is shown; nothing is left out."""
    assert [part.text for part in markdown(text)] == [expected]


@given(st.lists(st.sampled_from(MARKS), max_size=60).map("".join))
def test_markdown_of_anything(text: str) -> None:
    """Whatever it is, there is a part where there is a text, and each entity lies within its part."""
    parts = markdown(text)

    assert bool(parts) == bool(plain(text))
    for part in parts:
        assert 0 < utf16_units(part.text) <= MESSAGE_UNITS
        assert all(0 <= e.offset < e.offset + e.length <= utf16_units(part.text) for e in part.entities)


@pytest.mark.parametrize(
    "line", ["1 1 2 3 5 8 13 21 34 55 89 144", "* * * * * * * * * * * *", "- - - - - - - - - - - -"]
)
def test_markdown_with_a_row(line: str) -> None:
    """Numbers and stars in a row are no lists in lists, and the rest is Markdown as ever."""
    [part] = markdown(f"**Here**\n\n```\n{line}\n```\n\n{line}")

    assert shown(part)[:2] == [("bold", "Here"), ("pre", line)]


def test_markdown_of_a_long_answer() -> None:
    """Entities are cut where the text is split, in each part by its own count."""
    parts = markdown(f"start **{'😀bold ' * 1_000}end**")

    assert [shown(part) for part in parts] == [
        [("bold", parts[0].text.removeprefix("start "))],
        [("bold", parts[1].text)],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "\\(" * 16_000,
        f"|{'a' * 16_000}|\n|-|\n" + "|b|\n" * 3_000,
        "<a " * 10_000,
        ">" * 30_000,
        "*" * 8_000 + "a",
        "$" * 32_000,
        # each root within a root doubled it: these would be days
        "\\[" + "\\sqrt{" * 40 + "}" * 40 + "\\]",
        "$" + "\\sqrt{" * 40 + "}" * 40 + "$",
        "\\(" + "\\frac{a}{" * 2_000 + "}" * 2_000 + "\\)",
        *[marker * (16_000 // len(marker)) for marker in ("1. ", "+ ", "> - ", "123456789. ", "\t- ", "- > ")],
    ],
)
def test_markdown_that_would_take_long(text: str) -> None:
    """What a parser or a table would take seconds and megabytes for is shown nevertheless, in no more messages."""
    began = perf_counter()

    parts = markdown(text)

    assert perf_counter() - began < 2
    assert 1 <= len(parts) <= 12


@given(st.lists(st.sampled_from([*MARKS, "1. ", "+ ", "\t", "   "]), max_size=60).map("".join))
def test_markdown_stays_short(text: str) -> None:
    """No Markdown makes many messages of a short answer."""
    assert sum(len(part.text) for part in markdown(text * 20)) <= 2 * len(text * 20) + 1_000


def test_tail() -> None:
    """Of a long text the end is enough: from a paragraph on, which stays the first while thousands come."""
    text = "".join(f"{number:,}\n\n" for number in range(3_000))
    sizes = range(100, len(text), 100)

    tails = {size: tail(text[:size]) for size in sizes}

    assert all(len(each) == size or 2_000 < len(each) < 8_000 for size, each in tails.items())
    assert len({each[:50] for each in tails.values()}) <= len(text) // 4_000
    assert all(each.lstrip().split("\n")[0] in text.split("\n") for each in tails.values())


def test_tail_of_code() -> None:
    """What is code there stays it, whatever was before."""
    parts = markdown(tail("```\n" + "print('*')\n" * 2_000))

    assert {kind for part in parts for kind, _ in shown(part)} == {"pre"}
