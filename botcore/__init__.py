"""botcore: the data layer of Telegram bots on PostgreSQL."""

from importlib import import_module
from typing import TYPE_CHECKING

from botcore import health, inputs, queries, tracing
from botcore.copying import Incoming
from botcore.costs import ChatUse, Cost, Kept, Preferences, Spent, Throttled, Usage
from botcore.database import Database, Transaction
from botcore.errors import (
    BotcoreError,
    ClaimLost,
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    NotRecorded,
    SchemaMismatch,
    Unavailable,
)
from botcore.figures import Active, AnswerTimes, BusyChat, Cohort, Daily, Hour, Spoke, Tokens, Unit
from botcore.messages import NEWEST
from botcore.rows import (
    Backlog,
    Chat,
    ChatType,
    Copied,
    Delivery,
    Failure,
    Found,
    Message,
    Purged,
    Receipt,
    Recorded,
    Role,
    Scope,
    Spoken,
    State,
    Totals,
    Update,
    UpdateState,
    User,
    Version,
)
from botcore.states import StateKey
from botcore.streaming import Said

if TYPE_CHECKING:
    from botcore import console, embedded, logs, migrations, partitions, roles
    from botcore.metrics import Metrics
    from botcore.settings import Settings

__all__ = [
    "NEWEST",
    "Active",
    "AnswerTimes",
    "Backlog",
    "BotcoreError",
    "BusyChat",
    "Chat",
    "ChatType",
    "ChatUse",
    "ClaimLost",
    "Cohort",
    "Conflict",
    "Copied",
    "Cost",
    "Daily",
    "Database",
    "Delivery",
    "Failure",
    "Found",
    "Hour",
    "Incoming",
    "InvalidInput",
    "Kept",
    "Message",
    "Metrics",
    "NotFound",
    "NotPermitted",
    "NotRecorded",
    "Preferences",
    "Purged",
    "Receipt",
    "Recorded",
    "Role",
    "Said",
    "SchemaMismatch",
    "Scope",
    "Settings",
    "Spent",
    "Spoke",
    "Spoken",
    "State",
    "StateKey",
    "Throttled",
    "Tokens",
    "Totals",
    "Transaction",
    "Unavailable",
    "Unit",
    "Update",
    "UpdateState",
    "Usage",
    "User",
    "Version",
    "console",
    "embedded",
    "health",
    "inputs",
    "logs",
    "migrations",
    "partitions",
    "queries",
    "roles",
    "tracing",
]


def __getattr__(name: str) -> object:
    # imported when used: what they import takes as long as all the rest, or is not installed
    if name in {"Metrics", "Settings"}:
        return getattr(import_module(f"botcore.{name.lower()}"), name)
    if name in {"console", "embedded", "logs", "migrations", "partitions", "roles"}:
        return import_module(f"botcore.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
