"""What happens to a request on its way to the Bot API: paced, repeated where that is safe, sent after a chat."""

import asyncio
import logging
import random
from typing import Any, Final

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.base import BaseSession
from aiogram.client.session.middlewares.base import NextRequestMiddlewareType, RequestMiddlewareType
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.methods.base import Response, TelegramType
from aiohttp import ClientConnectorError, ClientHttpProxyError, ClientTimeout, ConnectionTimeoutError
from aiohttp.client_exceptions import ServerFingerprintMismatch

from botcli.pacing import Pace, Pacing
from botcli.refusals import FollowMigration, NoteBlocked
from botcore import Database

CONNECT_SECONDS: Final = 10.0
"""For a connection with its TLS: within the 60 s for the whole, nobody could say whether the request went out."""

PAUSES_SECONDS: Final = (0.5, 1.0, 2.0)
"""Before each repetition: in all longer than a proxy's restart, shorter than a person's patience."""

# What gives the same when it is done twice
_REPEATABLE: Final = ("get", "set", "delete", "edit", "answer")
_REPEATABLE_TOO: Final = {"sendChatAction"}
# whose caller has a back-off of its own; and the next draft says more
_NOT_REPEATED: Final = {"getUpdates", "sendMessageDraft", "sendRichMessageDraft"}
_MAKES_A_MESSAGE: Final = {"answerGuestQuery", "answerWebAppQuery"}

_log = logging.getLogger(__name__)


class Session(AiohttpSession):
    """A session that knows when a connection could not be made in time."""

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ASYNC109 - aiogram's name
    ) -> TelegramType:
        """The answer's result."""
        limits = ClientTimeout(total=self.timeout if timeout is None else timeout, sock_connect=CONNECT_SECONDS)
        # aiogram declares seconds and hands on to aiohttp what it is given
        return await super().make_request(bot, method, limits)  # type: ignore[arg-type]


def use(
    session: BaseSession,
    *,
    database: Database | None = None,
    pace: Pace | None = None,
    journal: RequestMiddlewareType | None = None,
    innermost: RequestMiddlewareType | None = None,
) -> None:
    """Puts what a request passes, outermost first, in place of what was there.

    What follows a chat is outside, so that the second request is paced and journaled as its own. The journal is inside
    of all waiting: while a request waits it is not noted as begun, and whoever cancels it then has it made again.
    `innermost` sees what goes out, and no other.
    """
    for each in tuple(session.middleware):
        session.middleware.unregister(each)
    if database:
        session.middleware(FollowMigration(database))
        session.middleware(NoteBlocked(database))
    session.middleware(Pacing(pace))
    session.middleware(repeat)
    for each in filter(None, (journal, innermost)):
        session.middleware(each)


def had_no_effect(error: Exception) -> bool:
    """Whether it is certain that Telegram did nothing: it refused, or the request never went out."""
    refusals = (
        TelegramBadRequest,
        TelegramConflictError,
        TelegramEntityTooLarge,
        TelegramForbiddenError,
        TelegramMigrateToChat,
        TelegramNotFound,
        TelegramRetryAfter,
        TelegramUnauthorizedError,
    )
    # aiogram raises the base itself for a refusal of another number than its classes know, never for 5xx
    return isinstance(error, refusals) or type(error) is TelegramAPIError or _never_sent(error)


def _never_sent(error: Exception) -> bool:
    """Whether the connection failed before it could carry the request: refused, unknown host, too slow, TLS."""
    unconnected = (ClientConnectorError, ClientHttpProxyError, ConnectionTimeoutError, ServerFingerprintMismatch)
    return isinstance(error, TelegramNetworkError) and isinstance(error.__cause__, unconnected)


async def repeat(
    make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
) -> Response[TelegramType]:
    """Sends again what had no effect for want of a connection, and what may be done twice after any fault.

    Where a deletion or an edit had been done at the first time, the second is refused as such: not found, not modified.
    """
    for pause_seconds in PAUSES_SECONDS:
        try:
            return await make_request(bot, method)
        except (TelegramNetworkError, TelegramServerError, ClientDecodeError, UnicodeDecodeError) as error:
            if not _may_repeat(method, error):
                raise
            name, reason = type(method).__name__, type(error.__cause__ or error).__name__
            _log.warning("sending again", extra={"method": name, "error": reason})
        # some at a time, where many met the same fault
        await asyncio.sleep(pause_seconds * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    return await make_request(bot, method)


def _may_repeat(method: TelegramMethod[Any], error: Exception) -> bool:
    name = method.__api_method__
    if name in _NOT_REPEATED or isinstance(error, TelegramEntityTooLarge):
        return False
    is_repeatable = name.startswith(_REPEATABLE) and name not in _MAKES_A_MESSAGE
    return is_repeatable or name in _REPEATABLE_TOO or _never_sent(error)
