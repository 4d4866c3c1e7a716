"""Figures as one picture, by the extra `charts`: opaque, so that it reads in a dark program as in a light one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from io import BytesIO
from math import nan
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from botcli.overview import Name, Range, Rows, Words

FIGURES: Final[tuple[Name, ...]] = (
    "daily",
    "active_days",
    "active_weeks",
    "hours",
    "cohorts",
    "answer_times",
    "tokens",
)
"""What `picture` draws."""

# apart for the colour-blind too: https://jfly.uni-koeln.de/color/
_PEOPLE, _BOT, _WEEKS = "#0072B2", "#E69F00", "#009E73"
_LATE: Final = 12
_FEW: Final = 7
_WORDS: Final = Words()

# for good: several threads may draw at once
mpl.rcParams |= {"font.size": 9, "axes.titlesize": 10, "axes.axisbelow": True, "date.converter": "concise"}


def picture(figures: Mapping[Name, Rows], of: Range) -> bytes:
    """A PNG of 1,800 x 1,650 pixels; it takes a second of the processor, so call it in a thread."""
    figure = Figure(figsize=(12, 11), layout="constrained", facecolor="white")
    axes = figure.subplots(3, 2).flat
    for axis, draw in zip(axes, (_messages, _people, _hours, _cohorts, _answers, _tokens), strict=True):
        draw(axis, figures)
    return _png(figure, str(of))


def picture_of_chat(daily: Rows, hours: Rows, title: str, words: Words) -> bytes:
    """A PNG of 1,080 x 1,200 pixels for a telephone's screen; half a second of the processor, likewise in a thread."""
    figure = Figure(figsize=(7.2, 8), layout="constrained", facecolor="white")
    above, below = figure.subplots(2, 1)
    _messages(above, {"daily": daily}, words)
    _hours(below, {"hours": hours}, words)
    return _png(figure, title)


def _png(figure: Figure, title: str) -> bytes:
    figure.suptitle(title, fontsize=12)
    image = BytesIO()
    figure.savefig(image, format="png", dpi=150, facecolor="white")
    return image.getvalue()


def _messages(axis: Any, figures: Mapping[Name, Rows], words: Words = _WORDS) -> None:
    rows = figures["daily"]
    days, said = _dates(row.day for row in rows), [row.user_messages for row in rows]
    axis.bar(days, said, width=1, color=_PEOPLE, label=words.people)
    axis.bar(days, [row.assistant_messages for row in rows], width=1, bottom=said, color=_BOT, label=words.bot)
    _by_day(axis, days, words.by_day, words.messages, words.day)
    axis.yaxis.get_major_locator().set_params(integer=True)
    if words.days:
        some = slice(None, None, -max(1, len(days) // _FEW))
        axis.set_xticks(days[some], words.days[some])


def _people(axis: Any, figures: Mapping[Name, Rows]) -> None:
    days, weeks = figures["active_days"], figures["active_weeks"]
    begins, people = _dates(week.starts_on for week in weeks), [week.people for week in weeks]
    axis.step(begins, people, where="post", color=_WEEKS, marker=".", label="in the week")
    dates = _dates(day.starts_on for day in days)
    axis.bar(dates, [day.people for day in days], width=1, color=_PEOPLE, label="on the day")
    _by_day(axis, dates, "People who wrote", "people")


def _hours(axis: Any, figures: Mapping[Name, Rows], words: Words = _WORDS) -> None:
    counts = [[0] * 24 for _ in words.weekdays]
    for each in figures["hours"]:
        counts[each.weekday - 1][each.hour] = each.messages
    # white is none, as the ground is
    image = axis.imshow(counts, aspect="auto", cmap="Blues", vmin=0, vmax=max(1, *map(max, counts)))
    axis.set_xticks(range(0, 24, 3))
    axis.set_yticks(range(7), words.weekdays)
    axis.set_title(words.by_hour, loc="left")
    axis.set(xlabel=words.hour)
    axis.figure.colorbar(image, ax=axis, label=words.messages, ticks=MaxNLocator(8, integer=True))


def _cohorts(axis: Any, figures: Mapping[Name, Rows]) -> None:
    cohorts: dict[str, dict[int, int]] = {}
    for each in figures["cohorts"]:
        cohorts.setdefault(each.week, {})[each.weeks_after] = each.people
    shown = dict(list(cohorts.items())[-_LATE:])
    shares = [
        [100 * came[after] / came[0] if came[0] and after in came else nan for after in range(1, _LATE + 1)]
        for came in shown.values()
    ]
    image = axis.imshow(shares, aspect="auto", cmap="viridis", vmin=0, vmax=100)
    axis.set_xticks(range(_LATE), range(1, _LATE + 1))
    axis.set_yticks(range(len(shown)), [f"{week} ({came[0]:,})" for week, came in shown.items()])
    axis.set_title("Who came in a week and wrote again", loc="left")
    axis.set(xlabel="weeks after", ylabel="week of the first message (people)")
    axis.figure.colorbar(image, ax=axis, label="%")


def _answers(axis: Any, figures: Mapping[Name, Rows]) -> None:
    rows = [row for row in figures["answer_times"] if row.day]
    days = _dates(row.day for row in rows)
    lines = (
        ("95% within", _BOT, [row.p95_milliseconds for row in rows]),
        ("half within", _PEOPLE, [row.median_milliseconds for row in rows]),
    )
    for label, color, times in lines:
        seconds = [nan if each is None else each / 1_000 for each in times]
        axis.plot(days, seconds, color=color, marker=".", label=label)
    _by_day(axis, days, "Time to the first reply", "seconds")


def _tokens(axis: Any, figures: Mapping[Name, Rows]) -> None:
    rows = figures["tokens"]
    days, read = _dates(row.day for row in rows), [row.input_tokens for row in rows]
    axis.bar(days, read, width=1, color=_PEOPLE, label="read")
    axis.bar(days, [row.output_tokens for row in rows], width=1, bottom=read, color=_BOT, label="written")
    _by_day(axis, days, "Tokens (days by UTC)", "tokens")


def _by_day(axis: Any, days: Sequence[date], title: str, unit: str, day: str = _WORDS.day) -> None:
    axis.yaxis.set_major_formatter("{x:,.10g}")
    axis.set_title(title, loc="left")
    axis.set(xlabel=day, ylabel=unit)
    half = timedelta(hours=12)
    first, last = (datetime.combine(day, time()) for day in (days[0], days[-1]))
    axis.set_xlim(first - half, last + half)
    if len(days) <= _FEW:
        # otherwise there were hours between them, and of one day no date
        axis.set_xticks(days, [f"{day:%b %d}" for day in days])
    if unit != "seconds":
        axis.yaxis.get_major_locator().set_params(integer=True)
    axis.set_ylim(bottom=0, top=None if axis.dataLim.y1 > 0 else 1)
    axis.grid(axis="y", color="#DDDDDD")
    axis.spines[["top", "right"]].set_visible(False)
    # beside the title, where no bar is
    axis.legend(frameon=False, fontsize=8, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2)


def _dates(days: Any) -> Sequence[date]:
    return [date.fromisoformat(day) for day in days]
