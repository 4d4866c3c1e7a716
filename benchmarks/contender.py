"""What takes part in `compare`: three operations, in dialogues that are all alike."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from benchmarks import load
from benchmarks.load import Round, Work

OPERATIONS: Final = ("record", "history", "turn")
CONNECTIONS: Final = 10
PAGE: Final = 20
PLANS: Final = {"plan_cache_mode": "force_generic_plan"}
"""Of whoever stores by botcore's files, as its connections have it: else the server may plan them at each call."""
QUESTION: Final = "What was it that I asked you yesterday about the trains to the north, and which one did you find?"
ANSWER: Final = "You asked for a train that arrives before noon. The one at 7.40 does, with one change. " * 2

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chat:
    """A private chat: Telegram's ids, and the tables' own of the chat and of its person."""

    bot_id: int
    telegram_id: int
    chat_id: int
    user_id: int


@dataclass(frozen=True, slots=True)
class Dialogues:
    """So many private chats in a row, each with so many messages."""

    bot_id: int
    telegram_id: int
    chat_id: int
    user_id: int
    count: int
    messages: int

    def chats(self) -> list[Chat]:
        """Each of them."""
        return [
            Chat(self.bot_id, self.telegram_id + place, self.chat_id + place, self.user_id + place)
            for place in range(self.count)
        ]

    def unknown(self) -> Chat:
        """One that nobody stored so far, nor its person."""
        return Chat(self.bot_id, self.telegram_id + self.count, 0, 0)


def said(number: int) -> tuple[str, str]:
    """Role and text of a dialogue's message that was there before: question and answer take turns."""
    return ("user", QUESTION) if number % 2 else ("assistant", ANSWER)


def person_and_chat(chat: Chat) -> dict[str, Any]:
    """What Telegram says of both with each message."""
    return {
        "bot_id": chat.bot_id,
        "telegram_user_id": chat.telegram_id,
        "first_name": "Ada",
        "last_name": None,
        "username": None,
        "language_code": "en",
        "telegram_chat_id": chat.telegram_id,
        "chat_type": "private",
        "chat_title": None,
    }


def question(number: int) -> dict[str, Any]:
    """What Telegram says of the message itself."""
    return {"telegram_message_id": number, "role": "user", "content": QUESTION, "sent_at": datetime.now(UTC)}


def answer(chat: Chat, reply_to_id: int, number: int) -> dict[str, Any]:
    """The row of the bot's answer."""
    return {
        "chat_id": chat.chat_id,
        "user_id": chat.user_id,
        "role": "assistant",
        "content": ANSWER,
        "telegram_message_id": number,
        "reply_to_id": reply_to_id,
        "sent_at": datetime.now(UTC),
    }


@dataclass(frozen=True, slots=True)
class Observed:
    """What the operations returned, as role, content and Telegram's id of each message, and the chats they were in."""

    returned: dict[str, list[Told]]
    chats: list[Chat]


class Contender(ABC):
    """A way to keep dialogues; `lacks` is where it does less than botcore, and why an operation is left out."""

    operations: ClassVar[Sequence[str]] = OPERATIONS
    holds: ClassVar[Sequence[str]] = ("role", "content", "telegram_message_id")
    has_own_tables: ClassVar[bool] = False
    lacks: ClassVar[str] = ""

    @abstractmethod
    def measure(self, url: str, dialogues: Dialogues, work: Work) -> Round:
        """One round, after a warm-up of a quarter of its time."""

    @abstractmethod
    def observe(self, url: str, dialogues: Dialogues, number: int) -> Observed:
        """Does each operation once in a chat of its own, with Telegram's ids from this number on."""


class Peer(Contender):
    """A contender in Python: one object with a pool of ten connections, which many tasks share."""

    newest_first: ClassVar[bool] = True

    @abstractmethod
    async def open(self, url: str, dialogues: Dialogues) -> None:
        """Connects."""

    @abstractmethod
    async def close(self) -> None:
        """Disconnects."""

    @abstractmethod
    async def record(self, chat: Chat, number: int) -> Any:
        """Stores an incoming message with its person and chat as they are now."""

    @abstractmethod
    async def history(self, chat: Chat) -> Sequence[Any]:
        """The newest 20 messages of the dialogue."""

    @abstractmethod
    async def reply(self, chat: Chat, asked: Any, number: int) -> Any:
        """Stores the answer to a message."""

    async def turn(self, chat: Chat, number: int) -> tuple[Any, Sequence[Any], Any]:
        """A message, what a model needs for its answer, and the answer: a bot holds no connection in between."""
        asked = await self.record(chat, number)
        return asked, await self.history(chat), await self.reply(chat, asked, number + 1)

    def told(self, row: Any) -> Told:
        """A message that an operation returned."""
        return {name: row[name] if hasattr(row, "keys") else getattr(row, name) for name in self.holds}

    def measure(self, url: str, dialogues: Dialogues, work: Work) -> Round:
        """See Contender."""

        async def run() -> Round:
            await self.open(url, dialogues)
            try:
                return await load.measure(self._calls(work.operation), url, dialogues.chats(), work)
            finally:
                await self.close()

        return asyncio.run(run())

    def observe(self, url: str, dialogues: Dialogues, number: int) -> Observed:
        """See Contender."""

        async def run() -> Observed:
            await self.open(url, dialogues)
            try:
                return await self._observe(dialogues, number)
            finally:
                await self.close()

        return asyncio.run(run())

    async def _observe(self, dialogues: Dialogues, number: int) -> Observed:
        recorded, read, turned = dialogues.chats()
        new = dialogues.unknown()
        returned = {"history": self._page(await self.history(read))}
        if "record" in self.operations:
            returned["record"] = [self.told(await self.record(chat, number)) for chat in (recorded, new)]
        asked, page, answer = await self.turn(turned, number)
        if asked is not None:
            returned |= {"question": [self.told(asked)], "answer": [self.told(answer)]}
        return Observed(returned | {"turn": self._page(page)}, [recorded, read, turned, new])

    def _page(self, rows: Sequence[Any]) -> list[Told]:
        return [self.told(row) for row in (rows if self.newest_first else reversed(rows))]

    def _calls(self, operation: str) -> load.Call[Chat]:
        if operation == "history":
            return lambda chat, _: self.history(chat)
        return self.record if operation == "record" else self.turn
