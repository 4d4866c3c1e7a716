"""stdin, stdout and stderr that whoever starts botcli has closed, as some daemons do."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>&-"], ids=["all", "stderr"])
def test_botcli_with_closed_streams(environment: dict[str, str], tmp_path: Path, closed: str) -> None:
    """It does its work and is silent; what it opens next is not taken for one of them."""
    command = [sys.executable, "-m", "botcli", "db", "current"]

    run = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command], env=environment, cwd=tmp_path, check=False
    )

    assert run.returncode == 0
