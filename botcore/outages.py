"""Why there is no connection, in words that say what to do."""

from typing import Final

import psycopg

from botcore import urls
from botcore.errors import UNPREPARED, UNPREPARED_STATES, InvalidInput, Unavailable


class WrongPooler(psycopg.OperationalError):
    """What stands in front of the server is not what the settings say."""


def unreachable(conninfo: str, error: psycopg.Error, setting: str = "DATABASE_URL") -> Unavailable | InvalidInput:
    """Why no connection came about, in one line: libpq gives no SQLSTATE here, only its text."""
    text = str(error)
    if isinstance(error, WrongPooler) or error.sqlstate in UNPREPARED_STATES:
        # not InvalidInput: no caller's value is at fault
        reason = text if isinstance(error, WrongPooler) else UNPREPARED
        return Unavailable(f"DATABASE_POOLER, for {setting}: {reason}")
    # what has a state the server said, of a statement and not of the URL
    is_ours = text.startswith("invalid ") or (": invalid " in text and "FATAL" not in text)
    if error.sqlstate is None and (is_ours or isinstance(error, psycopg.ProgrammingError)):
        return InvalidInput(setting, "has a parameter with a value that libpq does not know")
    unknown = f"refused by the server, SQLSTATE {error.sqlstate}" if error.sqlstate else "no connection"
    reason = next((reason for pattern, reason in _REASONS.items() if pattern in text), unknown)
    return Unavailable(f"cannot connect to {urls.describe(conninfo)}: {reason}", retry_is_safe=True)


_REASONS: Final = {
    "certificate": "the server's certificate is not trusted; name its authority by sslrootcert=FILE in the URL",
    "password authentication failed": "wrong user or password",
    "no password supplied": "the server asks for a password and the URL has none",
    "does not exist": "no such database or user",
    "permission denied for database": "the server does not admit this user to this database (CONNECT)",
    "no pg_hba.conf entry": "the server does not admit this user from this host (pg_hba.conf)",
    "Peer authentication failed": "the server admits only its own system user",
    "Connection refused": "nothing listens there; is the server running?",
    "No such file or directory": "nothing listens there; is the server running?",
    "session is read-only": "only a standby answers, which takes no writes",
    "does not support SSL": "the server offers no encryption; sslmode=disable in the URL accepts that",
    "timeout expired": "no answer in time",
    "resolve": "the host's name is unknown",
    "could not translate host name": "the host's name is unknown",
    "too many clients": "the server has no connection to spare",
    # the limit of a role or a database
    "too many connections": "the server has no connection to spare",
    "remaining connection slots": "the server has no connection to spare",
    "unsupported startup parameter": "a pooler in front of the server takes no options, and migrations need some: use"
    " DATABASE_DIRECT_URL for these, and ALTER ROLE ... SET for yours",
    "cannot connect to server": "the pooler does not reach its server",
    "server_login_retry": "the pooler does not reach its server",
    "no such ": "no such database or user",
    "starting up": "the server is starting",
    "shutting down": "the server is shutting down",
}
