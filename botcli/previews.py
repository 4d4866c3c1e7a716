"""What a group sees of an answer while it is made: a message that is edited, and removed once the answer is there."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, cast

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter
from aiogram.types import Message

from botcli.journal import Handling
from botcli.pacing import SendAside
from botcli.rendering import Part
from botcore import BotcoreError, ClaimLost, Database, StateKey

_GROUPS: Final = {"group", "supergroup"}
# a bot may delete what it sent for so long: https://core.telegram.org/bots/api#deletemessage
_DELETABLE_SECONDS: Final = 48 * 3_600

# longer than any that is not lost
_SENDING_SECONDS: Final = 10.0
# at the end of the process, which has no more time
_LAST_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


@asynccontextmanager
async def preview(database: Database, message: Message, handling: Handling | None) -> AsyncIterator["Preview | None"]:
    """What can show the answer to a group's message while the block makes it; None elsewhere.

    It is gone at the end of the block, whatever that raises. Where the process ends in between, or Telegram does not
    remove it, the next attempt at the update does, or else the chat's next preview.
    """
    if message.chat.type not in _GROUPS:
        yield None
        return
    shows = Preview(database, message, may_be_left=handling is not None and handling.is_repeated)
    try:
        yield shows
    except (asyncio.CancelledError, ClaimLost):
        # the next attempt has to know of it
        await shows.settle(_LAST_SECONDS)
        raise
    except Exception:
        await shows.remove()
        raise
    await shows.remove()


class Preview:
    """One message, no part of the dialogue: the answer is stored, sent and noted as any other, once.

    Were it edited into the answer, that would be there before it is stored, or twice after a crash. Its id is kept with
    the chat's forms until it is removed: of a chat's updates there is one in work.
    """

    def __init__(self, database: Database, message: Message, *, may_be_left: bool = False) -> None:
        self._states = database.states
        self._message = message
        self._bot = cast("Bot", message.bot)
        self._key = StateKey(self._bot.id, message.chat.id, telegram_user_id=0, destiny="preview")
        self._sending: asyncio.Task[Message] | None = None
        self._sent: Message | None = None
        self._may_be_left = may_be_left
        self._text = ""

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
            await self._bot.edit_message_text(**_place(shown), **given)
        self._text = part.text

    async def settle(self, seconds: float) -> None:
        """Returns once what is on its way is there and noted, after so many seconds at the latest."""
        if self._sending:
            await asyncio.wait({self._sending}, timeout=seconds)

    async def remove(self) -> None:
        """Removes what this attempt or an earlier one showed; no failure of that is one of the answer."""
        if not (self._sending or self._may_be_left):
            return
        await self.settle(_SENDING_SECONDS)
        try:
            await self._remove()
        except (AiogramError, BotcoreError) as error:
            _log.warning("a preview may be left", extra={"error": type(error).__name__})

    async def _send(self, part: Part) -> Message:
        # the note of one that was left would be lost with this one's
        await self._remove()
        answer = self._message.answer(part.text, entities=part.entities or None, disable_notification=True)
        self._sent = shown = await self._bot(SendAside(**answer.model_dump(exclude_unset=True)))
        await self._states.set_data(self._key, _place(shown), ttl_seconds=_DELETABLE_SECONDS)
        return shown

    async def _remove(self) -> None:
        left = await self._states.get(self._key)
        # where it could not be noted, it is known here
        place = _place(self._sent) if self._sent else json.loads(left.data) if left else {}
        if place:
            # one that is gone, or that the bot may not remove, stays so
            with suppress(TelegramBadRequest, TelegramForbiddenError):
                await self._bot.delete_message(**place)
            await self._states.set_data(self._key, {}, ttl_seconds=1)


def _place(shown: Message) -> dict[str, Any]:
    return {"chat_id": shown.chat.id, "message_id": shown.message_id}
