"""Files as Telegram Desktop writes them, for tests, and what a database has of them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

NOON = 1_767_268_800
"""1 January 2026, 12:00 UTC."""

CONTENTS = """
    SELECT
        c.bot_id, c.telegram_chat_id, c.type, c.title, u.telegram_user_id, u.first_name, m.message_thread_id, m.role,
        m.kind, m.content, m.telegram_message_id, m.sender_chat_id, m.sent_at, m.edited_at, m.delivery,
        a.content AS answered
    FROM messages AS m
    INNER JOIN chats AS c ON c.id = m.chat_id
    LEFT JOIN users AS u ON u.id = m.user_id
    LEFT JOIN messages AS a ON a.chat_id = m.chat_id AND a.id = m.reply_to_id
    ORDER BY c.bot_id, c.telegram_chat_id, m.id
"""


def message(number: int, **changes: Any) -> dict[str, Any]:
    """What Ada wrote so many seconds after noon; `...` takes a field away."""
    seconds = NOON + number
    given = {
        "id": number,
        "type": "message",
        "date": f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}",
        "date_unixtime": str(seconds),
        "from": "Ada Lovelace",
        "from_id": "user7",
        "text": f"Message {number}",
        "text_entities": [{"type": "plain", "text": f"Message {number}"}],
    }
    return {name: value for name, value in (given | changes).items() if value is not ...}


def chat(*messages: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A private chat with Ada."""
    return {"name": "Ada Lovelace", "type": "personal_chat", "id": 7} | changes | {"messages": list(messages)}


def account(*chats: dict[str, Any], left: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """A whole account, with what else stands in its file."""
    return {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": 1, "first_name": "Charles"},
        "contacts": {"about": "", "list": [{"user_id": 7, "first_name": "Ada"}]},
        "chats": {"about": "", "list": list(chats)},
        "left_chats": {"about": "", "list": list(left)},
    }


def write(folder: Path, export: dict[str, Any]) -> Path:
    """The file, as Telegram Desktop has it: indented by one, no character escaped that needs not be."""
    path = folder / "result.json"
    path.write_text(json.dumps(export, indent=1, ensure_ascii=False))
    return path


def contents(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """All messages with their chats and people, but for botcore's ids."""
    return connection.execute(CONTENTS).fetchall()
