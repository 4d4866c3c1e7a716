"""Which commands there are, and which of them Telegram's menus offer where."""

import logging
from collections.abc import Collection, Iterator
from typing import Final

from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
    BotCommandScopeUnion,
)

from botcli.languages import LANGUAGES, SOURCE, catalogs
from botcli.sentences import later

COMMANDS: Final = {
    "start": later("say hello"),
    "help": later("list the commands"),
    "new": later("begin a new dialogue"),
    "retry": later("ask once more for an answer"),
    "undo": later("take back the last question"),
    "history": later("show the dialogue's newest messages"),
    "search": later("find words in what we said"),
    "stats": later("count what is stored"),
    "settings": later("choose the language"),
    "privacy": later("read what I keep about you, or stop it"),
    "export": later("get all that I keep about you"),
    "forget": later("remove all that I keep about you"),
}
_FOR_ADMINS: Final = {"admin": later("look after the bot")}
# they work there too, but are nothing to do before others
_NOT_IN_GROUPS: Final = frozenset({"start", "export", "forget"})

_log = logging.getLogger(__name__)


def offered(*, is_admin: bool = False, in_group: bool = False) -> dict[str, str]:
    """The commands and what each does, in English."""
    if in_group:
        return {name: text for name, text in COMMANDS.items() if name not in _NOT_IN_GROUPS}
    return COMMANDS | _FOR_ADMINS if is_admin else COMMANDS


async def register(bot: Bot, admin_ids: Collection[int] = ()) -> None:
    """Tells Telegram the commands of each scope in each language; what fails is logged, for the bot works without."""
    for scope, commands in _scopes(admin_ids):
        chat_id = getattr(scope, "chat_id", None)
        for language in LANGUAGES:
            texts = {name: catalogs().gettext(text, locale=language) for name, text in commands.items()}
            menu = [BotCommand(command=name, description=text) for name, text in texts.items()]
            # without a language it is everybody's whose language nobody wrote
            code = None if language == SOURCE else language
            try:
                await bot.set_my_commands(menu, scope=scope, language_code=code)
            except TelegramBadRequest:
                # somebody who never wrote to the bot
                _log.warning("no menu of commands there", extra={"scope": scope.type, "telegram_chat_id": chat_id})
            except Exception as error:  # noqa: BLE001 - no menu is worth the bot
                # one that has to wait, or cannot be reached, is not asked for each of the rest
                _log.warning("no menus of commands until the next start", extra={"error": type(error).__name__})
                return


def _scopes(admin_ids: Collection[int]) -> Iterator[tuple[BotCommandScopeUnion, dict[str, str]]]:
    yield BotCommandScopeDefault(), offered()
    yield BotCommandScopeAllPrivateChats(), offered()
    yield BotCommandScopeAllGroupChats(), offered(in_group=True)
    for admin_id in admin_ids:
        yield BotCommandScopeChat(chat_id=admin_id), offered(is_admin=True)
