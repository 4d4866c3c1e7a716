"""botcore: the data layer of Telegram bots on PostgreSQL."""

from botcore.database import Database, Transaction
from botcore.errors import BotcoreError, Conflict, InvalidInput, NotFound, SchemaMismatch, Unavailable
from botcore.messages import NEWEST
from botcore.rows import Chat, Message, Recorded, Role, Totals, User

__all__ = [
    "NEWEST",
    "BotcoreError",
    "Chat",
    "Conflict",
    "Database",
    "InvalidInput",
    "Message",
    "NotFound",
    "Recorded",
    "Role",
    "SchemaMismatch",
    "Totals",
    "Transaction",
    "Unavailable",
    "User",
]
