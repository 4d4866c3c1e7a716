"""The foot of the terminal: what may still change is drawn there again and again; what is finished scrolls up."""

import io
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.segment import Segment, Segments

from botcli.cli.markdown import Piece

# in one go where the terminal knows these words: https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"
_ERASE_BELOW: Final = "\r\x1b[J"
# terminals differ in how wide some signs are; a line of the foot that went over two could not be erased
_CUT: Final = "\x1b[?7l"
_WRAP: Final = "\x1b[?7h"


class Live(io.TextIOBase):
    """Where an answer is drawn. What is written to it as to a file, a log line, comes to stand above the foot."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._foot: list[list[Segment]] = []
        self._is_empty = True

    def draw(self, finished: Iterable[Piece], unfinished: Sequence[Piece] = ()) -> None:
        """The finished pieces for good, and of the others as many of the last lines as the screen holds."""
        erased = self._erased()
        with self._console.capture() as above:
            for piece in finished:
                if piece.begins and not self._is_empty:
                    self._console.print()
                # a line of code that is too long is the terminal's to wrap: copied it is one line again
                self._console.print(piece.drawn, soft_wrap=piece.is_code)
                self._is_empty = False
        self._foot = [] if self._console.is_dumb_terminal else self._lines(unfinished)
        self._put(erased + above.get())

    def write(self, text: str, /) -> int:
        """Puts lines above the foot."""
        self._put(self._erased() + text)
        return len(text)

    def _lines(self, pieces: Sequence[Piece]) -> list[list[Segment]]:
        lines: list[list[Segment]] = []
        for piece in pieces:
            if piece.begins and (lines or not self._is_empty):
                lines.append([])
            lines += self._console.render_lines(piece.drawn, pad=False)
        return lines[-max(1, self._console.height - 2) :]

    def _erased(self) -> str:
        if not self._foot:
            return ""
        # a terminal that became narrower since has wrapped them
        rows = sum(max(1, -(-Segment.get_line_length(line) // self._console.width)) for line in self._foot)
        return f"\x1b[{rows - 1}A{_ERASE_BELOW}" if rows > 1 else _ERASE_BELOW

    def _put(self, text: str) -> None:
        with self._console.capture() as foot:
            for number, line in enumerate(self._foot):
                self._console.print(Segments([Segment.line(), *line] if number else line), end="")
        if self._foot:
            text = f"{_BEGIN}{text}{_CUT}{foot.get()}{_WRAP}{_END}"
        self._console.file.write(text)
        self._console.file.flush()
