"""One picture of a comparison: how much of pgbench each contender reaches."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from benchmarks import machine
from benchmarks.report import BASELINE

TASKS: Final = 32
# apart for the colour-blind too: https://jfly.uni-koeln.de/color/
_OURS, _THEIRS, _BASELINE, _LINE = "#D55E00", "#56B4E9", "#999999", "#000000"
_TITLES: Final = {"record": "record a message", "history": "newest 20", "turn": "a turn"}


def picture(results: Path, image: Path) -> None:
    """Draws what `compare --json` wrote, as .svg or .png."""
    check(image)
    draw(json.loads(results.read_text(encoding="utf-8")), image)


def check(image: Path) -> None:
    """Exits where `draw` would fail."""
    if image.suffix not in {".svg", ".png"}:
        sys.exit(f"{image}: a picture is .svg or .png")
    if not find_spec("matplotlib"):
        sys.exit("a picture needs matplotlib: pip install 'botcore[benchmarks]'")


def draw(found: dict[str, Any], image: Path) -> None:
    """A panel for each operation, a bar for each contender; at 32 tasks, or the most that were measured."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "botcore", "font.size": 9}
    measured = [result for result in found["results"] if result["ratio"]]
    if not measured:
        sys.exit("nothing to draw: pgbench is what the others are compared with")
    tasks = TASKS if any(result["tasks"] == TASKS for result in measured) else max(each["tasks"] for each in measured)
    ratios = {(each["operation"], each["contender"]): each["ratio"] for each in measured if each["tasks"] == tasks}
    operations = [name for name in _TITLES if any(name == operation for operation, _ in ratios)]
    contenders = list(dict.fromkeys(contender for _, contender in ratios))[::-1]

    figure = Figure(figsize=(3.1 * len(operations) + 1.6, 0.29 * len(contenders) + 1.25), layout="constrained")
    axes = figure.subplots(1, len(operations), sharey=True, squeeze=False)[0]
    for axis, operation in zip(axes, operations, strict=True):
        _panel(axis, {name: ratios.get((operation, name)) for name in contenders})
        axis.set_title(_TITLES[operation], fontsize=10)
    figure.suptitle(f"Operations a second at {tasks} tasks, pgbench = 1 (quartiles as lines)", fontsize=11)
    figure.supxlabel(machine.line(found["machine"]), fontsize=7, color="#555555")
    figure.savefig(image, dpi=150, metadata={"Date": None} if image.suffix == ".svg" else None)


def _panel(axis: Any, ratios: dict[str, tuple[float, float, float] | None]) -> None:
    top = max(ratio[2] for ratio in ratios.values() if ratio)
    for place, (name, ratio) in enumerate(ratios.items()):
        if ratio is None:
            axis.text(0.02 * top, place, "no such operation", va="center", fontsize=7, color="#555555")
            continue
        low, middle, high = ratio
        error = [[middle - low], [high - middle]]
        axis.barh(place, middle, color=_color(name), xerr=error, ecolor=_LINE)
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        axis.text(high + 0.02 * top, place, f"{middle:.2f}", va="center", fontsize=8, bbox=behind)
    axis.axvline(1, color=_LINE, linewidth=0.8, linestyle=":", zorder=0)
    axis.set_yticks(range(len(ratios)), list(ratios))
    axis.set_xlim(0, max(top, 1) * 1.18)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right"]].set_visible(False)


def _color(name: str) -> str:
    return _BASELINE if name == BASELINE else _OURS if name.startswith("botcore") else _THEIRS
