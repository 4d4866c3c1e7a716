"""Folders for embedded servers, which root's server reaches too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from botcore import embedded
from tests.embedded.servers import VERSION, reachable_folder, settle


@pytest.fixture
def base() -> Iterator[Path]:
    """An empty folder."""
    with reachable_folder() as folder:
        yield folder


@pytest.fixture
def new_dir(base: Path) -> Path:
    """The folder of a server that never started: not made yet."""
    return base / "data"


@pytest.fixture(scope="module")
def stopped_dir() -> Iterator[Path]:
    """A folder with a cluster, one for many tests: making it takes longer than most of them."""
    with reachable_folder() as folder:
        with embedded.serve(folder / "data", version=VERSION):
            pass
        yield folder / "data"


@pytest.fixture
def data_dir(stopped_dir: Path) -> Iterator[Path]:
    """The folder of a server that ran before and does not run."""
    yield stopped_dir
    settle(stopped_dir)
    (stopped_dir / "run").chmod(0o700)
