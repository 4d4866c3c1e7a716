"""The rows of tests.model: what is known of a person, a chat and a message, and how reads show it.

A row has its `id` from the database's first answer. `deleted` is the model's time of the deletion: what fell together
has the same one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

Text = tuple[datetime | None, str]
"""Since when a message says what; None is since it was sent."""


@dataclass(eq=False)
class Person:
    """A row of users."""

    telegram_user_id: int
    names: dict[str, Any]
    id: int = 0
    deleted: datetime | None = None

    def ids(self) -> dict[str, int]:
        """What a call names the row by."""
        return {"user_id": self.id}

    def seen(self) -> dict[str, Any]:
        """The row as a read gives it, but for its times."""
        return {"id": self.id, "telegram_user_id": self.telegram_user_id, **self.names, "deleted": bool(self.deleted)}


@dataclass(eq=False)
class Chat:
    """A row of chats; `key` is the bot's id, Telegram's id and the business connection."""

    key: tuple[int, int, str]
    type: str
    title: str | None
    id: int = 0
    deleted: datetime | None = None
    successor: "Chat | None" = None

    def ids(self) -> dict[str, int]:
        """What a call names the row by."""
        return {"chat_id": self.id}

    def seen(self) -> dict[str, Any]:
        """The row as a read gives it, but for its times."""
        names = ("bot_id", "telegram_chat_id", "business_connection_id")
        rest = {"id": self.id, "type": self.type, "title": self.title, "deleted": bool(self.deleted)}
        return dict(zip(names, self.key, strict=True)) | rest


@dataclass(eq=False)
class Message:
    """A row of messages with its versions: `texts` are in their order, and the last is what it says."""

    chat: Chat
    person: Person | None
    fields: dict[str, Any]
    texts: list[Text]
    id: int = 0
    deleted: datetime | None = None

    def ids(self) -> dict[str, int]:
        """What a call names the row by."""
        return {"chat_id": self.chat.id, "message_id": self.id}

    def seen(self, text: Text | None = None) -> dict[str, Any]:
        """The row as a read gives it, with this text or its newest one."""
        edited_at, content = text or self.texts[-1]
        return self.fields | {
            "chat_id": self.chat.id,
            "user_id": self.person and self.person.id,
            "id": self.id,
            "content": content,
            "length": len(content),
            "edited_at": edited_at,
            "deleted": bool(self.deleted),
        }

    def edit(self, edited_at: datetime, content: str, kind: str) -> None:
        """Keeps the text after those of the same date; one that is known changes nothing."""
        if (edited_at, content) in self.texts:
            return
        self.texts.append((edited_at, content))
        # stable: of one second the last to come is the newest
        self.texts.sort(key=lambda text: text[0].timestamp() if text[0] else 0)
        if self.texts[-1] == (edited_at, content):
            self.fields["kind"] = kind

    def versions(self) -> list[Text]:
        """The texts that differ from the one before."""
        return [text for place, text in enumerate(self.texts) if not place or self.texts[place - 1][1] != text[1]]
