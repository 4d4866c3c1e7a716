"""What happens to an update before its handler: unknown kinds end, the log gets its context, messages are stored."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypedDict, cast

from aiogram import BaseMiddleware
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.dispatcher.flags import get_flag
from aiogram.types import Message, TelegramObject, Update
from aiogram.types.update import UpdateTypeLookupError
from structlog.contextvars import bound_contextvars

from botcli.incoming import incoming, sender
from botcli.journal import Handling
from botcore import Database, NotRecorded, Recorded, Transaction

Handler = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]

_log = logging.getLogger(__name__)


class Dialogue(TypedDict):
    """What names a dialogue in botcore: chat, person and topic."""

    chat_id: int
    user_id: int
    message_thread_id: int


class SkipUnknown(BaseMiddleware):
    """Ends an update of a kind that aiogram does not know, which it would print, texts and all, as a warning."""

    def __init__(self) -> None:
        self._counts = Counter[str]()

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """The handler's result, or that there was none."""
        try:
            _ = cast("Update", event).event_type
        except UpdateTypeLookupError:
            self._count(next(iter(event.model_extra or ()), "none"))
            return UNHANDLED
        return await handler(event, data)

    def _count(self, kind: str) -> None:
        self._counts[kind] += 1
        # the first, the tenth, the hundredth ...
        if str(self._counts[kind]).strip("0") == "1":
            _log.warning("unknown kind of update", extra={"kind": kind, "count": self._counts[kind]})


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
    What a handler's flag `along` names is done in the same transaction, and so once, given the stored message,
    Telegram's and who the bot is; `along` is then its result, or None where an earlier attempt had it.
    Of a person who opted out nothing is stored: `recorded` is None then, and there is no `dialogue`.
    """

    def __init__(self, database: Database, *, hidden: bool = False) -> None:
        self._database = database
        self._hidden = hidden

    async def __call__(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        """The handler's result; None for a message that another update stored, or whose sender was erased since."""
        message = cast("Message", event)
        try:
            recorded = await self._store(message, data)
        except NotRecorded:
            return await handler(event, {**data, "recorded": None}) if await self._opted_out(message) else None
        handling: Handling | None = data.get("handling")
        if handling.is_known(recorded) if handling else not recorded.is_new:
            return None
        stored = recorded.message
        if stored.user_id is not None:
            data["dialogue"] = Dialogue(
                chat_id=stored.chat_id, user_id=stored.user_id, message_thread_id=stored.message_thread_id
            )
        return await handler(event, {**data, "recorded": recorded})

    async def _store(self, message: Message, data: dict[str, Any]) -> Recorded:
        if not self._hidden:
            return await _record(self._database, data["bot"].id, message)
        data["along"], along = None, get_flag(data, "along")
        # asked for once, and then known: no transaction waits for Telegram
        me = await data["bot"].me() if along else None
        async with self._database.transaction() as transaction:
            recorded = await _record(transaction, data["bot"].id, message)
            if recorded.is_new:
                stored = recorded.message
                await transaction.messages.delete(chat_id=stored.chat_id, message_id=stored.id)
                if along:
                    data["along"] = await along(transaction, stored, message, me)
            return recorded

    async def _opted_out(self, message: Message) -> bool:
        person = sender(message)
        return person is not None and await self._database.users.opted_out(telegram_user_id=person.id)


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
            with suppress(NotRecorded):
                await self._database.messages.edit(**incoming(data["bot"].id, message), edited_at=edited_at)
        return await handler(event, data)


async def _record(database: Transaction, bot_id: int, message: Message) -> Recorded:
    return await database.messages.record(**incoming(bot_id, message))
