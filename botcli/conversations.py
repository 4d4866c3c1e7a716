"""The terminal's conversations: private chats of bot 0 with its one person, told apart by names."""

import unicodedata
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from botcore import ChatUse, Database, InvalidInput

BOT_ID: Final = 0
PERSON_ID: Final = 1
DEFAULT: Final = "default"
_MOST_CHARACTERS: Final = 32
# not printable by themselves, and needed within emoji and Persian words
_JOINERS: Final = "\u200c\u200d"
_MOST_LISTED: Final = 1_000
# Telegram's ids have 52 bits, https://core.telegram.org/bots/api#chat
_IDS: Final = 2**52 - 1


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation by its name; the default's chat is the person's own, as every private chat."""

    name: str

    @property
    def title(self) -> str | None:
        """What its chat is called."""
        return None if self.name == DEFAULT else self.name

    @property
    def telegram_chat_id(self) -> int:
        """Its chat's id, which follows from the name."""
        if self.title is None:
            return PERSON_ID
        digest = int.from_bytes(blake2b(self.name.encode(), digest_size=8).digest())
        return PERSON_ID + 1 + digest % (_IDS - PERSON_ID)


MAIN: Final = Conversation(DEFAULT)


def named(name: str) -> Conversation:
    """The conversation of that name; raises InvalidInput for what is no name."""
    name = unicodedata.normalize("NFC", name.strip())
    signs = name.translate(dict.fromkeys(map(ord, _JOINERS)))
    if not 1 <= len(name) <= _MOST_CHARACTERS or not signs.isprintable() or name != name.strip(_JOINERS):
        raise InvalidInput("NAME", f"must be 1..{_MOST_CHARACTERS} characters that can be printed")
    return Conversation(name)


async def used(database: Database) -> list[tuple[Conversation, ChatUse]]:
    """The conversations that there are, the one used last first."""
    chats = await database.stats.chats(bot_id=BOT_ID, page_size=_MOST_LISTED)
    found = [(Conversation(chat.title or DEFAULT), chat) for chat in chats]
    # whoever uses the library can have made others
    return [(each, chat) for each, chat in found if each.telegram_chat_id == chat.telegram_chat_id]
