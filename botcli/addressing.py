"""Whether what somebody says in a group is said to the bot."""

import re

from aiogram import Bot
from aiogram.types import Message, MessageEntity
from aiogram.types import User as Person

from botcli.incoming import GROUPS, content, replied_to


async def is_addressed(message: Message, bot: Bot) -> bool:
    """Outside of groups always; there by a reply to the bot, a mention, or its name first or last."""
    if message.chat.type not in GROUPS:
        return True
    me = await bot.me()
    answered = replied_to(message)
    if answered and answered.from_user and answered.from_user.id == me.id:
        return True
    return _is_mentioned(message, me) or _is_named(content(message), me)


def _is_named(text: str, me: Person) -> bool:
    """Whether the text begins or ends with the bot's name; in the middle of it somebody speaks about the bot."""
    name = re.escape(me.first_name)
    return bool(name and re.search(rf"^\W*{name}(?!\w)|(?<!\w){name}\W*$", text, re.IGNORECASE))


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
