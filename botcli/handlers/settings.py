"""What a person chooses for themselves: the language, by /settings, its buttons or `/settings ru`."""

from contextlib import suppress
from typing import Final, Literal

from aiogram import Router
from aiogram.exceptions import TelegramBadRequest
from aiogram.filters import Command, CommandObject
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from aiogram.types import User as Person
from aiogram.utils.i18n import gettext as _

from botcli.handlers.privacy import nobody, who
from botcli.languages import LANGUAGES, Speak, catalogs, known
from botcli.middleware import Store
from botcli.sentences import later
from botcore import Database

_AUTO: Final = "auto"
_AS_TELEGRAM: Final = later("as in Telegram")


class LanguageButton(CallbackData, prefix="language"):
    """What a button sends: for whom it was made, Telegram's id, and which language it is."""

    person: int
    language: Literal["en", "ru", "auto"]


def build_router(database: Database) -> Router:
    """The handlers, on a router of their own; it takes every press of a button."""
    router = Router(name="settings")
    router.message.middleware(Store(database, hidden=True))
    router.message.middleware(Speak(database))
    router.callback_query.middleware(Speak(database))
    router.message.register(settings, Command("settings", ignore_case=True), who)
    router.message.register(nobody, Command("settings", ignore_case=True))
    router.callback_query.register(choose, LanguageButton.filter())
    router.callback_query.register(refuse)
    return router


async def settings(message: Message, command: CommandObject, telegram_user_id: int, database: Database) -> None:
    """Shows what is chosen and what can be, or with an argument chooses that."""
    wanted = (command.args or "").strip().lower()
    if not wanted:
        chosen = await database.preferences.get(telegram_user_id=telegram_user_id)
        # a terminal has no buttons
        text = f"{_settings(chosen.language if chosen else None)}\n{_words()}"
        await message.answer(text, reply_markup=_buttons(telegram_user_id))
    elif wanted not in {*LANGUAGES, _AUTO}:
        await message.answer(_words())
    else:
        await message.answer(await _choose(database, telegram_user_id, wanted, message.from_user))


async def choose(query: CallbackQuery, callback_data: LanguageButton, database: Database) -> None:
    """Chooses what the button says, for who pressed it, and shows it where the buttons are, however old these are."""
    if callback_data.person != query.from_user.id:
        await _answer(query, _("These buttons are somebody else's. Yours come by /settings"))
        return
    chosen = await _choose(database, query.from_user.id, callback_data.language, query.from_user)
    await _answer(query, chosen)
    if isinstance(query.message, Message):
        # nothing changed, or the message is gone or too old: they have read it above
        with suppress(TelegramBadRequest):
            await query.message.edit_text(chosen, reply_markup=_buttons(query.from_user.id))


async def refuse(query: CallbackQuery) -> None:
    """Answers a button that this bot does not have, or has no more: without an answer it would turn for ever."""
    await _answer(query, _("I do not know this button. /settings has those that there are."))


async def _choose(database: Database, telegram_user_id: int, language: str, person: Person | None) -> str:
    """What is to be said of it, in the language that was chosen."""
    wanted = None if language == _AUTO else language
    chosen = await database.preferences.set_language(telegram_user_id=telegram_user_id, language=wanted)
    if chosen is None and await database.users.opted_out(telegram_user_id=telegram_user_id):
        return _("I record nothing of you, and so not this: /privacy on changes that.")
    if chosen is None:
        return _("I keep nothing about you, and so not this: /start changes that.")
    with catalogs().use_locale(known(chosen.language or (person.language_code if person else None))):
        return _settings(chosen.language)


async def _answer(query: CallbackQuery, text: str) -> None:
    # it can be too late for one: the bot was off, or the press is delivered again
    with suppress(TelegramBadRequest):
        await query.answer(text)


def _settings(language: str | None) -> str:
    name = LANGUAGES[known(language)] if language else _(_AS_TELEGRAM)
    return _("Language: {name}").format(name=name)


def _words() -> str:
    words = ", ".join(f"/settings {each}" for each in (*LANGUAGES, _AUTO))
    return _("Choose by a button or in words: {words}").format(words=words)


def _buttons(telegram_user_id: int) -> InlineKeyboardMarkup:
    names = {**LANGUAGES, _AUTO: _(_AS_TELEGRAM)}
    buttons = [
        InlineKeyboardButton(text=name, callback_data=LanguageButton(person=telegram_user_id, language=language).pack())
        for language, name in names.items()
    ]
    return InlineKeyboardMarkup(inline_keyboard=[buttons])
