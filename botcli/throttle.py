"""How many answers a person may ask for in a minute; what they say beyond that is stored, and /retry answers it."""

from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Final, cast

from aiogram import Bot
from aiogram.types import Message
from aiogram.utils.i18n import gettext as _
from aiogram.utils.i18n import ngettext

from botcli import answers
from botcli.incoming import sender
from botcli.languages import speaking_to
from botcli.middleware import Dialogue
from botcore import Database
from botcore import Message as Stored

_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Throttle:
    """The setting TURNS_PER_MINUTE; 0 is no limit, and asks the database nothing."""

    database: Database
    per_minute: int = 0
    _unstored: deque[tuple[float, int]] = field(default_factory=deque, init=False, repr=False)

    async def admits(self, message: Message, dialogue: Dialogue, stored: Stored) -> bool:
        """Whether the person has a turn now; where not, they are told so once in each chat, until they have one again.

        A message that is handled again keeps the turn that it had, and is told again what it was told.
        """
        if not self.per_minute:
            return True
        taken = await self.database.throttles.take(
            user_id=dialogue["user_id"],
            bot_id=cast("Bot", message.bot).id,
            chat_id=stored.chat_id,
            message_id=stored.id,
            per_minute=self.per_minute,
        )
        if taken is None or not taken.refused:
            return True
        if taken.to_tell:
            async with speaking_to(self.database, sender(message)):
                await answers.say(message, self._pause(message, taken.wait_seconds))
        return False

    def admits_unstored(self, message: Message) -> bool:
        """The same for somebody of whom nothing is stored: each process counts for itself, and tells them nothing."""
        now, person = monotonic(), sender(message)
        if not self.per_minute or person is None:
            return True
        while self._unstored and self._unstored[0][0] <= now - _MINUTE:
            self._unstored.popleft()
        if sum(each == person.id for _, each in self._unstored) >= self.per_minute:
            return False
        self._unstored.append((now, person.id))
        return True

    def _pause(self, message: Message, seconds: int) -> str:
        told = ngettext(
            "Not so fast: I answer {count} message a minute. I go on in {seconds} s.",
            "Not so fast: I answer {count} messages a minute. I go on in {seconds} s.",
            self.per_minute,
        ).format(count=self.per_minute, seconds=max(1, seconds))
        if message.business_connection_id:
            # there nobody takes commands
            return told
        then = _("Then /retry answers what you said last.")
        return f"{told} {then}"
