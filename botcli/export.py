"""What a person gets who asks for what is kept about them: JSON Lines that end with a manifest."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from botcore import Chat, Message, Preferences, State, Transaction, Update, Usage, User, Version

FORMAT: Final = "botcore-export"
VERSION: Final = 1

_TYPES: Final[dict[type, str]] = {
    User: "user",
    Chat: "chat",
    Message: "message",
    Version: "version",
    State: "state",
    Preferences: "preferences",
    Usage: "usage",
    Update: "update",
}
# JSON leaves these as they are, and a terminal obeys them
_CONTROLS: Final = re.compile(r"[\x7f-\x9f]")


async def lines(
    database: Transaction, telegram_user_id: int, forms: Sequence[Mapping[str, Any]] = ()
) -> AsyncIterator[bytes]:
    """The export's lines in UTF-8: an object with its "type" each, the manifest last, so that no part looks whole.

    `forms` are the states that are kept elsewhere. The manifest's `sha256` is of all bytes before it. Of hidden rows,
    deleted but not purged yet, it has the number.
    """
    digest, counts = hashlib.sha256(), Counter(dict.fromkeys(_TYPES.values(), 0))
    async for kind, fields in _kept(database, telegram_user_id, forms):
        line = _line({"type": kind, **fields})
        digest.update(line)
        counts[kind] += 1
        yield line
    kept = await database.users.kept(telegram_user_id=telegram_user_id)
    yield _line(
        {
            "type": "manifest",
            "format": FORMAT,
            "version": VERSION,
            "made_at": datetime.now(UTC),
            "telegram_user_id": telegram_user_id,
            "counts": counts,
            "hidden": {"user": kept.hidden_users, "chat": kept.hidden_chats, "message": kept.hidden_messages},
            "sha256": digest.hexdigest(),
        }
    )


async def _kept(
    database: Transaction, telegram_user_id: int, forms: Sequence[Mapping[str, Any]]
) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    async for row in database.users.export(telegram_user_id=telegram_user_id):
        yield _TYPES[type(row)], _fields(row)
    for form in forms:
        yield _TYPES[State], form


def _fields(row: User | Chat | Message | Version | State | Preferences | Usage | Update) -> dict[str, Any]:
    """The row's fields; a chat's own type is `chat_type`, as in botcore's `record`."""
    return {"chat_type" if name == "type" else name: value for name, value in asdict(row).items()}


def _line(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, default=datetime.isoformat, ensure_ascii=False, separators=(",", ":"))
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode() + b"\n"
