"""Where `-o` leads to: a file is whole, its owner's and nobody else's before; what is no file stays what it is."""

import os
from pathlib import Path
from threading import Thread

import pytest

from botcli.cli import target
from botcore import InvalidInput


def put(path: Path, *, force: bool = False) -> None:
    """Writes what a command would."""
    with target.opened(path, force=force) as file:
        file.write(b"data")


def test_opened_when_somebody_else_was_faster(tmp_path: Path) -> None:
    """A file that came meanwhile stays, on a file system without links as well."""
    path = tmp_path / "file"
    with pytest.raises(InvalidInput, match="--force overwrites it"), target.opened(path, force=False):
        path.write_text("theirs")

    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "theirs"


@pytest.mark.parametrize("is_there", [True, False])
def test_opened_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_there: bool) -> None:
    """Where the file system has none, the name is taken first."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "file"
    if is_there:
        with pytest.raises(InvalidInput, match="exists"), target.opened(path, force=False):
            path.write_text("theirs")
    else:
        put(path)

    assert path.read_text() == ("theirs" if is_there else "data")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_opened_through_a_link(tmp_path: Path) -> None:
    """The link stays, what it leads to is written; with nothing there, too."""
    link, path = tmp_path / "link", tmp_path / "file"
    link.symlink_to(path)

    put(link)
    with pytest.raises(InvalidInput, match="exists"):
        put(link)
    path.chmod(0o644)
    put(link, force=True)

    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("data", 0o600)


def test_opened_of_a_pipe(tmp_path: Path) -> None:
    """It is written to and stays a pipe, with --force as well; without a reader it is an error, not a wait."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(InvalidInput, match="nobody reads"):
        put(path, force=True)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writes = Thread(target=put, args=(path,), kwargs={"force": True})
    writes.start()
    writes.join()

    assert os.read(reader, 100) == b"data"
    assert path.is_fifo()
    os.close(reader)


def test_opened_of_a_folder(tmp_path: Path) -> None:
    """It is no file, whatever is forced."""
    with pytest.raises(InvalidInput, match="is a folder"):
        put(tmp_path, force=True)
