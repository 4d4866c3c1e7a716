"""The bot: one dispatcher for polling, the terminal and the tests."""

import logging
from typing import Any

from aiogram import Dispatcher
from aiogram.dispatcher.event.handler import CallbackType
from aiogram.types import BotCommand, ErrorEvent

from botcli.handlers import changes, commands, conversation, privacy
from botcli.middleware import SkipUnknown, bind_context, log_context
from botcli.replies import Replier
from botcli.windows import DEFAULT, Windows
from botcore import Database

_log = logging.getLogger(__name__)


def build_dispatcher(
    database: Database,
    replier: Replier,
    *,
    windows: Windows = DEFAULT,
    on_error: CallbackType | None = None,
) -> Dispatcher:
    """The dispatcher with all that the bot does; fed from anywhere. What fails goes to `on_error`, or the log."""
    dispatcher = Dispatcher(disable_fsm=True, database=database, replier=replier, windows=windows)
    dispatcher.update.outer_middleware(SkipUnknown())
    dispatcher.update.outer_middleware(bind_context)
    dispatcher.errors.register(on_error or log_error)
    routers = (module.build_router(database) for module in (commands, privacy, conversation))
    dispatcher.include_routers(changes.build_router(), *routers)
    return dispatcher


def bot_commands() -> list[BotCommand]:
    """What Telegram's menu of commands shows."""
    return [BotCommand(command=name, description=text) for name, text in commands.COMMANDS.items()]


async def log_error(event: ErrorEvent, **data: Any) -> None:
    """Logs that an update failed, by the error's class and SQLSTATE: its text can hold what somebody wrote."""
    error = event.exception
    sqlstate = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    _log.error("update failed", extra={"error": name, "sqlstate": sqlstate, **log_context(event.update, data)})
