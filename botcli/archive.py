"""A backup: pg_dump's archive, and beside it a manifest of what was read back from it, table by table."""

import asyncio
import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from botcore import BotcoreError, InvalidInput

FORMAT: Final = "botcore-backup"
VERSION: Final = 1

Show = Callable[[str], None]

_COPY: Final = re.compile(rb"COPY (?:public\.)?(.+?) \(.*\) FROM stdin;\n")
_SEQUENCE: Final = b"SELECT pg_catalog.setval("
_END: Final = b"\\.\n"
_DATED: Final = f"botcore-{'[0-9]' * 8}T{'[0-9]' * 6}Z.dump"
_LOOK_SECONDS: Final = 0.1
_LEFT_ALONE_SECONDS: Final = 86_400
_SHOWN_ROWS: Final = 10_000
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in each table: how many rows, and the SHA-256 of pg_dump's lines of them; and the schema's revision."""

    revision: str
    rows: dict[str, int]
    sha256: dict[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of the archive's bytes, when it was made, and of its contents; a JSON file."""

    format: str
    version: int
    made_at: str
    bytes: int
    sha256: str
    contents: Contents


def manifest_of(archive: Path) -> Path:
    """Where an archive's manifest lies: beside it."""
    return archive.with_name(f"{archive.name}.json")


def dated(folder: Path, moment: datetime) -> Path:
    """An archive's place in a folder of many: the names sort by time."""
    return folder / f"botcore-{moment:%Y%m%dT%H%M%SZ}.dump"


def keep_newest(folder: Path, number: int, made: Path) -> None:
    """Removes what `dated` named, but `made` and the newest so many, and what killed backups left before those.

    Raises BotcoreError, and removes nothing, where a name is of the future: which are the newest nobody knows then.
    """
    archives = sorted(path for path in folder.glob(_DATED) if path.is_file())
    if archives and archives[-1] > max(made, dated(folder, datetime.now(UTC))):
        raise BotcoreError(
            f"{made} is made, but nothing older was removed: {archives[-1].name} is of the future, a clock was"
            " wrong; rename it or remove it"
        )
    kept = {made, *archives[-number:]}
    for archive in set(archives) - kept:
        archive.unlink(missing_ok=True)
        manifest_of(archive).unlink(missing_ok=True)
    orphans = (path for path in folder.glob(f"{_DATED}.json") if not path.with_suffix("").exists())
    for path in [*folder.glob(f"{_DATED}.*.part"), *orphans]:
        if path.name < min(kept).name and _is_left(path):
            path.unlink(missing_ok=True)


def _is_left(path: Path) -> bool:
    """Whether nobody writes there any more, as a backup that is running would."""
    try:
        return path.is_file() and time.time() - path.stat().st_mtime > _LEFT_ALONE_SECONDS
    except FileNotFoundError:
        # somebody else who keeps the newest was here
        return False


def write_manifest(archive: Path, path: Path, made_at: datetime, contents: Contents, sha256: str) -> None:
    """Describes the archive, whose `digest` that is, in that file."""
    moment, size = made_at.isoformat(timespec="seconds"), archive.stat().st_size
    manifest = Manifest(FORMAT, VERSION, moment, size, sha256, contents)
    path.write_text(json.dumps(asdict(manifest), indent=2) + "\n")


def read_manifest(archive: Path) -> Manifest:
    """The archive's manifest; raises InvalidInput where it is missing, unreadable, or another archive's."""
    path = manifest_of(archive)
    try:
        values = json.loads(path.read_text())
        manifest = Manifest(**{**values, "contents": Contents(**values["contents"])})
    except (ValueError, TypeError, KeyError):
        manifest = None
    except FileNotFoundError:
        raise InvalidInput("FILE", f"{path} is missing: it is written beside the archive, move them together") from None
    if manifest is None or (manifest.format, manifest.version) != (FORMAT, VERSION):
        raise InvalidInput("FILE", f"{path} is no manifest that this botcli can read")
    if digest(archive) != manifest.sha256:
        raise InvalidInput("FILE", f"{archive} is not what was backed up: its bytes changed, or were cut off")
    return manifest


@contextmanager
def private(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """A file beside it that takes its place at the end, on disk by then; where that fails nothing is left.

    Unless it may `replace` one, FileExistsError is raised where a file is there by then.
    """
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
    part = Path(name)
    try:
        yield part
        os.fsync(descriptor)
        _put(part, path, replace=replace)
    except OSError as error:
        # a write to a full disk does not say where
        error.filename = error.filename or str(path)
        raise
    finally:
        os.close(descriptor)
        part.unlink(missing_ok=True)


def _put(part: Path, path: Path, *, replace: bool) -> None:
    if not replace:
        try:
            return path.hardlink_to(part)
        except FileExistsError:
            raise
        except OSError:
            # a file system without links, as a stick has: then the name is taken first
            path.touch(exist_ok=False)
    part.replace(path)
    return None


async def run(command: list[str], environment: Mapping[str, str], watch: Callable[[], None]) -> None:
    """Runs one of PostgreSQL's programs, looking on now and then; raises BotcoreError with its first words."""
    with _started(command, environment, subprocess.DEVNULL) as process:
        while process.poll() is None:
            watch()
            await asyncio.sleep(_LOOK_SECONDS)


async def contents(command: list[str], environment: Mapping[str, str], show: Show) -> Contents:
    """What a dump of the data that the command prints says, read line by line; raises BotcoreError as `run` does."""
    with _started(command, environment, subprocess.PIPE) as process:
        # in a thread, which ends with the process when this is cancelled
        return await asyncio.to_thread(_read, process.stdout or (), show)


def _read(lines: Iterable[bytes], show: Show) -> Contents:
    rows: dict[str, int] = {}
    digests = {"sequences": hashlib.sha256()}
    table, revision, total, began = "", "", 0, time.monotonic()
    for line in lines:
        if table and line == _END:
            table = ""
        elif table:
            rows[table] += 1
            digests[table].update(line)
            revision = line.decode().strip() if table == "alembic_version" else revision
            total += 1
            if not total % _SHOWN_ROWS:
                show(f"read back: {total:,} rows, {total / (time.monotonic() - began):,.0f} a second")
        elif found := _COPY.fullmatch(line):
            table = found[1].decode()
            rows[table], digests[table] = 0, hashlib.sha256()
        elif line.startswith(_SEQUENCE):
            digests["sequences"].update(line)
    return Contents(revision, rows, {name: digest.hexdigest() for name, digest in digests.items()})


@contextmanager
def _started(command: list[str], environment: Mapping[str, str], stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    # a file, since a pipe that nobody reads meanwhile would fill
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=stdout, stderr=said)
        try:
            yield process
            code = process.wait()
        finally:
            process.kill()
            process.wait()
            _close(process.stdout)
        if code:
            said.seek(0)
            raise BotcoreError(_first_words(Path(command[0]).name, said.read(_BLOCK)))


def _close(stream: IO[Any] | None) -> None:
    if stream:
        stream.close()


def _first_words(program: str, said: bytes) -> str:
    """The first line alone: what follows can quote a row."""
    first = (said.decode(errors="replace").splitlines() or ["it failed and said nothing"])[0]
    return first if first.startswith(program) else f"{program}: {first}"


def digest(path: Path) -> str:
    """The SHA-256 of its bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
