"""Takes updates from the Bot API by long polling, until it is told to stop."""

import asyncio
import logging
from typing import Any, Final
from urllib.parse import urlsplit

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import AiogramError, TelegramNotFound, TelegramUnauthorizedError
from aiogram.types import TelegramObject
from aiogram.utils.token import TokenValidationError

from botcli import decoding
from botcli.bot import bot_commands, build_dispatcher
from botcli.middleware import Handler
from botcli.replies import Replier
from botcli.requests import FollowMigration, wait_when_told
from botcli.windows import DEFAULT, Windows
from botcore import BotcoreError, Database

# Hosts kill 10 s after SIGTERM (docker stop, Railway); closing the sessions takes up to a second
FINISH_SECONDS: Final = 3.0

_log = logging.getLogger(__name__)


def open_bot(token: str, api_url: str) -> Bot:
    """The bot of this token on this Bot API server; nothing is asked yet.

    Raises BotcoreError when the token has not the form of one.
    """
    session = AiohttpSession(api=TelegramAPIServer.from_base(api_url), json_loads=decoding.loads)
    session.middleware(wait_when_told)
    try:
        return Bot(token, session=session)
    except TokenValidationError:
        raise BotcoreError("BOT_TOKEN is malformed: @BotFather's tokens look like 123456:ABC-DEF") from None


async def introduce(bot: Bot) -> None:
    """Checks the token and registers the commands.

    Raises BotcoreError, which shows no token, when the server refuses or cannot be reached.
    """
    try:
        await bot.me()
        await bot.set_my_commands(bot_commands())
    except (TelegramUnauthorizedError, TelegramNotFound):
        raise BotcoreError(f"{_host(bot)} refuses BOT_TOKEN: it is wrong or was revoked") from None
    except AiogramError as error:
        # the text of a network error can hold the URL, and that the token
        reason = type(error.__cause__ or error).__name__
        raise BotcoreError(f"no use of the Bot API at {_host(bot)}: {reason}") from None


async def poll(bot: Bot, database: Database, replier: Replier, windows: Windows = DEFAULT) -> None:
    """Answers until SIGTERM or SIGINT; an update in work is finished first."""
    dispatcher = build_dispatcher(database, replier, windows=windows)
    dispatcher.update.outer_middleware(finish_started)
    bot.session.middleware(FollowMigration(database))
    # One after the other: aiogram confirms an update when it asks for the next ones, and with a task for each it
    # does so before the handler has stored anything; a kill then lost 300 of 300.
    await dispatcher.start_polling(bot, handle_as_tasks=False, close_bot_session=False)


async def finish_started(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Lets the handler end within FINISH_SECONDS when polling is stopped; aiogram would cancel it."""
    work = asyncio.ensure_future(handler(event, data))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        done, _ = await asyncio.wait({work}, timeout=FINISH_SECONDS)
        if done and (error := work.exception()):
            _log.error("update failed", exc_info=error)
        work.cancel()
        raise


def _host(bot: Bot) -> str:
    """The server without what a URL can hold besides: a password, a token."""
    url = urlsplit(bot.session.api.base)
    return url.netloc.rpartition("@")[2] or "TELEGRAM_API_URL"
