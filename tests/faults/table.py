"""The table of docs/reliability.md: a row for each test that is marked with its fault."""

import os
import platform
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import FunctionType

_TESTS = Path(__file__).parents[1]
PAGE = _TESTS.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- made by python -m tests.faults -->\n", "<!-- as far as here -->\n"

Figure = tuple[str, str, float]
"""Of a test by its name: what it is, and how much; seconds are floats, counts ints."""


def promises() -> dict[str, tuple[str, str]]:
    """Of each marked test, by its name: the fault and what it promises."""
    found = {}
    for path in sorted(_TESTS.rglob("test_*.py")):
        if "mark.fault(" not in path.read_text():
            continue
        module = import_module(".".join(path.relative_to(_TESTS.parent).with_suffix("").parts))
        for name, test in vars(module).items():
            marks = getattr(test, "pytestmark", []) if isinstance(test, FunctionType) else []
            for mark in marks:
                if mark.name == "fault":
                    found[name] = (mark.args[0], " ".join((test.__doc__ or "").split()))
    return found


def table(figures: Iterable[Figure], before: str) -> str:
    """The rows; of a figure that several runs gave, the largest, and what stood there before for what did not run."""
    largest = defaultdict[str, dict[str, float]](dict)
    for name, what, figure in figures:
        largest[name][what] = max(figure, largest[name].get(what, figure))
    rows = []
    for name, (fault, promise) in promises().items():
        begin = f"| {fault} | {promise} |"
        old = next((line[len(begin) : -1].strip() for line in before.splitlines() if line.startswith(begin)), "")
        rows.append(f"{begin} {', '.join(map(shown, largest[name], largest[name].values())) or old} |")
    return "\n".join(["| fault | promise | measured |", "|---|---|---|", *rows, ""])


def shown(what: str, figure: float) -> str:
    """A figure with its unit."""
    return f"{what} {figure:.2f} s" if isinstance(figure, float) else f"{what} {figure:,}"


def machine(server_version: str) -> str:
    """What the figures were measured on."""
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.system()},"
        f" Python {platform.python_version()}, PostgreSQL {server_version}.\n"
    )


def rewrite(figures: Iterable[Figure], server_version: str) -> None:
    """Puts them into the page between the two marks."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    old, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{machine(server_version)}\n{table(figures, old)}\n{END}{after}")
