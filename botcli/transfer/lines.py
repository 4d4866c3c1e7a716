"""JSON Lines as `botcli export` writes them: an object for each message, with its chat and its person."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, Final, get_args

from botcli.transfer.reading import FIELDS, Bad, Broken, Message
from botcore import ChatType, Delivery, Role, Said

_NAMES: Final = tuple(each.name for each in fields(Said))
_TIMES: Final = tuple(name for name, parameter in FIELDS.items() if parameter.type == "timestamptz")
_WORDS: Final = {"role": get_args(Role), "chat_type": get_args(ChatType), "delivery": (None, *get_args(Delivery))}
_NEEDED: Final = {each.name for each in fields(Said) if each.default is MISSING}
# JSON leaves these as they are, and a terminal obeys them
_CONTROLS: Final = re.compile(r"[\x7f-\x9f]")
_FIRST_NAME: Final = re.compile(rb'\{\s*"(\w+)"')
# Telegram Desktop's objects have an id, too
_OWN_NAMES: Final = {*_NAMES} - {"id"}


def are_in(beginning: bytes) -> bool:
    """Whether a file that begins so has lines of ours, rather than one document."""
    line = beginning.lstrip().partition(b"\n")[0]
    first = _FIRST_NAME.match(line)
    # the content, if it comes first, may be longer than what was looked at
    return b'"telegram_chat_id"' in line or bool(first and first[1].decode() in _OWN_NAMES)


def messages(lines: Iterable[bytes]) -> Iterator[Message]:
    """Every line's message; what is unknown in it is passed over. Raises Broken where the last line is cut off."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            if not line.endswith(b"\n"):
                raise Broken(f"line {number:,} is cut off: what came before is sound") from None
            yield Bad(f"on line {number:,}", "is no JSON")
            continue
        yield _said(found, f"on line {number:,}")


def line(said: Said) -> bytes:
    """The message as a line in UTF-8; what is None, 0 or '' by default is left out."""
    value = {name: getattr(said, name) for name in _NAMES}
    kept = {name: value[name] for name in _NAMES if name in _NEEDED or value[name] != _DEFAULTS[name]}
    return json_text(kept, separators=(",", ":")).encode() + b"\n"


def json_text(value: object, **options: Any) -> str:
    """JSON on one line that a terminal only shows."""
    text = json.dumps(value, default=datetime.isoformat, ensure_ascii=False, **options)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _said(found: Any, place: str) -> Message:
    if not isinstance(found, dict):
        return Bad(place, "is no object")
    known = {name: found[name] for name in _NAMES if name in found}
    if missing := _NEEDED - known.keys():
        return Bad(place, f"{min(missing)} is missing")
    for name, words in _WORDS.items():
        if known.get(name) not in words:
            return Bad(place, f"{name} must be one of {', '.join(map(str, filter(None, words)))}")
    try:
        moments = {name: datetime.fromisoformat(known[name]) for name in _TIMES if known.get(name) is not None}
    except (ValueError, TypeError):
        return Bad(place, "holds a time that cannot be read")
    return Said(**known | moments)


_DEFAULTS: Final = {each.name: each.default for each in fields(Said)}
