r"""Telegram Desktop's JSON as JSON: it writes U+001F as `\x1F`, which no parser takes.

https://github.com/telegramdesktop/tdesktop, export_output_json.cpp, SerializeString
"""

import re
from typing import Final, Protocol

from botcli.transfer.reading import Broken

_ESCAPE: Final = re.compile(
    rb"\\(?:x([0-9A-Fa-f]{2})|u(?:[dD][89aAbB]..\\u[dD][c-fC-F]..|([dD][89a-fA-F]..))|.)|[\x00-\x08\x0b\x0c\x0e-\x1f]",
    re.DOTALL,
)
_CONTROLS: Final = bytes({*range(0x20)} - {*b"\t\n\r"})
_HALF: Final = re.compile(rb"\\u[dD][89aAbB]..$", re.DOTALL)
# the longest escape, a pair of surrogates
_LONGEST: Final = 12
_NUMBER: Final = b"-+.0123456789eE"
_LONGEST_NUMBER: Final = 64
_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[-+.0-9][-+.0-9eE]*', re.DOTALL)
_HUGE: Final = re.compile(rb"[^\"].{64,}|[^\"].*[eE][-+]?[0-9]{4,}", re.DOTALL)
_SHAPES: Final = bytes(ord("0" if each in b"-+.0123456789" else "e" if each in b"eE" else " ") for each in range(256))
# of 65 characters 5 may be an exponent, in which a sign counts as a digit here
_SUSPICIOUS: Final = (b"0" * 60, b"0e0000")


class Blocks(Protocol):
    """A file as it comes."""

    def read1(self, size: int, /) -> bytes:
        """What is there: of a pipe a whole block may never come."""


class Mended:
    """A file whose control characters are written as JSON has them.

    A lone surrogate, of which the parser would make a question mark, becomes a NUL, which is refused as such. At a
    number of more digits than any parser reads in time it ends with Broken.
    """

    def __init__(self, file: Blocks) -> None:
        self._file = file
        self._held = b""
        self._position = 0
        self._in_string = False
        self._refused: Broken | None = None

    def read(self, size: int) -> bytes:
        """Some of it, not in the middle of an escape or of a number; nothing at the end."""
        while size > 0:
            block = self._file.read1(size)
            text = self._held + block
            end = _whole(text) if block else len(text)
            self._held = text[end:]
            # where it is an escape's beginning alone, nothing would be the end
            if end or not block:
                return _mend(self._sound(text[:end]))
        return b""

    def _sound(self, text: bytes) -> bytes:
        """The text up to a number that is refused, at which the next call raises Broken."""
        if self._refused:
            raise self._refused
        if _may_be_huge(text):
            # a string that began before begins here once more
            for token in _TOKEN.finditer(b'"' * self._in_string + text):
                if _HUGE.fullmatch(token[0]):
                    at = token.start() - self._in_string
                    self._refused = Broken(
                        f"a number at byte {self._position + at:,} of the file is too long: what came before is sound"
                    )
                    return text[:at] or self._sound(b"")
        self._in_string ^= bool(_quotes(text) % 2)
        self._position += len(text)
        return text


def _whole(text: bytes) -> int:
    """Up to where no number that may go on begins, and no escape is cut off."""
    before_number = text.rstrip(_NUMBER)
    if len(text) - len(before_number) <= _LONGEST_NUMBER:
        text = before_number
    end = text.find(b"\\", max(0, len(text) - _LONGEST))
    if end < 0:
        return len(text)
    # of a run of backslashes only the first certainly begins an escape
    while text[end - 1 : end] == b"\\":
        end -= 1
    half = _HALF.search(text, max(0, end - _LONGEST), end)
    return half.start() if half else end


def _may_be_huge(text: bytes) -> bool:
    """Whether to look closer, in a fiftieth of the time: digits in texts and names may look like such a number, too."""
    shape = text.translate(_SHAPES)
    return any(each in shape for each in _SUSPICIOUS)


def _quotes(text: bytes) -> int:
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'"')


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
