"""`botcli backup` into a folder of backups: named by the time, and the newest stay."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
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


async def test_backup_with_a_name_of_the_future(database: Database, folder: Path) -> None:
    """Where a clock was ahead once the new backup stays, nothing is removed, and that is an error."""
    await said(database)
    (folder / "botcore-29990101T020000Z.dump").touch()
    before = names(folder)

    with pytest.raises(BotcoreError, match=r"botcore-29990101T020000Z\.dump is of the future"):
        await backup(folder, keep=1)

    [new] = [name for name in names(folder) - before if name.endswith(".dump")]
    assert archive.read_manifest(folder / new).contents.rows["messages"] == 1
    assert names(folder) == before | {new, f"{new}.json"}


def test_keep_newest_clears_what_killed_backups_left(folder: Path) -> None:
    """Older parts and manifests without an archive go, but none where a backup may be at work."""
    older, newer = "botcore-20250102T030000Z.dump", "botcore-20250103T030000Z.dump"
    left = [f"{older}.abc.part", f"{older}.json.abc.part", f"{newer}.abc.part", f"{newer}.json", f"{older}.json.gz"]
    running = "botcore-20250102T040000Z.dump"
    for name in [*left, f"{older}.json", f"{running}.abc.part", f"{running}.json"]:
        (folder / name).touch()
        if not name.startswith(running):
            os.utime(folder / name, (0, 0))
    before = names(folder)

    archive.keep_newest(folder, 2, folder / OLD[3])

    gone = {*OLD[:2], *(f"{name}.json" for name in OLD[:2])}
    assert before - names(folder) == gone | {f"{older}.abc.part", f"{older}.json.abc.part", f"{older}.json"}


def test_keep_newest_beside_others(folder: Path) -> None:
    """A folder of such a name stops nothing, many remove the same at once, and what was just made stays."""
    (folder / "botcore-20240101T020000Z.dump").mkdir()
    for second in range(300):
        (folder / f"botcore-20240102T{second:06}Z.dump").touch()

    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(archive.keep_newest, folder, 1, folder / OLD[2]) for _ in range(8)]:
            done.result()

    assert {path.name for path in folder.glob("*.dump")} == {"botcore-20240101T020000Z.dump", *OLD[2:]}


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
