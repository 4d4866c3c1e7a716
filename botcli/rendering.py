"""From the Markdown that models write to messages of Telegram: a text without marks, and the entities that say them."""

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import pyromark
from aiogram.types import MessageEntity
from telegramify_markdown import RenderConfig
from telegramify_markdown.converter import EventWalker

from botcli.splitting import spans, units_of

# A table's rows get the width of its longest: one long cell and many short ones would fill thousands of messages
_MOST_TABLE_CHARACTERS: Final = 200_000
# "1. 1. 1. " is a list in a list in a list: 4,000 of them on a line filled thousands of messages
_NESTED: Final = re.compile(r"[ \t]*+(?:(?:>|(?:[-+*]|\d{1,9}[.)])(?:[ \t]|$))[ \t]*+){11}")
# signs of lists, tables and rules make a text longer, but not by much
_MOST_GROWTH: Final = 2
_MOST_ADDED: Final = 1_000
# what follows a tag can turn out to be one
_PASSES: Final = 8
# formulas stay as they are: the library's reading of a root within a root takes twice as long for each
_OPTIONS: Final = (
    pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH | pyromark.Options.ENABLE_TASKLISTS
)
_TAIL_CHARACTERS: Final = 4_000


@dataclass(frozen=True, slots=True)
class Part:
    """One message of an answer."""

    text: str = field(repr=False)
    entities: list[MessageEntity] = field(default_factory=list, repr=False)


def plain(text: str) -> list[Part]:
    """The text as it is, in parts that Telegram takes."""
    return [Part(text[start:end]) for start, end in spans(text)]


def markdown(text: str) -> list[Part]:
    """The Markdown rendered, in such parts; as it is where it is none, or would show nothing. It may end anywhere."""
    if _widens(text) or any(map(_nests, text.splitlines())):
        return plain(text)
    try:
        source = _with_signs_as_text(text)
        shown, entities, _ = EventWalker(_CONFIG, source).walk(tuple(_events(source)))
    except Exception:  # noqa: BLE001 - whatever a parser makes of a model's text: a person reads it unrendered
        return plain(text)
    if len(shown) > _MOST_GROWTH * len(text) + _MOST_ADDED:
        return plain(text)
    offsets = [0]
    for character in shown:
        offsets.append(offsets[-1] + units_of(character))
    found = [entity.to_dict() for entity in entities]
    parts = [Part(shown[a:b], _within(found, offsets[a], offsets[b])) for a, b in spans(shown)]
    return parts or plain(text)


def tail(text: str) -> str:
    """The end of a long Markdown, from a paragraph on: 2,000 to 8,000 characters, which are rendered in no time.

    It begins at the same place while the text grows by 4,000, so that what is shown of it stands still.
    """
    start = max(0, len(text) // _TAIL_CHARACTERS - 1) * _TAIL_CHARACTERS
    if start == 0:
        return text
    paragraph = text.find("\n\n", start, start + _TAIL_CHARACTERS // 2)
    start = start if paragraph < 0 else paragraph
    # what is code has to stay it
    fence = "```\n" if text.count("```", 0, start) % 2 else ""
    return fence + text[start:]


def _within(entities: list[dict[str, Any]], begins: int, ends: int) -> list[MessageEntity]:
    """The entities of the part between these offsets, cut where it is."""
    cut = []
    for entity in entities:
        start, end = max(begins, entity["offset"]), min(ends, entity["offset"] + entity["length"])
        if start < end:
            cut.append(MessageEntity(**entity | {"offset": start - begins, "length": end - start}))
    return cut


def _widens(text: str) -> bool:
    rows = [len(line) for line in text.splitlines() if "|" in line]
    return max(rows, default=0) * len(rows) > _MOST_TABLE_CHARACTERS


def _nests(line: str) -> bool:
    """Whether it begins with many markers of lists and quotes, each in the one before; stars alone are a rule."""
    return bool(_NESTED.match(line) and line.strip(" \t*") and line.strip(" \t-"))


def _with_signs_as_text(text: str) -> str:
    """The text with signs escaped that mean no Markdown to a reader: `vector<int>` is no tag, `~5` is about five."""
    for _ in range(_PASSES):
        source = text.encode()
        signs = _signs(source)
        if not signs:
            break
        bounds = [0, *sorted(signs), len(source)]
        text = b"\\".join(source[a:b] for a, b in pairwise(bounds)).decode()
    return text


def _signs(source: bytes) -> set[int]:
    """Where HTML begins, which would be left out, and where one tilde alone strikes through."""
    if b"<" not in source and b"~" not in source:
        return set()
    found = set[int]()
    for event, at in _events(source.decode()):
        start, end = at["start"], at["end"]
        if event == _STRIKES:
            found |= set() if source.startswith(b"~~", start) else {start, end - 1}
        elif isinstance(event, dict) and event.keys() & _HTML:
            found.add(source.find(b"<", start, end))
    return found - {-1}


def _events(text: str) -> Any:
    """What the parser finds, and where, in bytes."""
    return pyromark.events_with_range(text, options=_OPTIONS)


def _config() -> RenderConfig:
    """Headings without pictures, which are bold anyway, and the bullet that everybody has a glyph for."""
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.unordered_list_item = "•"
    return config


_HTML: Final = {"Html", "InlineHtml"}
_STRIKES: Final = {"Start": "Strikethrough"}
_CONFIG: Final = _config()
