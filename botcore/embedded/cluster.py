"""The cluster: what initdb makes, and the settings that are written at every start."""

import os
import pwd
from pathlib import Path
from typing import Final

from botcore.embedded.folder import Server
from botcore.embedded.process import run_program
from botcore.embedded.programs import new_folder
from botcore.errors import Unavailable

FILES: Final = {
    "config_file": "postgresql.conf",
    "hba_file": "pg_hba.conf",
    "ident_file": "pg_ident.conf",
}
# initdb's own defaults hold where nothing is said: fsync and synchronous_commit stay on.
SETTINGS: Final = {
    "listen_addresses": "",  # no TCP: the socket's folder and peer authentication keep others out
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",  # a laptop's or a small container's share
    "max_wal_size": "256MB",  # bounds the disk, and the recovery after a kill to seconds
    "max_parallel_workers_per_gather": "0",  # a container's 64 MB of /dev/shm are too few for them
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",  # the texts that postgres.py reads
    "cluster_name": "botcore",
    # No message's text may reach the log: an ERROR can quote a value, its DETAIL a row, its STATEMENT all.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",  # two lines every five minutes that nobody reads
}
SETTINGS_FROM_18: Final = {"io_method": "sync"}  # three processes fewer; the cache holds a bot's data anyway
LOCALE: Final = {
    # The same sorting and lower() everywhere; 16 must take the system's C.UTF-8.
    16: ["--locale=C.UTF-8"],
    18: ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
}


def create_cluster(server: Server, programs: Path) -> None:
    """Make pgdata; it gets its name only when it is whole, so a killed initdb leaves none."""
    with new_folder(server.data_dir) as folder:
        if server.account:
            os.chown(folder, server.uid, server.gid)
        options = ["--username=postgres", "--encoding=UTF8", "--auth=peer", "--data-checksums"]
        options += [f"--pgdata={folder}", "--no-instructions", *LOCALE[server.version]]
        made = run_program([programs / "initdb", *options], server.account)
        if made.returncode:
            complaints = [line for line in made.stderr.splitlines() if "error:" in line or "FATAL:" in line]
            reason = (complaints or [f"exit code {made.returncode}"])[0]
            reason = reason.rpartition(":  ")[2]
            raise Unavailable(f"no database could be made in {server.data_dir}: {reason}")
        folder.rename(server.data_dir / "pgdata")


def write_file(server: Server, name: str) -> Path:
    """Write one of the server's files beside its data, where its account can only read it."""
    user = pwd.getpwuid(os.geteuid()).pw_name.replace('"', '""')
    settings = SETTINGS | (SETTINGS_FROM_18 if server.version >= 18 else {})  # noqa: PLR2004 - a version
    text = {
        "postgresql.conf": "".join(f"{key} = '{value}'\n" for key, value in settings.items()),
        # The kernel says who connects: whoever started the server may be any role, nobody else may be one.
        "pg_hba.conf": "local all all peer map=botcore\nlocal replication all peer map=botcore\n",
        "pg_ident.conf": f'botcore "{user}" all\n',
    }[name]
    path = server.data_dir / name
    path.write_text(f"# Written by botcore at every start; your own settings: ALTER SYSTEM.\n{text}")
    path.chmod(0o644 if server.account else 0o600)
    return path
