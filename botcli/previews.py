"""What a group sees of an answer while it is made: a message that is edited, and removed once the answer is there."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, cast

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramRetryAfter
from aiogram.types import Message

from botcli.journal import Handling
from botcli.pacing import SendAside
from botcli.rendering import Part
from botcore import BotcoreError, Database, StateKey

_GROUPS: Final = {"group", "supergroup"}
# a bot may delete what it sent for so long: https://core.telegram.org/bots/api#deletemessage
_DELETABLE_SECONDS: Final = 48 * 3_600

# longer than any that is not lost
_SENDING_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def preview(database: Database, message: Message, handling: Handling | None) -> AsyncIterator["Preview | None"]:
    """What can show the answer to a group's message while the block makes it; None elsewhere.

    It is gone at the end of the block; where that fails or is cut off, the next attempt at the update removes it.
    """
    if message.chat.type not in _GROUPS:
        yield None
        return
    shows = Preview(database, message)
    yield shows
    if shows.is_begun or (handling and handling.is_repeated):
        await shows.remove()


class Preview:
    """One message, no part of the dialogue: the answer is stored, sent and noted as any other, once.

    Were it edited into the answer, that would be there before it is stored, or twice after a crash. Its id is kept with
    the chat's forms until it is removed: of a chat's updates there is one in work.
    """

    def __init__(self, database: Database, message: Message) -> None:
        self._states = database.states
        self._message = message
        self._bot = cast("Bot", message.bot)
        self._key = StateKey(self._bot.id, message.chat.id, telegram_user_id=0, destiny="preview")
        self._sending: asyncio.Task[Message] | None = None
        self._text = ""

    @property
    def is_begun(self) -> bool:
        """Whether there may be a message to be removed."""
        return self._sending is not None

    async def show(self, part: Part) -> None:
        """Shows the text, without a sound; raises what aiogram and botcore do."""
        if part.text == self._text:
            return
        if self._sending is None:
            self._sending = asyncio.create_task(self._send(part))
            # cut off in the middle, it would be there and nobody know its id
            try:
                await asyncio.shield(self._sending)
            except (TelegramBadRequest, TelegramRetryAfter):
                self._sending = None
                raise
        else:
            shown = self._sending.result()
            given: dict[str, Any] = {"text": part.text, "entities": part.entities or None}
            await self._bot.edit_message_text(chat_id=shown.chat.id, message_id=shown.message_id, **given)
        self._text = part.text

    async def _send(self, part: Part) -> Message:
        answer = self._message.answer(part.text, entities=part.entities or None, disable_notification=True)
        shown = await self._bot(SendAside(**answer.model_dump(exclude_unset=True)))
        place = {"chat_id": shown.chat.id, "message_id": shown.message_id}
        await self._states.set_data(self._key, place, ttl_seconds=_DELETABLE_SECONDS)
        return shown

    async def remove(self) -> None:
        """Removes what this attempt or an earlier one showed; no failure of that is one of the answer."""
        if self._sending:
            await asyncio.wait({self._sending}, timeout=_SENDING_SECONDS)
        try:
            if (left := await self._states.get(self._key)) and (place := json.loads(left.data)):
                await self._bot.delete_message(**place)
                await self._states.set_data(self._key, {}, ttl_seconds=1)
        except (AiogramError, BotcoreError) as error:
            _log.warning("a preview may be left", extra={"error": type(error).__name__})
