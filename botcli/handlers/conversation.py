"""Everything that is said: stored by the middleware, answered where a person speaks to the bot."""

import re

from aiogram import Bot, F, Router
from aiogram.filters import Command
from aiogram.types import Message

from botcli.addressing import is_addressed
from botcli.handlers.commands import COMMAND
from botcli.incoming import GROUPS, content, sender
from botcli.journal import Handling
from botcli.middleware import Dialogue, Store, StoreEdit
from botcli.throttle import Throttle
from botcli.turns import Turn, Turns
from botcore import Database, Recorded


def build_router(database: Database) -> Router:
    """The conversation's handlers, on a router of their own; it takes every message that reaches it."""
    router = Router(name="conversation")
    for observer in (router.message, router.business_message):
        observer.middleware(Store(database))
        observer.register(keep, F.text.startswith("/"), ~Command(re.compile("")))  # addressed to another bot
        # another bot's, perhaps: as a reply it is about what this one said, not said to it
        observer.register(keep, F.chat.type.in_(GROUPS), Command(COMMAND))
        observer.register(answer, wants_answer)
        observer.register(keep)
    router.channel_post.middleware(Store(database))
    router.channel_post.register(keep)
    for observer in (router.edited_message, router.edited_channel_post, router.edited_business_message):
        observer.middleware(StoreEdit(database))
        observer.register(keep)
    return router


async def answer(
    message: Message,
    *,
    recorded: Recorded | None,
    turns: Turns,
    throttle: Throttle,
    dialogue: Dialogue | None = None,
    handling: Handling | None = None,
) -> None:
    """Answers what a person said, once; who opted out by this message alone, and nothing is stored."""
    if recorded is None or dialogue is None:
        if throttle.admits_unstored(message):
            await turns.answer_unstored(message, handling)
    elif await throttle.admits(message, dialogue, recorded.message):
        await turns.answer(Turn(message, recorded.message, dialogue, handling))


async def keep(message: Message) -> None:
    """Answers nothing: the message is stored, and that is all."""


async def wants_answer(message: Message, bot: Bot) -> bool:
    """Whether a person said something to the bot; two bots would answer each other for ever."""
    person = sender(message)
    if person is None or person.is_bot or not content(message).strip():
        return False
    # in a business chat the account's owner speaks too, but not to the bot
    if message.business_connection_id:
        return message.chat.id == person.id
    return await is_addressed(message, bot)
