"""Everything that is said: stored by the middleware, answered where a person speaks to the bot."""

import re

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.types import Message

from botcli import answers
from botcli.incoming import content, sender, unstored
from botcli.journal import Handling
from botcli.middleware import Dialogue, Store, StoreEdit
from botcli.replies import Replier
from botcli.windows import Windows
from botcore import Database, NotRecorded, Recorded


def build_router(database: Database) -> Router:
    """The conversation's handlers, on a router of their own; it takes every message that reaches it."""
    router = Router(name="conversation")
    for observer in (router.message, router.business_message):
        observer.middleware(Store(database))
        observer.register(keep, F.text.startswith("/"), ~Command(re.compile("")))  # addressed to another bot
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
    database: Database,
    replier: Replier,
    windows: Windows,
    dialogue: Dialogue | None = None,
    handling: Handling | None = None,
) -> None:
    """Asks the replier with the window, stores what it says and sends it, once, whatever came of earlier attempts.

    Who opted out gets an answer to this message alone, and nothing is stored.
    """
    if recorded is None or dialogue is None:
        await answers.say(message, await replier.reply([unstored(message)]))
        return
    asked = recorded.message
    reply = None
    if handling and handling.is_repeated:
        reply = await database.messages.reply_to(chat_id=asked.chat_id, message_id=asked.id)
    if reply is None:
        said = await replier.reply(await windows.read(database, message, dialogue))
        try:
            reply = await database.messages.add(
                **dialogue,
                role="assistant",
                content=said,
                reply_to_id=asked.id,
                delivery="pending",
                update=handling.update if handling else None,
            )
        except NotRecorded:
            # they opted out meanwhile
            await answers.say(message, said)
            return
    if reply.delivery:
        await answers.deliver(database, message, reply)


async def keep(message: Message) -> None:
    """Answers nothing: the message is stored, and that is all."""


def wants_answer(message: Message) -> bool:
    """Whether a person said something to the bot; two bots would answer each other for ever."""
    person = sender(message)
    if person is None or person.is_bot or not content(message).strip():
        return False
    # in a business chat the account's owner speaks too, but not to the bot
    return not message.business_connection_id or message.chat.id == person.id
