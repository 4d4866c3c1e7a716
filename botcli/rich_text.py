"""The text of a rich message, out of its JSON: by the fields' names, so that a newer kind of block is read as well."""

from typing import Any

# https://core.telegram.org/bots/api#richblock and #richtext; of a button, a link or a mention only the text shows
_TEXTS = ("text", "expression", "alternative_text")


def plain(blocks: Any) -> str:
    """A line a paragraph, list item or table row; '' for what holds no text, or nests beyond all bounds."""
    try:
        return _lines({"blocks": blocks})
    except RecursionError:
        return ""


def _lines(block: Any) -> str:
    if not isinstance(block, dict):
        return _inline(block)
    lines = [
        _inline(block.get("summary")),
        _inline(block),
        *map(_lines, _list(block.get("blocks"))),
        *map(_item, _list(block.get("items"))),
        *(" | ".join(map(_inline, _list(row))) for row in _list(block.get("cells"))),
        _lines(block.get("caption")),
        _inline(block.get("credit")),
    ]
    return "\n".join(filter(None, lines))


def _item(item: Any) -> str:
    if not isinstance(item, dict):
        return _inline(item)
    # only ordered lists have values
    mark = _inline(item.get("label")) if item.get("value") is not None else "-"
    if item.get("has_checkbox"):
        mark += " [x]" if item.get("is_checked") else " [ ]"
    return f"{mark} {_lines(item)}".replace("\n", "\n  ")


def _inline(text: Any) -> str:
    if isinstance(text, str):
        return text
    if isinstance(text, dict):
        return "".join(_inline(text.get(name)) for name in _TEXTS)
    return "".join(map(_inline, _list(text)))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
