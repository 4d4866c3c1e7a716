"""botcore as docs/library.md shows it."""

from contextlib import AsyncExitStack
from typing import Any, ClassVar

from benchmarks.contender import CONNECTIONS, PAGE, Chat, Dialogues, Peer, answer, person_and_chat, question
from botcore import Database, Message


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

    settings: ClassVar[dict[str, Any]] = {"join_calls": False}
