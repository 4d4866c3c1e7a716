"""`botcli backup` into a folder of backups: named by the time, and the newest stay."""

import re
from pathlib import Path

import pytest

from botcli import archive
from botcli.cli.backup import backup
from botcore import BotcoreError, Database, InvalidInput
from tests.factories import said

pytestmark = [pytest.mark.usefixtures("settings"), pytest.mark.role("superuser")]

OLD = [f"botcore-2025010{day}T020000Z.dump" for day in (1, 2, 3, 4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Backups of four days, and what lies beside them."""
    for name in [*OLD, *(f"{name}.json" for name in OLD), "ledger.jsonl", "botcore-20250101T020000Z.dump.zst"]:
        (tmp_path / name).touch()
    return tmp_path


def names(folder: Path) -> set[str]:
    """What lies in the folder."""
    return {path.name for path in folder.iterdir()}


async def test_backup_into_a_folder_keeps_the_newest(database: Database, folder: Path) -> None:
    """Of the backups that are named by the time the newest stay, with their manifests, and all else does."""
    await said(database)
    before = names(folder)

    await backup(folder, keep=2)

    new = max(name for name in names(folder) if name.endswith("Z.dump"))
    gone = set(OLD[:3])
    assert re.fullmatch(r"botcore-20\d{6}T\d{6}Z\.dump", new)
    assert archive.read_manifest(folder / new).contents.rows["messages"] == 1
    assert names(folder) == before - gone - {f"{name}.json" for name in gone} | {new, f"{new}.json"}


async def test_backup_that_fails_removes_none(
    folder: Path, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Older backups go when there is a newer one, not before; a file has no others to keep."""
    before = names(folder)
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    with pytest.raises(BotcoreError, match="no schema"):
        await backup(folder, keep=1)
    with pytest.raises(InvalidInput, match="--keep"):
        await backup(folder / "bot.dump", keep=1)

    assert names(folder) == before
