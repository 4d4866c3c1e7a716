"""From an answer's text to Telegram: what belongs to the dialogue is stored before it is sent."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aiogram.exceptions import TelegramAPIError, TelegramBadRequest
from aiogram.types import Message

from botcli.journal import Unconfirmed
from botcli.refusals import is_about_the_chat
from botcli.rendering import Part, plain
from botcore import Database
from botcore import Message as Stored

# what takes longest of so many is rendered in 0.05 s, of 32,000 in 0.8 s
_AT_ONCE_CHARACTERS: Final = 8_000

Render = Callable[[str], list[Part]]

_log = logging.getLogger(__name__)


async def say(message: Message, text: str, render: Render = plain) -> list[Message]:
    """Answers with the text, in as many messages as Telegram needs for it; what came of each."""
    return [await _send(message, part) for part in await _rendered(text, render)]


async def deliver(database: Database, message: Message, reply: Stored, render: Render = plain) -> None:
    """Sends a stored reply and notes what came of it; where its first part is refused for good, it was never said."""
    key = {"chat_id": reply.chat_id, "message_id": reply.id}
    sent: list[Message] = []
    try:
        for part in await _rendered(reply.content, render):
            sent.append(await _send(message, part))  # noqa: PERF401 - what was sent when one is refused
    except TelegramAPIError as error:
        if is_about_the_chat(error) and not sent:
            await database.messages.delete(**key)
        raise
    in_doubt = reply.delivery == "unconfirmed" or any(isinstance(part, Unconfirmed) for part in sent)
    # of what an earlier attempt sent nobody knows the id
    named = next((part for part in sent if part.message_id), None)
    await database.messages.deliver(
        **key,
        delivery="unconfirmed" if in_doubt else None,
        telegram_chat_id=named.chat.id if named else None,
        telegram_message_id=named.message_id if named else None,
        sent_at=named.date if named else None,
    )


async def _rendered(text: str, render: Render) -> list[Part]:
    """The parts, of a long text made in a thread: meanwhile others are answered."""
    return render(text) if len(text) <= _AT_ONCE_CHARACTERS else await asyncio.to_thread(render, text)


async def _send(message: Message, part: Part) -> Message:
    """What came of the part; where Telegram refuses its entities, of its text alone."""
    if not part.entities:
        return await message.answer(part.text)
    try:
        return await message.answer(part.text, entities=part.entities)
    except TelegramBadRequest as refusal:
        if is_about_the_chat(refusal):
            raise
        _log.warning("sent without its entities, which Telegram refused")
        return await message.answer(part.text)
