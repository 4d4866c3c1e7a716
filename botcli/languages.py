"""In which language people are spoken to: the one that they chose, else the one that Telegram tells, else English."""

from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from aiogram.types import CallbackQuery, Message, TelegramObject
from aiogram.types import User as Person
from aiogram.utils.i18n import I18n, I18nMiddleware
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from botcli.incoming import sender
from botcore import Transaction

SOURCE: Final = "en"
LANGUAGES: Final = {SOURCE: "English", "ru": "Русский"}


class Catalogs(I18n):
    """aiogram's, of the .po files beside this module: compiled when they are read, so that no binary is kept."""

    def __init__(self) -> None:
        super().__init__(path=Path(__file__).parent / "locales", default_locale=SOURCE, domain="botcli")

    def find_locales(self) -> dict[str, GNUTranslations]:
        """The catalogs by language; English is what stands in the code."""
        return {path.parts[-3]: _compiled(path) for path in self.path.glob(f"*/LC_MESSAGES/{self.domain}.po")}

    @contextmanager
    def context(self) -> Generator[I18n, None, None]:
        """Has aiogram's gettext use these; it asks I18n itself, and a subclass has a context of its own."""
        token = I18n.set_current(self)
        try:
            yield self
        finally:
            I18n.reset_current(token)


class Speak(I18nMiddleware):
    """Has what a handler says in the language of who is answered, which one statement more asks for."""

    def __init__(self, database: Transaction) -> None:
        super().__init__(catalogs())
        self._database = database

    async def get_locale(self, event: TelegramObject, data: dict[str, Any]) -> str:  # noqa: ARG002 - aiogram's signature
        """The language's name in LANGUAGES."""
        match event:
            case Message():
                return await _language_of(self._database, sender(event))
            case CallbackQuery():
                return await _language_of(self._database, event.from_user)
        return SOURCE


@cache
def catalogs() -> Catalogs:
    """The translations, read once."""
    return Catalogs()


def known(tag: str | None) -> str:
    """The one of LANGUAGES that fits an IETF tag: `ru` for `ru-RU`, English for none and for all that nobody wrote."""
    language = (tag or SOURCE).replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else SOURCE


@asynccontextmanager
async def speaking_to(database: Transaction, person: Person | None) -> AsyncIterator[None]:
    """Has what is said within in the person's language, as `Speak`: where one is not known to be needed before."""
    i18n = catalogs()
    with i18n.context(), i18n.use_locale(await _language_of(database, person)):
        yield


async def _language_of(database: Transaction, person: Person | None) -> str:
    if person is None:
        return SOURCE
    chosen = await database.preferences.get(telegram_user_id=person.id)
    return known((chosen.language if chosen else None) or person.language_code)


def _compiled(path: Path) -> GNUTranslations:
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return GNUTranslations(compiled)
