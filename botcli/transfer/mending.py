r"""Telegram Desktop's JSON as JSON: it writes U+001F as `\x1F`, which no parser takes.

https://github.com/telegramdesktop/tdesktop, export_output_json.cpp, SerializeString
"""

import re
from typing import Final, Protocol

_ESCAPE: Final = re.compile(
    rb"\\(?:x([0-9A-Fa-f]{2})|u(?:[dD][89aAbB]..\\u[dD][c-fC-F]..|([dD][89a-fA-F]..))|.)|[\x00-\x08\x0b\x0c\x0e-\x1f]",
    re.DOTALL,
)
_CONTROLS: Final = bytes({*range(0x20)} - {*b"\t\n\r"})
_HALF: Final = re.compile(rb"\\u[dD][89aAbB]..$", re.DOTALL)
# the longest escape, a pair of surrogates
_LONGEST: Final = 12


class Blocks(Protocol):
    """A file as it comes."""

    def read1(self, size: int, /) -> bytes:
        """What is there: of a pipe a whole block may never come."""


class Mended:
    """A file whose control characters are written as JSON has them.

    A lone surrogate, of which the parser would make a question mark, becomes a NUL, which is refused as such.
    """

    def __init__(self, file: Blocks) -> None:
        self._file = file
        self._held = b""

    def read(self, size: int) -> bytes:
        """Some of it, not in the middle of an escape; nothing at the end."""
        while size > 0:
            block = self._file.read1(size)
            text = self._held + block
            end = _whole(text) if block else len(text)
            self._held = text[end:]
            # where it is an escape's beginning alone, nothing would be the end
            if end or not block:
                return _mend(text[:end])
        return b""


def _whole(text: bytes) -> int:
    """Up to where no escape is cut off."""
    end = text.find(b"\\", max(0, len(text) - _LONGEST))
    if end < 0:
        return len(text)
    # of a run of backslashes only the first certainly begins an escape
    while text[end - 1 : end] == b"\\":
        end -= 1
    half = _HALF.search(text, max(0, end - _LONGEST), end)
    return half.start() if half else end


def _mend(text: bytes) -> bytes:
    # in a fiftieth of the time that the pattern takes: nearly all of a file is as it should be
    is_odd = b"\\x" in text or b"\\u" in text or len(text.translate(None, _CONTROLS)) < len(text)
    return _ESCAPE.sub(_plain, text) if is_odd else text


def _plain(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return b"\\u00" + match[1]
    if match[2]:
        return b"\\u0000"
    found = match[0]
    return found if found[:1] == b"\\" else b"\\u%04x" % found[0]
