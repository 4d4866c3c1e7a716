"""squawk reads every migration: what locks a table in use for long, or breaks the release before, is found there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from botcore import migrations

REVISIONS = [revision for revision, _ in migrations.history()]

LEFT_OUT: Final = {
    # every migration runs with lock_timeout, is tried again, and builds indexes for as long as that takes
    "require-lock-timeout",
    "require-statement-timeout",
    # an index that may be half built is dropped first: IF NOT EXISTS would keep an invalid one
    "prefer-robust-stmts",
    # nothing here counts what could outgrow an integer: the only one is a text's length
    "prefer-bigint-over-int",
}
ACCEPTED: Final = {
    # alembic's own table
    "0001": {"prefer-text-field"},
    # of before the first release: there was no table in use
    "0007": {
        "constraint-missing-not-valid",
        "adding-foreign-key-constraint",
        "require-concurrent-index-creation",
        "ban-drop-constraint",
    },
    "0008": {"require-concurrent-index-deletion", "renaming-object"},
    "0012": {"ban-drop-constraint"},
}
"""What is known of a migration and right there, each with its reason: a new one has none, or says why."""


def complaints(script: str, path: Path) -> set[str]:
    """The rules that squawk sees broken, for PostgreSQL 15."""
    path.write_text(script)
    program = Path(sys.executable).parent / "squawk"
    exclude = f"--exclude={','.join(sorted(LEFT_OUT))}"
    command = [str(program), "--pg-version=15", "--reporter=json", exclude, str(path)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return {complaint["rule_name"] for complaint in json.loads(run.stdout)}


@pytest.mark.parametrize(("before", "revision"), list(zip(["base", *REVISIONS], REVISIONS, strict=False)))
def test_migration_is_safe_on_a_table_in_use(before: str, revision: str, tmp_path: Path) -> None:
    """A migration has none of squawk's complaints but those that are accepted by name."""
    found = complaints(migrations.script(f"{before}:{revision}"), tmp_path / "migration.sql")

    assert found == ACCEPTED.get(revision, set())


def test_unsafe_migration_is_found(tmp_path: Path) -> None:
    """An index that is built in place, and a column that goes at once, are complaints."""
    script = "CREATE INDEX ix_users_username ON users (username); ALTER TABLE users DROP COLUMN username;"

    found = complaints(script, tmp_path / "migration.sql")

    assert found == {"require-concurrent-index-creation", "ban-drop-column"}
