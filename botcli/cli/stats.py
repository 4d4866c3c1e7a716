"""`botcli stats`: what was said in a range of time, on a screen, as JSON or as a picture."""

import sys
from asyncio import to_thread
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from botcli import bars, overview
from botcli.cli import output
from botcli.cli.environment import read_settings, token_bot_id
from botcli.database import open_database
from botcli.overview import Name, Range, Rows
from botcore import InvalidInput

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_SCREEN: Final[tuple[Name, ...]] = ("active_days", "daily", "roles", "top_chats", "answer_times", "tokens")
_ALL: Final[tuple[Name, ...]] = (*_SCREEN, "active_weeks", "active_months", "hours", "cohorts")
_CHATS: Final = 5
_TITLE: Final = 24
_UNLIMITED: Final = 100_000
_LONGEST_DAYS: Final = 3_660


async def stats(
    *,
    bot: Annotated[
        int | None, Parameter(help="Telegram's id of the bot; by default BOT_TOKEN's, without one the terminal's, 0.")
    ] = None,
    days: Annotated[int | None, Parameter(help="The last so many days, with today; by default 30.")] = None,
    since: Annotated[str | None, Parameter(help="Or from a day on, as 2026-11-01.")] = None,
    until: Annotated[str | None, Parameter(help="Up to before that day; by default up to now.")] = None,
    zone: Annotated[str, Parameter(help="Whose days and hours, as Europe/Berlin; by default UTC.")] = "UTC",
    figure: Annotated[Name | None, Parameter(help="One figure, with all its rows.")] = None,
    replica: Annotated[bool, Parameter(help="Read from DATABASE_REPLICA_URL.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
    png: Annotated[Path | None, Parameter(help="Draw a picture into this file; needs the extra charts.")] = None,
    force: Annotated[bool, Parameter(help="Overwrite the file.")] = False,
) -> None:
    """Show how a bot is used: messages, people, answer times, busy chats, tokens; `--figure hours` is a heat map."""
    if png and (json or figure):
        raise InvalidInput("--png", "is a picture of several figures: take it alone")
    if png and not force and png.exists():
        raise InvalidInput("--png", f"{png} exists; --force overwrites it")
    settings = read_settings()
    bot_id = bot if bot is not None else token_bot_id(settings) or 0
    of = _range(bot_id, days, since, until, zone)
    if png:
        # where the extra is not there, before anything is read
        from botcli import charts
    names: tuple[Name, ...] = charts.FIGURES if png else (figure,) if figure else _ALL if json else _SCREEN
    async with open_database(settings) as database:
        figures = await overview.read(database.replica if replica else database, names, of)
    if png:
        image = await to_thread(charts.picture, figures, of)
        with png.open("wb" if force else "xb") as file:
            file.write(image)
        output.say(f"{png}: {len(image):,} bytes")
    elif json:
        told = {name: [asdict(row) for row in rows] for name, rows in figures.items()}
        output.as_json({**asdict(of), "figures": told})
    else:
        _show(of, figures, figure)


def _range(bot_id: int, days: int | None, since: str | None, until: str | None, zone: str) -> Range:
    """What the words say; raises InvalidInput for those that do not fit together."""
    try:
        overview.zone_of(zone)
    except InvalidInput as error:
        raise InvalidInput("--zone", error.reason) from None
    if since is None:
        if until is not None:
            raise InvalidInput("--until", "needs --since")
        if days is not None and not 1 <= days <= _LONGEST_DAYS:
            raise InvalidInput("--days", f"must be 1..{_LONGEST_DAYS}, not {days}")
        return overview.days(bot_id, 30 if days is None else days, zone)
    if days is not None:
        raise InvalidInput("--days", "and --since exclude each other")
    end = datetime.now(UTC) if until is None else _midnight("--until", until, zone)
    return Range(bot_id, _midnight("--since", since, zone), end, zone)


def _midnight(option: str, day: str, zone: str) -> datetime:
    try:
        return overview.midnight(datetime.strptime(day, "%Y-%m-%d").date(), zone)  # noqa: DTZ007 - a day of any zone
    except (ValueError, OverflowError):
        raise InvalidInput(option, f"must be a day as 2026-11-01, not {day!r}") from None


def _show(of: Range, figures: Mapping[Name, Rows], figure: Name | None) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    parts = _figure(console, figure, figures[figure]) if figure else _screen(console, figures)
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
    yield _table(
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
        yield _table(
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


def _figure(console: "Console", name: Name, rows: Rows) -> Iterator["RenderableType"]:
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
        columns = [field.name.replace("_", " ") for field in fields(rows[0])]
        cells = [_cells(row) for row in rows]
        table = _table(columns, cells)
        if console.measure(table, options=console.options.update(max_width=_UNLIMITED)).maximum <= console.width:
            yield table
        else:
            # no digit may be cut off
            output.as_table(columns, cells)


def _cells(row: Any) -> list[object]:
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
