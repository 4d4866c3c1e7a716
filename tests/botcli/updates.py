"""Raw messages as Bot API 10.3 delivers them."""

from itertools import count
from typing import Any

SENT_AT = 1_767_268_800  # 2026-01-01 12:00 UTC

ADA: dict[str, Any] = {
    "id": 7,
    "is_bot": False,
    "first_name": "Ada",
    "last_name": "Lovelace",
    "username": "ada",
    "language_code": "en",
}
PRIVATE: dict[str, Any] = {"id": 7, "type": "private", "first_name": "Ada", "username": "ada"}
GROUP: dict[str, Any] = {"id": -1001234567890, "type": "supergroup", "title": "Engines"}
CHANNEL: dict[str, Any] = {"id": -1009876543210, "type": "channel", "title": "News"}
ANONYMOUS: dict[str, Any] = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
US: dict[str, Any] = {"id": 42, "is_bot": True, "first_name": "Bot", "username": "our_bot"}
PHOTO = [{"file_id": "AgAC", "file_unique_id": "AQAD", "width": 90, "height": 60}]

_message_ids = count(1)


def asked(chat: dict[str, Any]) -> dict[str, Any]:
    """What makes a message there one to the bot: a reply to something that it said."""
    said = {"message_id": 10**6, "date": SENT_AT, "chat": chat, "from": US, "text": "Yes?"}
    return {"chat": chat, "reply_to_message": said}


ASKED = asked(GROUP)


def message(text: str | None = "Hello", **changes: Any) -> dict[str, Any]:
    """A private message; None among the changes takes a field away, `sender` stands for `from`."""
    fields = {"message_id": next(_message_ids), "date": SENT_AT, "chat": PRIVATE, "sender": ADA, "text": text}
    fields |= changes
    fields["from"] = fields.pop("sender")
    return {name: value for name, value in fields.items() if value is not None}
