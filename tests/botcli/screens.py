"""A terminal's screen, as far as the drawing of answers needs one."""

import re
from typing import Final

_SEQUENCE: Final = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|(\r|\n)|([^\x1b\r\n])")


class Screen:
    """What stands in a terminal of so many columns and rows after it was sent something; what scrolled off too."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns, self._rows = columns, rows
        self.lines = [""]
        self._row = self._column = 0
        self._wraps = True

    def send(self, text: str) -> None:
        """Obeys what is sent."""
        for values, command, control, sign in _SEQUENCE.findall(text):
            if command:
                self._obey(values, command)
            elif control == "\r":
                self._column = 0
            elif control == "\n":
                self._down()
            else:
                self._put(sign)

    def _obey(self, values: str, command: str) -> None:
        match command, values:
            case "A", _:
                # no further than the screen goes
                self._row = max(self._row - int(values), len(self.lines) - self._rows, 0)
            case "J", "":
                del self.lines[self._row + 1 :]
                self.lines[self._row] = self.lines[self._row][: self._column]
            case (("l" | "h"), "?7"):
                self._wraps = command == "h"
            case "m" | "l" | "h", _:
                pass
            case _:
                raise NotImplementedError(values + command)

    def _put(self, sign: str) -> None:
        if self._column == self._columns and self._wraps:
            self._down()
        self._column = min(self._column, self._columns - 1)
        line = self.lines[self._row].ljust(self._column)
        self.lines[self._row] = line[: self._column] + sign + line[self._column + 1 :]
        self._column += 1

    def _down(self) -> None:
        self._row, self._column = self._row + 1, 0
        if self._row == len(self.lines):
            self.lines.append("")
