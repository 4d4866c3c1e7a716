"""What README and docs show runs: each block of Python and of shell, as it stands, on a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "sql" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(language, text, id=f"{page.relative_to(ROOT)}-{number}-{language}")
    for page in PAGES
    for number, (language, text) in enumerate(BLOCK.findall(page.read_text()), start=1)
]
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_block_runs_as_it_stands(language: str, text: str, database_url: str) -> None:
    """A reader who pastes the block gets no error; `console` blocks install or serve, and .ci/run has those."""
    program = [sys.executable, "-W", "error", "-"] if language == "python" else ["bash", "-euo", "pipefail", "-s"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    run = subprocess.run(
        program,
        input=text,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_link_leads_to_a_file(page: Path) -> None:
    """Every relative link points at something that is there."""
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert broken == []
