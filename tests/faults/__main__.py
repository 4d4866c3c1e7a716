"""Runs every fault, the long ones too, and writes docs/reliability.md anew: `python -m tests.faults`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conftest import POSTGRES_VERSION
from tests.faults.table import rewrite

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "figures")
    path.touch()
    # one after the other, so that they measure the fault and not each other
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "", "tests/faults", *sys.argv[1:]]
    subprocess.run(command, check=True, env={**os.environ, "FAULTS_FIGURES": str(path)})
    rewrite((json.loads(line) for line in path.read_text().splitlines()), str(POSTGRES_VERSION))
