"""The database's URL: every form that hosts and other tools hand out, as libpq takes it."""

import os
import re
import ssl
from ipaddress import ip_address
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from botcore.errors import InvalidInput

_SCHEME = re.compile(r"^(postgres|postgresql)(\+\w+)?://")


def conninfo(url: str, setting: str = "DATABASE_URL", /, **defaults: str | int) -> str:
    """The connection string for a URL of any PostgreSQL scheme; `defaults` yield to what the URL says.

    A remote host gets `sslmode=verify-full` unless the URL or PGSSLMODE says otherwise.
    Raises InvalidInput for the setting that has the URL, without showing that, when it cannot be read.
    """
    try:
        given = conninfo_to_dict(_SCHEME.sub("postgresql://", url.strip()))
    except psycopg.ProgrammingError:
        given = {}
    if not given or not _is_split_right(given):
        # the driver's message would show pieces of the password
        raise InvalidInput(
            setting,
            "cannot be read; write postgresql://user:password@host:5432/database, with %40 for @ and %2F for / in the"
            " password",
        )
    return make_conninfo("", **{**defaults, **_encryption(given), **given})


def describe(conninfo: str) -> str:
    """Server, database and user in a connection string, for people: never the password."""
    given = conninfo_to_dict(conninfo)
    host = given.get("host") or given.get("hostaddr") or "the local socket"
    return f"{host}:{given.get('port') or 5432}/{given.get('dbname') or ''} as {given.get('user') or 'yourself'}"


def _is_split_right(given: dict[str, str | int | None]) -> bool:
    """False where a bare @ or / in the password made libpq take a piece of it for host, port or database."""
    host, port, database = (str(given.get(name) or "") for name in ("host", "port", "dbname"))
    return "@" not in host[1:] and "@" not in database and all(part.isdecimal() for part in port.split(",") if part)


def _encryption(given: dict[str, str | int | None]) -> dict[str, str]:
    hosts = str(given.get("hostaddr") or given.get("host") or os.environ.get("PGHOST", "")).split(",")
    if given.get("sslmode") or os.environ.get("PGSSLMODE") or all(map(_is_local, hosts)):
        return {}
    own_file = Path("~/.postgresql/root.crt").expanduser()
    if given.get("sslrootcert") or os.environ.get("PGSSLROOTCERT") or own_file.exists():
        return {"sslmode": "verify-full"}
    # libpq looks for authorities in that file only; Python knows where this system keeps its own
    return {"sslmode": "verify-full", "sslrootcert": ssl.get_default_verify_paths().cafile or "system"}


def _is_local(host: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
