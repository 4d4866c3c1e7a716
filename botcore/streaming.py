"""Many messages out: row after row as one moment has them, whole with their chats and people."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self, cast

from botcore.rows import ChatType, Delivery, Role, maker


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of `messages.stream` with its chat and its person: all that another database needs to store it.

    Ids are Telegram's, but for `id` and `reply_to_id`, which are botcore's and mean something only beside each other:
    where what is answered has no Telegram id, there is no `reply_to_message_id`. Without a person `telegram_user_id`
    and the names are None.
    """

    bot_id: int
    telegram_chat_id: int
    business_connection_id: str = ""
    chat_type: ChatType
    chat_title: str | None = None
    telegram_user_id: int | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    id: int = 0
    telegram_message_id: int | None = None
    message_thread_id: int = 0
    role: Role
    kind: str = "text"
    content: str = field(repr=False)
    sent_at: datetime
    edited_at: datetime | None = None
    reply_to_id: int | None = None
    reply_to_message_id: int | None = None
    media_group_id: str | None = None
    sender_chat_id: int | None = None
    forward_date: datetime | None = None
    delivery: Delivery | None = None

    @classmethod
    def of(cls, values: Sequence[Any]) -> Self:
        """A message of all its fields' values in their order: made in a fifth of the time that keywords take."""
        return cast("Self", maker(cls)(values))  # type: ignore[arg-type] # a class is hashable
