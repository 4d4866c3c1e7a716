"""Figures as lines of text: bars that stand side by side, and a map of weekdays and hours."""

from collections.abc import Iterable, Sequence
from typing import Final

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WIDEST: Final = 4


def columns(values: Sequence[int], *, width: int, height: int, is_unicode: bool) -> list[str]:
    """Bars from left to right, the highest as high as all lines; where they do not fit, each is the most of several."""
    values = fitting(values, width)
    steps = " ▁▂▃▄▅▆▇█" if is_unicode else " .:#"
    fine, most = len(steps) - 1, max([*values, 1])
    # what is not 0 is to be seen
    levels = [max(-(-value * height * fine // most), 1) if value else 0 for value in values]
    wide = min(width // max(len(values), 1), _WIDEST)
    return [
        "".join(_bar(steps[min(max(level - line * fine, 0), fine)], wide) for level in levels).rstrip()
        for line in reversed(range(height))
    ]


def fitting(values: Sequence[int], width: int) -> list[int]:
    """The values, or where there are more than so many, the most of each two, three or more that follow each other."""
    together = max(-(-len(values) // width), 1)
    return [max(values[at : at + together]) for at in range(0, len(values), together)]


def hours(messages: Iterable[tuple[int, int, int]], *, width: int, is_unicode: bool) -> list[str]:
    """A line of shades for each weekday, of (weekday, hour, messages), under one of hours."""
    counts = {(weekday, hour): count for weekday, hour, count in messages}
    steps = " ░▒▓█" if is_unicode else " .:+#"
    most, wide = max([*counts.values(), 1]), min(max((width - 4) // 24, 1), 3)
    # hours of which the name has room
    every = {1: 6, 2: 3, 3: 1}[wide]
    head = "    " + "".join(f"{hour:02}".ljust(wide * every) for hour in range(0, 24, every)).rstrip()
    lines = [
        name
        + " "
        + "".join(steps[-(-counts.get((weekday, hour), 0) * (len(steps) - 1) // most)] * wide for hour in range(24))
        for weekday, name in enumerate(_WEEKDAYS, 1)
    ]
    return [head, *(line.rstrip() for line in lines)]


def _bar(step: str, wide: int) -> str:
    return step * (wide - 1) + " " if wide > 1 else step
