"""docs/telegram.md has a row for each case, and names only tests that are there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "telegram.md").read_text()
ROWS = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", PAGE, re.MULTILINE)


def test_page_has_every_case() -> None:
    """Cases 1 to 18, each with a test that shows what happens."""
    assert [int(case) for case, _ in ROWS] == [*range(1, 19)]
    assert [case for case, tests in ROWS if not re.fullmatch(r"`test_\w+`(, `test_\w+`)*", tests)] == []


def test_page_names_tests_that_exist() -> None:
    """A test that is renamed is renamed on the page, too."""
    existing = {
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert set(re.findall(r"`(test_\w+)`", PAGE)) - existing == set()
