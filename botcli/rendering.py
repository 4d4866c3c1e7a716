"""From the Markdown that models write to messages of Telegram: a text without marks, and the entities that say them."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import pyromark
from aiogram.types import MessageEntity
from telegramify_markdown import RenderConfig, convert
from telegramify_markdown.converter import STANDARD_OPTIONS

from botcli.splitting import spans, units_of

# A table's rows get the width of its longest: one long cell and many short ones would fill thousands of messages
_MOST_TABLE_CHARACTERS: Final = 200_000
# each that is not closed is looked for in all the rest: 16,000 of them took 6 s
_MOST_FORMULAS: Final = 500
# what follows a tag can turn out to be one
_PASSES: Final = 8
_FORMULAS: Final = (r"\(", r"\[")


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
    if _widens(text):
        return plain(text)
    try:
        source = _with_tags_as_text(text)
        is_latex = sum(map(source.count, _FORMULAS)) <= _MOST_FORMULAS
        shown, entities = convert(source, latex_escape=is_latex, config=_CONFIG)
    except Exception:  # noqa: BLE001 - whatever a parser makes of a model's text: a person reads it unrendered
        return plain(text)
    offsets = [0]
    for character in shown:
        offsets.append(offsets[-1] + units_of(character))
    found = [entity.to_dict() for entity in entities]
    parts = [Part(shown[a:b], _within(found, offsets[a], offsets[b])) for a, b in spans(shown)]
    return parts or plain(text)


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


def _with_tags_as_text(text: str) -> str:
    """The text with HTML's tags escaped, which the converter would leave out: `vector<int>` is no tag to a reader."""
    for _ in range(_PASSES):
        source = text.encode()
        tags = {source.find(b"<", *place) for place in _tags(text)} - {-1}
        if not tags:
            break
        bounds = [0, *sorted(tags), len(source)]
        text = b"\\".join(source[a:b] for a, b in pairwise(bounds)).decode()
    return text


def _tags(text: str) -> list[tuple[int, int]]:
    """Where the parser finds HTML, in bytes."""
    if "<" not in text:
        return []
    events: Any = pyromark.events_with_range(text, options=STANDARD_OPTIONS)
    return [(at["start"], at["end"]) for event, at in events if isinstance(event, dict) and event.keys() & _HTML]


def _config() -> RenderConfig:
    """Headings without pictures, which are bold anyway, and the bullet that everybody has a glyph for."""
    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.unordered_list_item = "•"
    return config


_HTML: Final = {"Html", "InlineHtml"}
_CONFIG: Final = _config()
