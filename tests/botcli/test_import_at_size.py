"""A million messages of Telegram Desktop, twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from benchmarks.archive import write_export
from tests import roles
from tests.conftest import Measured

MESSAGES = int(os.environ.get("TEST_ROWS", "1000000"))
MOST_MEGABYTES = 200
# getrusage would tell what the tests' own process had when it started this one
PROGRAM = """
import re, sys
from botcli.__main__ import main
try:
    main()
finally:
    status = open("/proc/self/status").read()
    print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) // 1000, file=sys.stderr)
"""
ROWS = "SELECT count(*), count(reply_to_id), sum(hashtextextended(m::text, 0)) FROM messages AS m"


def imported(path: Path, url: str) -> tuple[dict[str, int], int]:
    """What the import counts, and the most megabytes that it had."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "import", str(path), "--json"],
        env={**os.environ, "DATABASE_URL": roles.url_of("migrator", url)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(run.stdout), int(run.stderr.splitlines()[-1])


@pytest.mark.slow
def test_import_of_a_million_messages_twice(
    tmp_path: Path, connection: psycopg.Connection, database_url: str, measured: Measured
) -> None:
    """The second run finds all of them known and changes no row; neither needs more memory for a longer file."""
    path = tmp_path / "result.json"
    write_export(path, MESSAGES)

    first, megabytes = imported(path, database_url)
    stored = connection.execute(ROWS).fetchone()
    second, again_megabytes = imported(path, database_url)

    assert (first["messages"], first["stored"], first["known"], first["bad"]) == (MESSAGES, MESSAGES, 0, 0)
    assert (second["stored"], second["known"]) == (0, MESSAGES)
    assert connection.execute(ROWS).fetchone() == stored
    assert stored
    assert stored[:2] == (MESSAGES, MESSAGES // 4)
    assert max(megabytes, again_megabytes) < MOST_MEGABYTES
    measured("megabytes at most", max(megabytes, again_megabytes))
