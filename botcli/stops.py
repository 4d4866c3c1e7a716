"""The Stop button of a draft: it ends the answer that is being made, and cannot wait until that chat's turn is over."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from aiogram.types import MessageGenerationStopped
from pydantic import ValidationError

from botcli.replies import NoReply, Reply
from botcli.replies.hearing import MOST_CHARACTERS, told
from botcli.sentences import later

_KIND: Final = "stopped_message_generation"
_BIGINT: Final = range(-(2**63), 2**63)


class Draft(NamedTuple):
    """What names an answer while it is made: its chat, and Telegram's id of the message that it answers."""

    telegram_chat_id: int
    draft_id: int


class Stopped(NoReply):
    """The person stopped the answer before there was any of it."""

    kind = "empty"
    sentence = later("I was stopped before I said anything.")


class Stops:
    """The answers that this process is making, each of which can be stopped."""

    def __init__(self) -> None:
        self._making = dict[Draft, asyncio.Task[Reply]]()

    async def until_stopped(self, draft: Draft | None, making: asyncio.Task[Reply], heard: list[str]) -> Reply:
        """The answer, or what was `heard` of it until it is stopped; raises Stopped where that is nothing."""
        if draft:
            self._making[draft] = making
        try:
            return await making
        except asyncio.CancelledError:
            # who waits for the answer can be cancelled, too
            if (waiting := asyncio.current_task()) and waiting.cancelling():
                raise
        finally:
            # an update whose lease was lost can come again while it is still in work
            if draft and self._making.get(draft) is making:
                del self._making[draft]
        text = told(heard)
        if not text:
            raise Stopped
        return Reply(text[:MOST_CHARACTERS].rstrip(), cut="stop")

    def stop(self, draft: Draft) -> bool:
        """Ends the answer where it is made here; whether it is."""
        making = self._making.get(draft)
        return making is not None and making.cancel()

    def told(self, bot_id: int, payload: str) -> None:
        """Ends the answer that another process of the bot tells of, by what `updates.stop` notifies."""
        # another bot's chat with the same person has the same id
        bot, _, draft = payload.partition(" ")
        with suppress(TypeError, ValueError):
            if int(bot) == bot_id:
                self.stop(Draft(*map(int, draft.split())))


def drafts_stopped(updates: Sequence[Mapping[str, Any]]) -> list[Draft]:
    """The drafts that raw updates say were stopped; what is no such update, or forged, says nothing."""
    found = list[Draft]()
    for update in updates:
        with suppress(KeyError, TypeError, ValidationError):
            event = MessageGenerationStopped.model_validate(update[_KIND])
            found.append(Draft(event.chat.id, event.draft_id))
    return [draft for draft in found if all(number in _BIGINT for number in draft)]
