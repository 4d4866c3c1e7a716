"""What the commands print: data on stdout, talk on stderr."""

import csv
import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from botcore import InvalidInput

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_UNLIMITED: Final = 100_000

# what turns the direction of writing, so that the rest of a line is read as something else
_TURNS: Final = r"\u200e\u200f\u202a-\u202e\u2066-\u2069"
# what JSON allows in a text and a terminal obeys, or UTF-8 cannot hold
_UNFIT: Final = re.compile(rf"[\x7f-\x9f\ud800-\udfff{_TURNS}]")
_CONTROLS: Final = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f{_TURNS}]")


def write(text: str) -> None:
    """Data, on stdout, with a newline at its end."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")


def say(text: str) -> None:
    """Talk, on stderr."""
    sys.stderr.write(f"{text}\n")


def confirm(consequence: str, look_at: str = "--dry-run") -> None:
    """Asks in a terminal whether to go on, and exits with 1 unless yes; elsewhere raises InvalidInput for --yes."""
    if not sys.stdin.isatty():
        raise InvalidInput("--yes", f"is needed, since {consequence}; see what that is by {look_at}")
    sys.stderr.write(f"{consequence}. Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise SystemExit(1)


def printable(text: str) -> str:
    r"""The text with what a terminal would obey shown as \x1b: no message may rename the window or turn a line."""
    return _CONTROLS.sub(_escaped, text)


def _escaped(sign: re.Match[str]) -> str:
    return f"\\x{ord(sign[0]):02x}" if sign[0] < "\u0100" else f"\\u{ord(sign[0]):04x}"


def as_json(value: object) -> None:
    """One JSON document, as `json_text` has it."""
    write(json_text(value))


def json_text(value: object, indent: int | None = 2) -> str:
    """Indented JSON that a terminal only shows, in ASCII where stdout is not UTF-8; with None for `indent` one line."""
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    text = json.dumps(value, default=_plain, ensure_ascii=ascii_only, indent=indent)
    return _UNFIT.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Comma-separated values under a line of names; NULL and an empty text are both nothing."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(["" if value is None else _plain(value) for value in row] for row in rows)


def as_pairs(pairs: Iterable[tuple[str, object]]) -> None:
    """Names and what belongs to them: aligned and wrapped in a terminal, else a line each with a tab between."""
    if sys.stdout.isatty():
        from rich.console import Console

        return Console().print(_pairs(pairs))
    return write("".join(f"{name}\t{'' if value is None else _plain(value)}\n" for name, value in pairs))


def as_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table; where it is too wide for the terminal, a line for each value, as in psql's expanded mode."""
    from rich.console import Console

    console, table = Console(), _table(columns, rows)
    width = console.measure(table, options=console.options.update(max_width=_UNLIMITED)).maximum
    if not sys.stdout.isatty():
        Console(width=width).print(table)
    elif width <= console.width:
        console.print(table)
    else:
        for number, row in enumerate(rows, 1):
            console.print(_pairs(zip(columns, row, strict=True), title=f"-- {number}"))
    say(f"({len(rows)} row{'' if len(rows) == 1 else 's'})")


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _pairs(pairs: Iterable[tuple[str, object]], title: str = "") -> "Table":
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False, title=title or None, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, _cell(value))
    return table


def _cell(value: object) -> "Text":
    from rich.text import Text

    if value is None:
        return Text("NULL", style="dim")
    return Text(printable(_plain(value)))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)
