"""What the handling of an update has sent: noted before each send, so that no crash has one made twice."""

import logging
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.methods import TelegramMethod
from aiogram.methods.base import Response, TelegramType
from aiogram.types import Chat, Message, MessageId

from botcli.pacing import makes_a_message
from botcli.requests import had_no_effect
from botcore import BotcoreError, ClaimLost, Database, Recorded, Update

_NO_MESSAGE: Final = 0  # Telegram's ids begin at 1

_handling: ContextVar["Handling | None"] = ContextVar("handling", default=None)
_log = logging.getLogger(__name__)


def unnoted() -> Context:
    """A copy of this context for a task whose sends are noted with no update: nobody minds two of them."""
    context = copy_context()
    context.run(_handling.set, None)
    return context


class Unconfirmed(Message):
    """Stands in for a message that may have arrived or not."""


class Handling:
    """One attempt at an update; its sends follow each other."""

    def __init__(self, database: Database, update: Update, lease_seconds: int, *, resend: bool = False) -> None:
        self.update: Final = update
        self._began_at = update.due_at - timedelta(seconds=lease_seconds)
        self._database = database
        self._resend = resend
        self._sends = 0
        # of this attempt and those before, as it is and as it is noted
        self._arrived = self._noted = update.arrived

    def enter(self) -> None:
        """Has every send of this task noted from now on."""
        _handling.set(self)

    @property
    def is_repeated(self) -> bool:
        """Whether an earlier attempt may have got somewhere."""
        return self.update.attempts > 1

    @property
    def has_spoken(self) -> bool:
        """Whether an earlier attempt's send stands in for the first of this one, which then reaches nobody."""
        return self.update.arrived > 0 or (self.update.sends > 0 and not self._resend)

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
        if number <= self.update.arrived:
            return cast("Response[TelegramType]", _stand_in(Message, method))
        if number <= self.update.sends and not self._resend:
            return self._unconfirmed(method, "begun before a crash")
        await self._note(number)
        try:
            answer = await make_request(bot, method)
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
        self._arrived = number
        return answer

    async def settle(self) -> None:
        """Notes what arrived, where the update is not done with that: the next attempt leaves it out."""
        if self._arrived > self._noted:
            await self._note(self._sends)

    async def _note(self, sends: int) -> None:
        key = {"bot_id": self.update.bot_id, "update_id": self.update.update_id, "sends": sends}
        if not await self._database.updates.note_sends(**key, worker=self.update.worker, arrived=self._arrived):
            raise ClaimLost(bot_id=self.update.bot_id, update_id=self.update.update_id)
        self._noted = self._arrived

    def _unconfirmed(self, method: TelegramMethod[TelegramType], reason: str) -> Response[TelegramType]:
        fields = {"update_id": self.update.update_id, "method": type(method).__name__, "reason": reason}
        _log.warning("unconfirmed: nobody can say whether this arrived", extra=fields)
        # by this policy it is never made again, so it counts as if it had
        self._arrived = self._sends
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
        if handling and makes_a_message(method):
            return await handling.send(make_request, bot, method)
        return await make_request(bot, method)


def _stand_in(kind: type[Message], method: TelegramMethod[Any]) -> Any:
    """What the method gives, without an id; a list of nothing for one that makes several."""
    if method.__returning__ is Message:
        chat_id = getattr(method, "chat_id", None)
        # a channel can be named by @username
        chat = Chat(id=chat_id if isinstance(chat_id, int) else 0, type="private")
        return kind(message_id=_NO_MESSAGE, date=datetime.now(UTC), chat=chat)
    if method.__returning__ is MessageId:
        return MessageId(message_id=_NO_MESSAGE)
    return True if method.__returning__ is bool else []
