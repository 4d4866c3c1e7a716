"""Rounds as a table for people and as JSON for whatever draws or compares them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median, quantiles
from typing import Any, Final

from benchmarks.load import Round, Work

BASELINE: Final = "pgbench"
_HEAD: Final = (
    f"{'':<24}{'per second':>11}{'p50 ms':>10}{'p99 ms':>10}   {'ratio to pgbench':<22}"
    f"{'client CPU ms':>14}{'server CPU ms':>15}"
)


@dataclass(frozen=True, slots=True)
class Result:
    """What one contender did in one operation at one number of tasks: its rounds, and their medians.

    `ratio` is to pgbench in the same round, as lower quartile, median and upper quartile.
    """

    operation: str
    tasks: int
    contender: str
    median: Round
    ratio: tuple[float, float, float] | None
    rounds: Sequence[Round]


def results(work: Work, rounds: Mapping[str, Sequence[Round]]) -> list[Result]:
    """Of each contender's rounds, taken in turn."""
    baseline = rounds.get(BASELINE)
    return [
        Result(work.operation, work.tasks, contender, _median(own), _ratio(own, baseline), own)
        for contender, own in rounds.items()
    ]


def table(found: Sequence[Result]) -> str:
    """A line for each contender."""
    first = found[0]
    lines = [
        f"{first.operation}, {_count(first.tasks, 'task')}, medians of {_count(len(first.rounds), 'round')}",
        _HEAD,
    ]
    for result in found:
        row = result.median
        server = "-" if row.server_cpu_ms is None else f"{row.server_cpu_ms:.3f}"
        lines.append(
            f"{result.contender:<24}{row.per_second:>11,.0f}{row.p50_ms:>10.2f}{row.p99_ms:>10.2f}   "
            f"{_ratio_text(result.ratio):<22}{row.client_cpu_ms:>14.3f}{server:>15}"
        )
    return "\n".join([*lines, ""])


def as_json(found: Sequence[Result]) -> list[dict[str, Any]]:
    """Everything, each round too."""
    return [asdict(result) for result in found]


def _median(rounds: Sequence[Round]) -> Round:
    columns = {field.name: [getattr(each, field.name) for each in rounds] for field in fields(Round)}
    values: dict[str, Any] = {name: None if None in column else median(column) for name, column in columns.items()}
    return Round(**values)


def _ratio(own: Sequence[Round], baseline: Sequence[Round] | None) -> tuple[float, float, float] | None:
    if not baseline:
        return None
    ratios = [each.per_second / base.per_second for each, base in zip(own, baseline, strict=True)]
    low, middle, high = quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    return low, middle, high


def _ratio_text(ratio: tuple[float, float, float] | None) -> str:
    return "" if ratio is None else "{1:.2f} ({0:.2f}..{2:.2f})".format(*ratio)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
