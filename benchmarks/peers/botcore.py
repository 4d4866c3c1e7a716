"""botcore as docs/library.md shows it."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from inspect import get_annotations, signature
from typing import Any, ClassVar, Final

from benchmarks.contender import CONNECTIONS, OPERATIONS, PAGE, Chat, Dialogues, Peer, answer, person_and_chat, question
from botcore import Database, Message
from botcore.pool import PoolSettings

JOINS: Final = "join_calls" in {*signature(Database.connect).parameters, *get_annotations(PoolSettings)}
"""Whether this botcore joins calls at all."""


class Botcore(Peer):
    """One object, its public calls."""

    settings: ClassVar[dict[str, Any]] = {}

    async def open(self, url: str, dialogues: Dialogues) -> None:  # noqa: ARG002 - the interface's
        """See Peer."""
        self._stack = AsyncExitStack()
        connect = Database.connect(url, min_size=CONNECTIONS, max_size=CONNECTIONS, **self.settings)
        self._messages = (await self._stack.enter_async_context(connect)).messages

    async def close(self) -> None:
        """See Peer."""
        await self._stack.aclose()

    async def record(self, chat: Chat, number: int) -> Message:
        """See Peer."""
        return (await self._messages.record(**person_and_chat(chat), **question(number))).message

    async def history(self, chat: Chat) -> list[Message]:
        """See Peer."""
        return await self._messages.recent(chat_id=chat.chat_id, user_id=chat.user_id, page_size=PAGE)

    async def reply(self, chat: Chat, asked: Message, number: int) -> Message:
        """See Peer."""
        return await self._messages.add(**answer(chat, asked.id, number))


class Unjoined(Botcore):
    """The same where concurrent calls stay statements of their own."""

    operations: ClassVar[Sequence[str]] = OPERATIONS if JOINS else ()
    settings: ClassVar[dict[str, Any]] = {"join_calls": False} if JOINS else {}
    lacks: ClassVar[str] = "" if JOINS else "this botcore joins no calls, so it is the same"
