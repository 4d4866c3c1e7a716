"""One answer as several messages, each no longer than Telegram takes."""

from itertools import takewhile
from typing import Final
from unicodedata import category

MESSAGE_UNITS: Final = 4_096
"""UTF-16 code units of one message: Telegram counts what is left of a text without its markup, which is no more."""

_JOINER: Final = "\u200d"


def split(text: str, units: int = MESSAGE_UNITS) -> list[str]:
    """The parts of at most so many UTF-16 units, broken at a paragraph, else a line, else a space, else anywhere.

    Only the white space around the parts is lost, and parts that show nothing, which Telegram refuses. What a reader
    takes for one character stays whole, unless it alone is longer than a part.
    """
    return [text[start:end] for start, end in spans(text, units)]


def spans(text: str, units: int = MESSAGE_UNITS) -> list[tuple[int, int]]:
    """Where the parts of `split` begin and end."""
    found, rest, at = list[tuple[int, int]](), text.strip(), len(text) - len(text.lstrip())
    while rest:
        end = _end(rest, _fitting(rest, units))
        part, left = rest[:end].rstrip(), rest[end:].lstrip()
        if any(map(_shows, part)):
            found.append((at, at + len(part)))
        at, rest = at + len(rest) - len(left), left
    return found


def units_of(character: str) -> int:
    """UTF-16 code units of a character."""
    return 2 if character > "\uffff" else 1


def _fitting(text: str, units: int) -> int:
    """How many of the first characters fit; one at least, so that there is an end."""
    for index, character in enumerate(text):
        units -= units_of(character)
        if units < 0:
            return max(index, 1)
    return len(text)


def _end(text: str, fitting: int) -> int:
    """Where the first part ends."""
    if fitting == len(text):
        return fitting
    for separator in ("\n\n", "\n"):
        # it may come right after the part
        if (at := text.rfind(separator, 1, fitting + len(separator))) > 0:
            return at
    for is_end in (lambda at: text[at].isspace(), lambda at: not _joined(text, at)):
        if at := next(filter(is_end, range(fitting, 0, -1)), 0):
            return at
    return fitting


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and after this place make one: accents, emoji of several, flags."""
    before, after = text[at - 1], text[at]
    if category(after).startswith("M") or _JOINER in {before, after}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    # flags are pairs of letters
    return _is_flag_letter(after) and len(list(takewhile(_is_flag_letter, reversed(text[:at])))) % 2 == 1


def _is_flag_letter(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _shows(character: str) -> bool:
    """Whether it is neither white space nor a control, a mark of direction or the like."""
    return not character.isspace() and category(character) not in {"Cc", "Cf"} and character != "\u2800"
