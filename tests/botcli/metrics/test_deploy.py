"""The dashboard, the alerts and the page of metrics name what /metrics has, and nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from botcli.metrics import BotMetrics

ROOT = Path(__file__).parents[3]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/botcli.json").read_text(encoding="utf-8"))
ALERTS: dict[str, Any] = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8").partition("\n## Metrics\n")[2].partition("\n## ")[0]
PROMTOOL = shutil.which("promtool")

# Prometheus' own, of each target
OF_PROMETHEUS = {"up"}
# what stands in an expression and is no metric: strings, ranges, selectors, the labels of groupings, numbers
NOT_NAMES = re.compile(
    r"""
      "(?:[^"\\]|\\.)*"
    | \[[^\]]*\]
    | \b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)
    | \b\d[\w.]*
    """,
    re.VERBOSE,
)
SELECTORS = re.compile(r"\{[^}]*\}")
NAME = re.compile(r"\b([a-zA-Z_:][\w:]*)\b(?!\s*\()")
OPERATORS = {"and", "or", "unless", "bool", "offset"}


def names(expression: str) -> set[str]:
    """The metrics that an expression of PromQL asks for."""
    return set(NAME.findall(SELECTORS.sub("", NOT_NAMES.sub("", expression)))) - OPERATORS


def families() -> Iterator[tuple[str, str]]:
    """The name and the type of each metric, as /metrics prints them."""
    text = generate_latest(BotMetrics().database.registry).decode()
    yield from (line.split()[2:4] for line in text.splitlines() if line.startswith("# TYPE "))  # type: ignore[misc]


def samples() -> set[str]:
    """What an expression may name: of a histogram its parts."""
    parts = {"histogram": ("_bucket", "_sum", "_count")}
    return {name + part for name, kind in families() for part in parts.get(kind, ("",))} | OF_PROMETHEUS


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("up == 0", {"up"}),
        (
            'sum by (job, le) (rate(a_bucket{x="b{c}", y=~"$d"}[5m])) > 1e3 * b:c_total offset 5m',
            {"a_bucket", "b:c_total"},
        ),
        ("max(a{}) / on (job) group_left (x) b and c > bool 2.5", {"a", "b", "c"}),
        ('label_values(a{job=~"$job"}, instance)', {"a", "instance"}),
    ],
)
def test_names_of_an_expression(expression: str, expected: set[str]) -> None:
    """Functions, labels, strings, ranges and numbers are no metrics."""
    assert names(expression) == expected


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel['id']} {panel['title']}")
def test_panel_asks_for_what_there_is(panel: dict[str, Any]) -> None:
    """Each expression of a panel names metrics that /metrics has, from the data source that was chosen."""
    assert panel["targets"]
    for target in panel["targets"]:
        assert names(target["expr"])
        assert names(target["expr"]) - samples() == set()
        assert target["datasource"]["uid"] == panel["datasource"]["uid"] == "${datasource}"
        assert 'job=~"$job", instance=~"$instance"' in target["expr"]


def test_panels_have_places_of_their_own() -> None:
    """Ids are unique, no panel lies over another, and each says what it shows."""
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]

    assert len(ids) == len(set(ids))
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert all(panel["description"] and panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS)


def test_dashboard_has_a_data_source_to_choose() -> None:
    """Nothing is bound to somebody's Grafana; what is chosen from is asked of a metric that there is."""
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}

    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    for name in ("job", "instance"):
        assert names(variables[name]["query"]["query"]) - {name} - samples() == set()
        assert variables[name]["datasource"]["uid"] == "${datasource}"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alert_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    """Each alert's expression names metrics that /metrics has, and the page says what to look at."""
    assert names(rule["expr"]) - samples() == set()
    assert f"`{rule['alert']}`" in PAGE


def test_alerts_and_dashboard_know_the_outcomes() -> None:
    """A label's value that is asked for is one that there is."""
    text = generate_latest(BotMetrics().database.registry).decode()
    asked = {*re.findall(r'attempts_total\{[^}]*outcome!?="(\w+)"', json.dumps(ALERTS).replace("\\", ""))}

    assert asked
    assert all(f'botcli_update_attempts_total{{outcome="{outcome}"}}' in text for outcome in asked)


def test_page_lists_the_metrics_that_there_are() -> None:
    """The table has each metric with its type, and no other; the libraries' own are named together."""
    listed = re.findall(r"^\| `(bot\w+)` \| (\w+) \| ((?:`\w+`(?:, )?)*) ?\|", PAGE, re.MULTILINE)
    ours = {(name, kind) for name, kind in families() if not name.startswith(("process_", "python_"))}

    assert {(name, kind) for name, kind, _ in listed} == ours
    assert len(listed) == len(ours)


@pytest.mark.skipif(PROMTOOL is None, reason="Debian's package prometheus has it")
def test_configuration_passes_promtool(tmp_path: Path) -> None:
    """Prometheus itself takes the configuration with its alerts, and each expression of the dashboard as a rule."""
    expressions = [target["expr"].replace("$__rate_interval", "5m") for panel in PANELS for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))

    assert PROMTOOL
    for arguments in (("config", "deploy/prometheus/prometheus.yml"), ("rules", str(tmp_path / "rules.yml"))):
        command = [PROMTOOL, "check", *arguments]
        done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
