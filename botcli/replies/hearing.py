"""What was heard of an answer, in the parts in which it came."""

from collections.abc import Iterable
from typing import Final

from botcli.incoming import clean

MOST_CHARACTERS: Final = 32_000
"""Of an answer that is stored and sent, several messages long."""


def told(parts: Iterable[str]) -> str:
    """The text that the parts are so far, as it can be stored and sent."""
    # of all of it, as a character can be cut in two; asked for now and then, since for each part that is quadratic
    return clean("".join(parts)).strip()
