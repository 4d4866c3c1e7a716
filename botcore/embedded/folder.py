"""The data folder: whose it is, who may enter it, and where its socket lies. No folder above it is ever opened."""

import os
import pwd
import shlex
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from botcore.embedded.process import run_program
from botcore.errors import Unavailable

ELSEWHERE: Final = "or set BOTCORE_DATA_DIR to another folder"
SOCKET: Final = ".s.PGSQL.5432"
SOCKET_PATH_BYTES: Final = 107 if sys.platform == "linux" else 103  # sun_path, without its final NUL


@dataclass(frozen=True, slots=True)
class Server:
    """A data folder with the account that its server runs as: root's has another than root."""

    data_dir: Path
    version: int
    uid: int
    gid: int

    @property
    def account(self) -> dict[str, Any]:
        """What subprocess needs to become that account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if os.geteuid() == 0 else {}


def resolved(data_dir: Path) -> Path:
    """The folder without links and ~, so that every process means the same one."""
    return data_dir.expanduser().resolve()


def prepare(data_dir: Path, version: int) -> Server:
    """The folder, checked and made where absent; a folder above it is never changed."""
    data_dir = resolved(data_dir)
    if data_dir.exists() and not data_dir.is_dir():
        raise Unavailable(f"{data_dir} is a file: set BOTCORE_DATA_DIR to a folder")
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        reason = f"user id {os.geteuid()} has no name: add it to /etc/passwd or set DATABASE_URL"
        raise Unavailable(reason) from None
    found = cluster_version(data_dir)
    if found not in (None, version):
        advice = f"pg_dump it with {found} and restore it into {version}, {ELSEWHERE}"
        raise Unavailable(f"{data_dir} holds the data of PostgreSQL {found}, not {version}: {advice}")
    server = Server(data_dir, version, *_owner(data_dir))
    _require_way(server)
    for folder in reversed([data_dir, *data_dir.parents]):
        if not folder.exists():
            folder.mkdir(0o700, exist_ok=True)
            folder.chmod(0o711 if server.account else 0o700)  # said apart: a umask of 077 narrows mkdir's
    seen = data_dir.stat()
    if seen.st_uid != os.geteuid():
        raise Unavailable(f"{data_dir} belongs to user id {seen.st_uid}: run as that user, {ELSEWHERE}")
    if seen.st_mode & 0o022:
        command = f"chmod go-w {shlex.quote(str(data_dir))}"
        raise Unavailable(f"others may write to {data_dir}: run `{command}`, {ELSEWHERE}")
    return server


def cluster_version(data_dir: Path) -> int | None:
    """PostgreSQL's major version that the data is of; None where there is none yet."""
    try:
        return int((data_dir / "pgdata/PG_VERSION").read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _owner(data_dir: Path) -> tuple[int, int]:
    """Who runs the server: we; as root the owner of the data, at first a system user `botcore`."""
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    with suppress(FileNotFoundError):
        seen = (data_dir / "pgdata").stat()
        if seen.st_uid:
            return seen.st_uid, seen.st_gid
    account = _system_user() or _system_user(create=True)
    if account is None:
        raise Unavailable("root needs a system user `botcore` for the server: make one, or set DATABASE_URL")
    return account.pw_uid, account.pw_gid


def _system_user(*, create: bool = False) -> pwd.struct_passwd | None:
    shell = "/usr/sbin/nologin"
    path = "/usr/sbin:/usr/bin:/sbin:/bin"  # cron's PATH lacks the first
    if create and shutil.which("useradd", path=path):
        commands = [f"useradd --system --user-group --no-create-home --shell {shell} botcore"]
    else:  # busybox
        commands = ["addgroup -S botcore", f"adduser -S -D -H -s {shell} -G botcore botcore"]
    for command in commands if create else []:
        with suppress(FileNotFoundError):
            subprocess.run(command.split(), check=False, env={"PATH": path}, capture_output=True)
    with suppress(KeyError):  # another process may have been quicker: only the result counts
        return pwd.getpwnam("botcore")
    return None


def _require_way(server: Server) -> None:
    """Root's server has an account of its own, which must get to the folder without our opening any."""
    if not server.account:
        return
    folders = [folder for folder in reversed([server.data_dir, *server.data_dir.parents]) if folder.exists()]
    script = 'for folder; do [ -x "$folder" ] || { printf %s "$folder"; exit 1; }; done'
    tried = run_program(["/bin/sh", "-c", script, "sh", *folders], server.account)
    if tried.returncode:
        help_ = f"set BOTCORE_DATA_DIR=/var/lib/botcore, or run `chmod o+x {shlex.quote(tried.stdout)}`"
        raise Unavailable(f"the server's user (id {server.uid}) cannot enter {tried.stdout}: {help_}")


def private_folder(folder: Path, server: Server) -> Path:
    """The folder, made if absent, that nobody but the server's account may enter."""
    folder.mkdir(0o700, exist_ok=True)
    if server.account and folder.lstat().st_uid == 0:
        os.chown(folder, server.uid, server.gid, follow_symlinks=False)
    seen = folder.lstat()
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != server.uid:
        raise Unavailable(f"{folder} is not a folder of user id {server.uid}: remove it, {ELSEWHERE}")
    if seen.st_mode & 0o077:
        raise Unavailable(f"others may enter {folder}: run `chmod 700 {shlex.quote(str(folder))}`")
    return folder


def socket_folder(server: Server) -> Path:
    """run/, or a private folder with a shorter name where its path is too long for a socket."""
    digest = sha256(os.fsencode(server.data_dir)).hexdigest()[:12]
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    ours = not server.account and runtime.is_dir() and runtime.stat().st_uid == server.uid
    temporary = Path(tempfile.gettempdir(), f"botcore-{server.uid}-{digest}")
    short = runtime / f"botcore-{digest}" if ours else temporary
    for folder in (server.data_dir / "run", short):
        if len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_BYTES:
            return private_folder(folder, server)
    raise Unavailable(f"the path of {short} is too long for a socket: set TMPDIR to a shorter one")
