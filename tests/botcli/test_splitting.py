"""A long answer as several messages, none of which Telegram refuses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcli.splitting import split

FAMILY = "👩‍👩‍👧"
CHARACTERS = ["e\u0301", FAMILY, "👍🏽", "🇩🇪", "😀", "1\ufe0f\u20e3", "🏴\U000e0067\U000e007f", "z"]
SPACES = [" ", "\n", "\n\n", "\t"]
WORDS = st.lists(st.sampled_from([*CHARACTERS, *SPACES, "word", "汉字"]) | st.text(max_size=10)).map("".join)


def utf16_units(text: str) -> int:
    """What Telegram counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(text: str) -> str:
    """The text without white space."""
    return re.sub(r"\s", "", text)


@given(WORDS, st.integers(2, 60))
def test_split_anything(text: str, units: int) -> None:
    """Each part fits and shows something, and together they are the text without some white space."""
    parts = split(text, units)

    assert all(0 < utf16_units(part) <= units for part in parts)
    assert all(part == part.strip() for part in parts)
    kept = iter(visible(text))
    # in order; what shows nothing may be missing
    assert all(character in kept for character in visible("".join(parts)))
    shown = re.sub(r"[\s\u2800]|\W", "", text)
    assert re.sub(r"[\s\u2800]|\W", "", "".join(parts)) == shown


@given(st.lists(st.sampled_from(CHARACTERS), max_size=60), st.integers(10, 60))
def test_split_between_characters(characters: list[str], units: int) -> None:
    """What looks like one character is never taken apart."""
    parts = split("".join(characters), units)

    found = re.findall("|".join(CHARACTERS), "\n".join(parts))
    assert found == characters
    assert "".join(parts) == "".join(characters)


@given(WORDS)
def test_split_what_fits(text: str) -> None:
    """A short text is one message."""
    assert split(text) in ([text.strip()], [])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("aaa bbb\nccc\n\nddd eee", ["aaa bbb\nccc", "ddd eee"]),
        ("aaa bbb\nccc ddd eee", ["aaa bbb", "ccc ddd eee"]),
        ("aaa bbb ccc ddd", ["aaa bbb ccc", "ddd"]),
        ("aaa bbb ccc d", ["aaa bbb ccc", "d"]),
        ("abcdefghijklmn", ["abcdefghijkl", "mn"]),
        ("abcdefghijkl\n\nmn", ["abcdefghijkl", "mn"]),
        ("abcdefghijkl mn", ["abcdefghijkl", "mn"]),
        ("aaa\n\nbbb ccc\n\nddd", ["aaa\n\nbbb ccc", "ddd"]),
        ("one\n\n\n  two three four", ["one", "two three", "four"]),
        ("abcdefghijk😀", ["abcdefghijk", "😀"]),
        ("abcdefghijke\u0301", ["abcdefghijk", "e\u0301"]),
        ("🇩🇪" * 4, ["🇩🇪" * 3, "🇩🇪"]),
        ("e" + "\u0301" * 12, ["e" + "\u0301" * 11, "\u0301"]),
        ("abcdefghijkl" + "\u200b" * 3, ["abcdefghijkl"]),
        ("", []),
        (" \n\t\u200b\u2800 ", []),
    ],
)
def test_split_of(text: str, parts: list[str]) -> None:
    """A part ends with the last paragraph that fits, else the last line, the last word, the last character."""
    assert split(text, 12) == parts


def test_split_at_telegrams_limit() -> None:
    """4,096 units are one message, and one more is two; an emoji counts twice."""
    assert [len(part) for part in split("a" * 4_097)] == [4_096, 1]
    assert [len(part) for part in split("😀" * 2_049)] == [2_048, 1]
    assert len(split("a" * 4_096)) == 1


def test_split_a_megabyte() -> None:
    """A very long answer takes no time to speak of."""
    assert len(split("word " * 200_000)) == 245
