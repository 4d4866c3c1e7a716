"""What people say, for tests: a call of `record` with everything filled in."""

from collections.abc import AsyncIterable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from botcore import Copied, Incoming, Message, Recorded, Transaction

SENT_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def incoming(**changes: Any) -> dict[str, Any]:
    """The arguments of `messages.record` for a private message; the chat's id is the person's by default."""
    telegram_user_id = changes.get("telegram_user_id", 7)
    return {
        "bot_id": 1,
        "telegram_user_id": telegram_user_id,
        "first_name": "Ada",
        "last_name": "Lovelace",
        "username": "ada",
        "language_code": "en",
        "telegram_chat_id": telegram_user_id,
        "chat_type": "private",
        "chat_title": None,
        "telegram_message_id": 100,
        "role": "user",
        "content": "Hello",
        "sent_at": SENT_AT,
    } | changes


async def said(database: Transaction, **changes: Any) -> Recorded:
    """Records a private message."""
    return await database.messages.record(**incoming(**changes))


def person(message: Message) -> int:
    """Botcore's id of the person in a message that has one."""
    assert message.user_id is not None
    return message.user_id


def dialogue(message: Message) -> dict[str, Any]:
    """The key of the dialogue that a message belongs to."""
    return {"chat_id": message.chat_id, "user_id": message.user_id, "message_thread_id": message.message_thread_id}


def edited(seconds: int, **changes: Any) -> dict[str, Any]:
    """The arguments of `messages.edit` for the same message, edited so many seconds after it was sent."""
    return incoming(**{"edited_at": SENT_AT + timedelta(seconds=seconds)} | changes)


def update(update_id: int, *, chat: int = 7, text: str = "Hello") -> dict[str, Any]:
    """A raw update with a private message."""
    person = {"id": chat, "is_bot": False, "first_name": "Ada"}
    private = {"id": chat, "type": "private", "first_name": "Ada"}
    sent = {"message_id": update_id, "date": int(SENT_AT.timestamp()), "chat": private, "from": person, "text": text}
    return {"update_id": update_id, "message": sent}


def archived(number: int, **changes: Any) -> Incoming:
    """A message for `messages.copy_in` under this Telegram id, sent so many seconds after the first."""
    given: dict[str, Any] = {
        "role": "user",
        "content": f"Message {number}",
        "sent_at": SENT_AT + timedelta(seconds=number),
    }
    return Incoming(**given | {"telegram_message_id": number} | changes)


async def copied(
    database: Transaction, messages: AsyncIterable[Incoming] | Iterable[Incoming], batch_size: int = 5_000
) -> Copied:
    """The counts of all batches of a `copy_in` together."""
    batches = [batch async for batch in database.messages.copy_in(messages, batch_size=batch_size)]
    return Copied(
        given=sum(batch.given for batch in batches),
        stored=sum(batch.stored for batch in batches),
        known=sum(batch.known for batch in batches),
        refused=sum(batch.refused for batch in batches),
    )
