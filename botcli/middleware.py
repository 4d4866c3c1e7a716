"""What happens to an update before its handler: unknown kinds end, the log gets its context, messages are stored."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final, TypedDict, cast

from aiogram import BaseMiddleware
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.types import Message, TelegramObject, Update
from aiogram.types import User as Person
from aiogram.types.update import UpdateTypeLookupError
from structlog.contextvars import bound_contextvars

from botcore import Database, Recorded, Transaction

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

# https://core.telegram.org/bots/api#message: `from` holds these where a chat speaks
_STAND_INS: Final = {
    1087968824,  # @GroupAnonymousBot, an admin who speaks as the group
    136817688,  # @Channel_Bot, somebody who speaks as a channel
    777000,  # a linked channel's post
}


class Dialogue(TypedDict):
    """What names a dialogue in botcore: chat, person and topic."""

    chat_id: int
    user_id: int
    message_thread_id: int


class Names(TypedDict):
    """What a person is called; '' where Telegram says nothing."""

    first_name: str
    last_name: str
    username: str
    language_code: str


async def skip_unknown(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Ends an update of a kind that aiogram does not know, which it would print, texts and all, as a warning."""
    try:
        _ = cast("Update", event).event_type
    except UpdateTypeLookupError:
        return UNHANDLED
    return await handler(event, data)


async def bind_context(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Puts the update and its chat on every log line of the handling."""
    with bound_contextvars(**log_context(cast("Update", event), data)):
        return await handler(event, data)


def log_context(update: Update, data: dict[str, Any]) -> dict[str, int | None]:
    """What a log line says of an update; `data` is the handlers'."""
    return {"update_id": update.update_id, "telegram_chat_id": data["event_context"].chat_id}


class Store(BaseMiddleware):
    """Stores every message once and hands on `recorded` and, for a person's, `dialogue`; a redelivery ends here.

    With `hidden` the message is deleted as soon as it is stored: known when it comes again, no part of the dialogue.
    """

    def __init__(self, database: Database, *, hidden: bool = False) -> None:
        self._database = database
        self._store = _record_hidden if hidden else _record

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """The handler's result, None for a message that was stored before."""
        recorded = await self._store(self._database, data["bot"].id, cast("Message", event))
        if not recorded.is_new:
            return None
        message = recorded.message
        if message.user_id is not None:
            data["dialogue"] = Dialogue(
                chat_id=message.chat_id, user_id=message.user_id, message_thread_id=message.message_thread_id
            )
        return await handler(event, {**data, "recorded": recorded})


class StoreEdit(BaseMiddleware):
    """Stores the text of an edit, be it of a command or of a message never seen; the newest edit date wins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """The handler's result."""
        message = cast("Message", event)
        # an ephemeral message has 0: there is no telling which one this is an edit of;
        # a live location is edited all the time, and has no text
        if message.message_id and not message.location:
            edited_at = datetime.fromtimestamp(message.edit_date, UTC) if message.edit_date else message.date
            await self._database.messages.edit(**_incoming(data["bot"].id, message), edited_at=edited_at)
        return await handler(event, data)


def sender(message: Message) -> Person | None:
    """The person who wrote the message; None where a chat speaks, through a stand-in or without any `from`."""
    person = message.from_user
    return None if message.sender_chat or (person and person.id in _STAND_INS) else person


def content(message: Message) -> str:
    """The message's text or caption, '' where it has none, as PostgreSQL can store it."""
    return clean(message.text or message.caption)


def clean(text: str | None) -> str:
    """The text without NUL, which PostgreSQL refuses, and with U+FFFD for lone surrogates, which UTF-8 cannot carry."""
    return (text or "").replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


async def _record_hidden(database: Database, bot_id: int, message: Message) -> Recorded:
    async with database.transaction() as transaction:
        recorded = await _record(transaction, bot_id, message)
        if recorded.is_new:
            await transaction.messages.delete(chat_id=recorded.message.chat_id, message_id=recorded.message.id)
        return recorded


async def _record(database: Transaction, bot_id: int, message: Message) -> Recorded:
    return await database.messages.record(**_incoming(bot_id, message))


def _incoming(bot_id: int, message: Message) -> dict[str, Any]:
    """What botcore's `record` and `edit` take of a message."""
    person = sender(message)
    return {
        "bot_id": bot_id,
        "telegram_user_id": person.id if person else None,
        **_names(person),
        "telegram_chat_id": message.chat.id,
        "chat_type": message.chat.type,
        "chat_title": clean(message.chat.title),
        # an ephemeral message has 0, which must not be taken for a redelivery of another
        "telegram_message_id": message.message_id or None,
        "role": "user",
        "content": content(message),
        "sent_at": message.date,
        "message_thread_id": _topic(message),
        "business_connection_id": clean(message.business_connection_id),
    }


def _names(person: Person | None) -> Names:
    names = ("first_name", "last_name", "username", "language_code")
    return cast("Names", {name: clean(getattr(person, name, None)) for name in names})


def _topic(message: Message) -> int:
    # plain replies carry a thread id too
    return message.message_thread_id or 0 if message.is_topic_message else 0
