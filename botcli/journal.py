"""What the handling of an update has sent: noted before each send, so that no crash has one made twice."""

import logging
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.methods import TelegramMethod
from aiogram.methods.base import Response, TelegramType
from aiogram.types import Chat, Message

from botcli.requests import had_no_effect
from botcore import BotcoreError, ClaimLost, Database, Recorded, Update

_NO_MESSAGE: Final = 0  # Telegram's ids begin at 1

_handling: ContextVar["Handling | None"] = ContextVar("handling", default=None)
_log = logging.getLogger(__name__)


class Unconfirmed(Message):
    """Stands in for a message that may have arrived or not."""


class Handling:
    """One attempt at an update. Sends follow each other, so all that were begun but the last one have arrived."""

    def __init__(self, database: Database, update: Update, lease_seconds: int, *, resend: bool = False) -> None:
        self.update: Final = update
        self._began_at = update.due_at - timedelta(seconds=lease_seconds)
        self._database = database
        self._resend = resend
        self._sends = 0

    def enter(self) -> None:
        """Has every send of this task noted from now on."""
        _handling.set(self)

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier attempt may have got somewhere."""
        return self.update.attempts > 1

    def is_known(self, recorded: Recorded) -> bool:
        """Whether the message was delivered by another update; an attempt at this one may have stored it.

        This attempt, too: where a connection is lost in the middle, a call is made again and finds what it stored.
        """
        since = self.update.received_at if self.is_repeated else self._began_at
        return not recorded.is_new and recorded.message.created_at < since

    async def send(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """The answer to the send; where an earlier attempt made it, a stand-in without an id.

        That is an Unconfirmed one where nobody can say whether the send arrived.
        Raises ClaimLost when another worker has the update.
        """
        number = self._sends = self._sends + 1
        if number < self.update.sends or (number == self.update.sends and not self._resend):
            if number < self.update.sends:
                return cast("Response[TelegramType]", _stand_in(Message, method))
            return self._unconfirmed(method, "begun before a crash")
        await self._note(number)
        try:
            return await make_request(bot, method)
        except Exception as error:
            if had_no_effect(error):
                self._sends = number - 1
                # if that cannot be noted, the send counts as begun
                with suppress(BotcoreError):
                    await self._note(number - 1)
                raise
            if self._resend:
                raise
            return self._unconfirmed(method, type(error).__name__)

    async def _note(self, sends: int) -> None:
        key = {"bot_id": self.update.bot_id, "update_id": self.update.update_id}
        if not await self._database.updates.note_sends(**key, worker=self.update.worker, sends=sends):
            raise ClaimLost(**key)

    def _unconfirmed(self, method: TelegramMethod[TelegramType], reason: str) -> Response[TelegramType]:
        fields = {"update_id": self.update.update_id, "method": type(method).__name__, "reason": reason}
        _log.warning("unconfirmed: nobody can say whether this arrived", extra=fields)
        return cast("Response[TelegramType]", _stand_in(Unconfirmed, method))


class Journal(BaseRequestMiddleware):
    """Notes each request that makes a message with the update that it is made for; all others pass."""

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        """The server's answer, or the stand-in of `Handling.send`."""
        handling = _handling.get()
        if handling and method.__returning__ is Message:
            return await handling.send(make_request, bot, method)
        return await make_request(bot, method)


def _stand_in(kind: type[Message], method: TelegramMethod[Any]) -> Message:
    chat = Chat(id=getattr(method, "chat_id", 0), type="private")
    return kind(message_id=_NO_MESSAGE, date=datetime.now(UTC), chat=chat)
