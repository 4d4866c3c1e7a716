"""Runs every fault, the long ones too, and writes docs/reliability.md anew: `python -m tests.faults`.

What is added goes to pytest: `python -m tests.faults -k frozen` measures these alone and keeps the other figures.
"""

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
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "fault", *sys.argv[1:]]
    run = subprocess.run(command, check=False, env={**os.environ, "FAULTS_FIGURES": str(path)})
    if run.returncode:
        sys.exit(run.returncode)
    rewrite((json.loads(line) for line in path.read_text().splitlines()), str(POSTGRES_VERSION))
