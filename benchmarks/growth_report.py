"""What the growth measured, as a table and as a picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

_MEGABYTE = 1e6


def table(steps: list[Figures]) -> str:
    """In Markdown: a column for each size, a line for each figure."""
    lines = [
        ["", *(f"{step['rows']:,} rows" for step in steps)],
        ["---"] * (len(steps) + 1),
        *([name, *map(show, steps)] for name, show in _lines(steps[-1])),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def draw(steps: list[Figures], path: Path) -> None:
    """A picture: latency and sizes against the number of rows."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    latency, size = figure.subplots(1, 2)
    rows = [step["rows"] for step in steps]
    # side by side, where they would hide each other
    for kind, label, aside in (("hot", "200 hot dialogues", 0.96), ("uniform", "any dialogue", 1.04)):
        low, middle, high = zip(*(step[kind]["quartiles"] for step in steps), strict=True)
        bars = [
            [at - least for at, least in zip(middle, low, strict=True)],
            [most - at for at, most in zip(middle, high, strict=True)],
        ]
        places = [each * aside for each in rows]
        latency.errorbar(places, middle, yerr=bars, marker="o", capsize=4, label=label)
    latency.set(title="Newest 20 of a dialogue", ylabel="milliseconds: median of rounds, quartiles")
    latency.set_ylim(bottom=0)
    latency.legend(loc="lower right")
    size.plot(rows, [step["table_bytes"] / _MEGABYTE for step in steps], "ko-", label="the table")
    for index, last in steps[-1]["index_bytes"].items():
        if last > _MEGABYTE:
            of = [step["index_bytes"][index] / _MEGABYTE for step in steps]
            size.plot(rows, of, marker="o", label=index)
    size.set(title="Size of messages and of its indexes", ylabel="megabytes", yscale="log")
    size.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    for axes in (latency, size):
        axes.set(xscale="log", xlabel="rows")
        axes.set_xticks(rows, [f"{each:,}" for each in rows])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=150)


def _lines(last: Figures) -> list[tuple[str, Callable[[Figures], str]]]:
    """What each line is called, and how it reads for one size."""
    return [
        ("newest 20, hot: p50, p99 in ms", lambda step: _times(step["hot"]["p50"], step["hot"]["p99"])),
        ("the same against 10,000 rows at the same time", lambda step: _ratio(step["hot_to_control"])),
        (
            "newest 20, any dialogue: p50, p99 in ms",
            lambda step: _times(step["uniform"]["p50"], step["uniform"]["p99"]),
        ),
        ("pages read, hot", lambda step: _range(step["hot_pages"])),
        ("pages read, any dialogue", lambda step: _range(step["uniform_pages"])),
        ("by the generic plan's index", lambda step: ", ".join(step["indexes"])),
        ("messages recorded a second", lambda step: f"{step['record_per_second'][1]:,.0f}"),
        ("the same against 10,000 rows at the same time", lambda step: _ratio(step["record_to_control"])),
        ("table, MB", lambda step: _megabytes(step["table_bytes"])),
        *((f"{index}, MB", _index(index)) for index in last["index_bytes"]),
        ("100,000 in one dialogue: newest 20, first and then, ms", lambda step: _times(*step["long_before"])),
        ("... the newest 99,000 deleted", lambda step: _times(*step["long_deleted"])),
        ("... and vacuumed", lambda step: _times(*step["long_vacuumed"])),
        ("... the indexes in any case", lambda step: _times(*step["long_cleaned"])),
        ("... all cleared", lambda step: _times(*step["long_cleared"])),
        ("clearing 100,000: longest statement, total, ms", lambda step: _cost(step["clear"])),
        ("purging 99,000: longest batch, total, ms", lambda step: _cost(step["purge"])),
    ]


def _index(name: str) -> Callable[[Figures], str]:
    return lambda step: _megabytes(step["index_bytes"][name])


def _times(*milliseconds: float) -> str:
    return ", ".join(f"{each:.2f}" for each in milliseconds)


def _ratio(quartiles: list[float]) -> str:
    low, middle, high = quartiles
    return f"{middle:.2f} ({low:.2f}..{high:.2f})"


def _range(ends: list[int]) -> str:
    low, high = ends
    return f"{low}" if low == high else f"{low}..{high}"


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:,.1f}"


def _cost(cost: Figures) -> str:
    return f"{cost['longest']:.0f}, {cost['total']:,.0f} in {cost['statements']}"
