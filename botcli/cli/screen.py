"""What `botcli stats` shows in a terminal: an overview, or one figure, with every number whole."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from botcli import bars
from botcli.cli import output
from botcli.overview import Name, Range, Rows

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_CHATS: Final = 5
_TITLE: Final = 24
_UNLIMITED: Final = 100_000


def show(of: Range, figures: Mapping[Name, Rows], figure: Name | None) -> None:
    """Prints the figure, or without one what `botcli stats` asks for by default."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    parts = _figure(console, figure, figures[figure], of) if figure else _screen(console, figures)
    console.print(str(of), style="bold")
    for part in parts:
        console.print(part)


def _screen(console: "Console", figures: Mapping[Name, Rows]) -> Iterator["RenderableType"]:
    """Not above 22 lines, for a terminal of 24."""
    daily, active = figures["daily"], figures["active_days"]
    said = [day.user_messages + day.assistant_messages for day in daily]
    yield from _bars(console, "Messages a day", [day.day for day in daily], said, height=3)
    yield from _bars(
        console, "People a day", [day.starts_on for day in active], [day.people for day in active], height=2
    )
    yield ""
    names = {"user": "people", "assistant": "bot", "system": "system"}
    yield _fitting(
        console,
        ["", "messages", "people", "chats", "characters", "median"],
        [
            [names[each.role], each.messages, each.people, each.chats, each.characters, each.median_characters]
            for each in figures["roles"]
        ],
    )
    yield _answers(figures["answer_times"][-1])
    tokens = figures["tokens"]
    used = {name: sum(getattr(day, name) for day in tokens) for name in ("input_tokens", "output_tokens", "requests")}
    yield f"Tokens   {used['input_tokens']:,} in, {used['output_tokens']:,} out, {used['requests']:,} answers"
    chats = figures["top_chats"][:_CHATS]
    if chats:
        yield ""
        yield _fitting(
            console,
            ["busiest chats", "messages", "people"],
            [[_title(chat, console.width - 24), chat.messages, chat.people] for chat in chats],
        )


def _bars(
    console: "Console", title: str, days: Sequence[str], values: Sequence[int], *, height: int
) -> Iterator["RenderableType"]:
    from rich.text import Text

    most = max(values)
    told = f", {most:,} at most, on {days[values.index(most)]}" if most else ", none"
    yield title + told
    for line in bars.columns(values, width=console.width, height=height, is_unicode=_is_unicode()) if most else ():
        yield Text(line, style="cyan", no_wrap=True)


def _answers(total: Any) -> str:
    if not total.answered:
        return f"Answers  none to {total.questions:,} questions" if total.questions else "Answers  no question"
    share = 100 * total.answered / total.questions
    half, most = total.median_milliseconds / 1_000, total.p95_milliseconds / 1_000
    return f"Answers  {share:.1f}% of {total.questions:,}, half in {half:,.1f} s, 95% in {most:,.1f} s"


def _figure(console: "Console", name: Name, rows: Rows, of: Range) -> Iterator["RenderableType"]:
    from rich.text import Text

    if name == "hours":
        counts = [(each.weekday, each.hour, each.messages) for each in rows]
        for line in bars.hours(counts, width=console.width, is_unicode=_is_unicode()):
            yield Text(line, style="cyan", no_wrap=True)
        yield f"People's messages by weekday and hour; the darkest {max(count for _, _, count in counts):,}"
    elif name == "cohorts":
        yield _cohorts(rows, most=(console.width - 20) // 6)
    elif not rows:
        yield "none"
    else:
        table = _table(*_cells(console, name, rows, of))
        if _width(console, table) <= console.width:
            yield table
        else:
            # no digit may be cut off
            output.as_table(*_all_cells(rows))


def _cells(console: "Console", name: Name, rows: Rows, of: Range) -> tuple[Sequence[str], list[Sequence[object]]]:
    """What there is to say and a terminal of 80 columns has room for."""
    if name == "daily":
        return ["day", "messages: people", "bot", "system", "characters: people", "bot"], [
            [
                row.day,
                row.user_messages,
                row.assistant_messages,
                row.system_messages,
                row.user_characters,
                row.assistant_characters,
            ]
            for row in rows
        ]
    if name == "top_chats":
        zone = ZoneInfo(of.time_zone)
        columns = ["title", "chat", "messages", "people", "characters", "last on"]
        counts: list[Sequence[object]] = [
            [
                str(row.telegram_chat_id),
                row.messages,
                row.people,
                row.characters,
                f"{row.last_at.astimezone(zone).date()}",
            ]
            for row in rows
        ]
        room = console.width - _width(console, _table(columns, [["", *count] for count in counts]))
        return columns, [
            [_title(row, min(len("title") + room, _TITLE)), *count] for row, count in zip(rows, counts, strict=True)
        ]
    return _all_cells(rows)


def _all_cells(rows: Rows) -> tuple[Sequence[str], list[Sequence[object]]]:
    columns = [field.name.replace("_", " ") for field in fields(rows[0])]
    return columns, [_values(row) for row in rows]


def _values(row: Any) -> list[object]:
    values = asdict(row)
    if "title" in values:
        values["title"] = _title(row, _TITLE)
        values["last_at"] = f"{values['last_at']:%Y-%m-%d %H:%M}"
    if "day" in values:
        values["day"] = values["day"] or "in all"
    return list(values.values())


def _cohorts(rows: Rows, *, most: int) -> "Table":
    """A line for each week: how many came, and the share of them that wrote in each week after."""
    weeks: dict[str, list[int]] = {}
    for each in rows:
        weeks.setdefault(each.week, []).append(each.people)
    shown = min(max(map(len, weeks.values())) - 1, max(most, 1))
    return _table(
        ["week", "people", *(f"+{after}" for after in range(1, shown + 1))],
        [
            [week, came[0], *(f"{100 * again / came[0]:.0f}%" if came[0] else "" for again in came[1 : shown + 1])]
            for week, came in weeks.items()
        ],
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> "Table":
    """Numbers and shares to the right, under their names."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for place, column in enumerate(columns):
        is_number = place > 0 and all(
            isinstance(row[place], int) or row[place] is None for row in rows if place < len(row)
        )
        table.add_column(column, justify="right" if is_number or column.startswith("+") else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            *(Text(f"{cell:,}" if isinstance(cell, int) else str("" if cell is None else cell)) for cell in row)
        )
    return table


def _fitting(console: "Console", columns: Sequence[str], rows: Sequence[Sequence[object]]) -> "Table":
    """As many of the first columns as there is room for: no digit may be cut off."""
    for count in range(len(columns), 2, -1):
        table = _table(columns[:count], [row[:count] for row in rows])
        if _width(console, table) <= console.width:
            return table
    return _table(columns[:2], [row[:2] for row in rows])


def _width(console: "Console", table: "Table") -> int:
    return console.measure(table, options=console.options.update(max_width=_UNLIMITED)).maximum


def _title(chat: Any, width: int) -> str:
    """What the chat is called, on one line of so many columns."""
    from rich.text import Text

    title = " ".join(output.printable(chat.title or str(chat.telegram_chat_id)).split())
    encoding = sys.stdout.encoding or "ascii"
    text = Text(title.encode(encoding, "backslashreplace").decode(encoding))
    text.truncate(max(width, 8), overflow="ellipsis" if _is_unicode() else "crop")
    return text.plain


def _is_unicode() -> bool:
    return "utf" in (sys.stdout.encoding or "").lower()
