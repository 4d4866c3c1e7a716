"""What botcore raises: every error says what happened, keeps its data, and holds no content."""

from collections.abc import Mapping
from typing import Final

import psycopg
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests


class BotcoreError(Exception):
    """The base of every error that botcore raises on purpose."""


class NotFound(BotcoreError):
    """A row that had to be there is missing or deleted; `kind` and `key` say which."""

    def __init__(self, kind: str, **key: object) -> None:
        self.kind: Final = kind
        self.key: Final = key
        super().__init__(f"no {kind} with {_listed(key)}")


class Conflict(BotcoreError):
    """A write met a row that it must not double; `constraint` names the rule in the schema."""

    def __init__(self, query: str, constraint: str | None) -> None:
        self.query: Final = query
        self.constraint: Final = constraint
        super().__init__(f"{query}: conflicts with {constraint or 'a concurrent change'}")


class NotRecorded(BotcoreError):
    """Nothing was stored: the person opted out, or was erased after they sent this."""

    def __init__(self) -> None:
        super().__init__("nothing of this person is to be recorded: they opted out, or were erased since")


class NotPermitted(BotcoreError):
    """The role of the database's URL lacks the right to do this: nothing was changed."""

    def __init__(self, query: str) -> None:
        self.query: Final = query
        super().__init__(f"{query}: the role of the database's URL may not do this")


class ClaimLost(BotcoreError):
    """Another worker has the update by now: nothing must be sent for it here any more."""

    def __init__(self, **key: int) -> None:
        self.key: Final = key
        super().__init__(f"another worker has the update with {_listed(key)}")


class InvalidInput(BotcoreError):
    """A value was refused before or by the server; `field` names the argument, never its content.

    Where many rows were given, `position` says in which, counted from 0.
    """

    def __init__(self, field: str, reason: str, *, position: int | None = None) -> None:
        self.field: Final = field
        self.reason: Final = reason
        self.position: Final = position
        super().__init__(f"{field}{'' if position is None else f' of row {position}'}: {reason}")


class Unavailable(BotcoreError):
    """The database cannot answer now; `retry_is_safe` says whether the call may be repeated.

    Inside of a transaction that means the whole of it.
    """

    def __init__(self, reason: str, *, retry_is_safe: bool = False, sqlstate: str | None = None) -> None:
        self.reason: Final = reason
        self.retry_is_safe: Final = retry_is_safe
        self.sqlstate: Final = sqlstate
        super().__init__(reason)


class SchemaMismatch(BotcoreError):
    """The database's schema is not the code's; `command` is what helps, `is_behind` whether that is an upgrade."""

    def __init__(self, reason: str, command: str, *, is_behind: bool) -> None:
        self.command: Final = command
        self.is_behind: Final = is_behind
        super().__init__(f"{reason}: run `{command}`")


def is_lost(error: BaseException | None) -> bool:
    """Whether the connection ended under a statement, which may have had its effect or not."""
    if not isinstance(error, psycopg.Error) or _pool_reason(error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith("08") or error.sqlstate in _LOST


def _listed(key: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value}" for name, value in key.items())


def from_psycopg(error: psycopg.Error, query: str, *, is_undone: bool = False) -> BotcoreError:
    """What botcore raises for a driver's error in `query`: by SQLSTATE, by class only where there is none.

    `is_undone` says that nothing stays of the call when its connection is lost: it only read, or was not committed.
    The server's text is left out, since its DETAIL can hold a row's content; the caller keeps it as the cause.
    """
    sqlstate = error.sqlstate or ""
    reason, retry_is_safe = _pool_reason(error) or _UNAVAILABLE.get(sqlstate) or ("", False)
    if is_lost(error):
        reason, retry_is_safe = _LOST.get(sqlstate, "the connection was lost"), is_undone
        reason += "" if is_undone else ", the outcome is unknown"
    if reason:
        return Unavailable(f"{query}: {reason}", retry_is_safe=retry_is_safe, sqlstate=error.sqlstate)
    if sqlstate in {"23503", "23505", "23P01"}:
        return Conflict(query, error.diag.constraint_name)
    if sqlstate.startswith(("22", "23")) or isinstance(error, psycopg.DataError):
        return InvalidInput(_field(error) or query, f"refused by the server, SQLSTATE {sqlstate or 'unknown'}")
    if sqlstate == "42501":
        return NotPermitted(query)
    if sqlstate in {"42P01", "42703"}:
        return SchemaMismatch(f"{query}: the database lacks what it reads", "botcli db upgrade", is_behind=True)
    return BotcoreError(f"{query}: SQLSTATE {sqlstate or 'unknown'}")


def _field(error: psycopg.Error) -> str | None:
    """The column that a failed check names: constraints are called ck_<table>_<column>."""
    _, _, column = (error.diag.constraint_name or "").removeprefix("ck_").partition("_")
    return column or error.diag.column_name


def _pool_reason(error: psycopg.Error) -> tuple[str, bool] | None:
    if isinstance(error, TooManyRequests):
        return "too many calls wait for a connection already", True
    if isinstance(error, PoolTimeout):
        return "no connection came free in time", True
    if isinstance(error, PoolClosed):
        return "the database is closed", False
    return None


UNPREPARED: Final = "the pooler in front of the server does not keep prepared statements: say transaction-unprepared"
UNPREPARED_STATES: Final = {"26000", "42P05"}
"""What an older PgBouncer's clients get: a statement of another one under the same name, or none."""

# SQLSTATE -> what happened, and whether the call had no effect and may be repeated.
# https://www.postgresql.org/docs/18/errcodes-appendix.html
_UNAVAILABLE: Final = {
    "25P02": ("an earlier call of this transaction failed", False),
    "25P03": ("the transaction was idle for too long, the server ended it", True),
    "25P04": ("the transaction ran into its timeout", False),
    "25006": ("the server is read-only, after a failover connect again", True),
    **dict.fromkeys(UNPREPARED_STATES, (f"DATABASE_POOLER: {UNPREPARED}", False)),
    "40001": ("a concurrent change was first", True),
    "40P01": ("a deadlock was broken", True),
    "53100": ("the server's disk is full", False),
    "53200": ("the server is out of memory", False),
    "53300": ("the server has no connection to spare", True),
    "55P03": ("a lock was not released in time", True),
    "57014": ("the statement was cancelled or ran into its timeout", False),
    "57P03": ("the server is starting", True),
    "57P04": ("the database was dropped", False),
    "57P05": ("the connection was idle for too long, the server ended it", True),
}

# SQLSTATE of a connection that ended; those of class 08 and those without any are the same.
_LOST: Final = {
    "57P01": "the server is shutting down",
    "57P02": "the server crashed",
}
