"""Whether what somebody says in a group is said to the bot."""

import re
from typing import Final
from unicodedata import category

from aiogram import Bot
from aiogram.types import Message, MessageEntity
from aiogram.types import User as Person

from botcli.incoming import GROUPS, content, replied_to

# what words have within them, and not around them
_INSIDE: Final = "_-'\u2019"


async def is_addressed(message: Message, bot: Bot) -> bool:
    """Outside of groups always; there by a reply to the bot, a mention, or its name first or last.

    What is forwarded there was said to others, whomever it names.
    """
    if message.chat.type not in GROUPS:
        return True
    if message.forward_origin:
        return False
    me = await bot.me()
    answered = replied_to(message)
    if answered and answered.from_user and answered.from_user.id == me.id:
        return True
    return _is_mentioned(message, me) or _is_named(content(message), me)


def _is_named(text: str, me: Person) -> bool:
    """Whether the text begins or ends with the bot's name; in the middle of it somebody speaks about the bot.

    A name of one letter, or of none, is none: half of what people say begins with "A".
    """
    name, said = _words(me.first_name), _words(text)
    return sum(map(len, name)) > 1 and name in (said[: len(name)], said[-len(name) :])


def _words(text: str) -> list[str]:
    """The words without what stands around them: `Bot-like` and `Bot's` are one word each, an emoji is none."""
    spaced = "".join(each if each in _INSIDE or _is_of_a_word(each) else " " for each in text.casefold())
    words = (word.strip(_INSIDE) for word in spaced.split())
    # a mark alone is what an emoji leaves
    return [word for word in words if any(map(str.isalnum, word))]


def _is_of_a_word(character: str) -> bool:
    # Hindi's vowel signs and the like are marks, not letters
    return character.isalnum() or category(character).startswith("M")


def _is_mentioned(message: Message, me: Person) -> bool:
    if message.rich_message:
        # its entities are blocks, of which only the text is read
        return _has_username(content(message), me)
    text = message.text or message.caption or ""
    return any(_names(each, text, me) for each in message.entities or message.caption_entities or ())


def _names(entity: MessageEntity, text: str, me: Person) -> bool:
    if entity.type == "text_mention":
        return bool(entity.user and entity.user.id == me.id)
    if entity.type != "mention" or not me.username:
        return False
    # Telegram counts in UTF-16 units
    units = text.encode("utf-16-le", "surrogatepass")[2 * entity.offset : 2 * (entity.offset + entity.length)]
    return units.decode("utf-16-le", "replace").lower() == f"@{me.username}".lower()


def _has_username(text: str, me: Person) -> bool:
    return bool(me.username and re.search(rf"(?<![\w@])@{me.username}(?!\w)", text, re.IGNORECASE))
