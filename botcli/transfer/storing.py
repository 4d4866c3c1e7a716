"""Stores what a file says: the chats and people that are not known yet, then the messages, each once."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final, TypeVar

from botcore import Database, Incoming, InvalidInput, NotRecorded, Said

# people or chats that are remembered; a group has 200,000 members at most
_REMEMBERED: Final = 250_000

Key = tuple[int, int, str]
_Known = TypeVar("_Known")


@dataclass(slots=True)
class Counts:
    """What became of messages: new, there already, or of people who are not to be recorded."""

    stored: int = 0
    known: int = 0
    refused: int = 0


class Storing:
    """Stores a file's batches in their order; with `append` also behind what a bot that answers has in a chat.

    Whoever is known stays as they are, and so does a chat: the file may be old.
    """

    def __init__(self, database: Database, *, append: bool) -> None:
        self.counts = Counts()
        self._database = database
        self._append = append
        self._chats: dict[Key, int] = {}
        self._people: dict[int, int] = {}
        self._opted_out: set[int] = set()
        self._unnumbered: _Unnumbered | None = None

    async def store(self, batch: Iterable[Said]) -> None:
        """Stores the messages; raises InvalidInput at a chat that goes on here, with nothing of it stored."""
        for _, of_chat in groupby(batch, key=_key):
            placed = [each for said in of_chat if (each := await self._place(said))]
            for is_alone, run in groupby(placed, key=lambda each: _goes_alone(each[0])):
                if is_alone:
                    for said, message in run:
                        await self._add(said, message)
                else:
                    await self._copy([message for _, message in run])

    async def _place(self, said: Said) -> tuple[Said, Incoming] | None:
        """The message with botcore's ids of chat and person; None where it is not to be stored, or not again."""
        chat_id = self._chats.get(key := _key(said)) or await self._find_chat(said, key)
        user_id = None
        if chat_id and said.telegram_user_id is not None:
            user_id = self._people.get(said.telegram_user_id) or await self._find_person(said, said.telegram_user_id)
        if not chat_id or (said.telegram_user_id is not None and not user_id):
            self.counts.refused += 1
            return None
        if _is_unnumbered(said) and (await self._without_numbers(chat_id)).is_known(said):
            self.counts.known += 1
            return None
        return said, Incoming(
            chat_id=chat_id,
            user_id=user_id,
            role=said.role,
            content=said.content,
            sent_at=said.sent_at,
            kind=said.kind,
            message_thread_id=said.message_thread_id,
            telegram_chat_id=said.telegram_chat_id,
            telegram_message_id=said.telegram_message_id,
            reply_to_message_id=said.reply_to_message_id,
            media_group_id=said.media_group_id,
            sender_chat_id=said.sender_chat_id,
            forward_date=said.forward_date,
            edited_at=said.edited_at,
            delivery=said.delivery,
        )

    async def _copy(self, messages: list[Incoming]) -> None:
        async for copied in self._database.messages.copy_in(messages, batch_size=len(messages)):
            self.counts.stored += copied.stored
            self.counts.known += copied.known
            self.counts.refused += copied.refused

    async def _add(self, said: Said, message: Incoming) -> None:
        """Stores a message that has no Telegram id, or answers one that has none: by the id that this one was given."""
        unnumbered = await self._without_numbers(message.chat_id)
        try:
            added = await self._database.messages.add(
                chat_id=message.chat_id,
                user_id=message.user_id,
                role=said.role,
                content=said.content,
                telegram_chat_id=said.telegram_chat_id,
                telegram_message_id=said.telegram_message_id or None,
                reply_to_id=unnumbered.ids.get(said.reply_to_id or 0),
                message_thread_id=said.message_thread_id,
                delivery=said.delivery,
                sent_at=said.sent_at,
            )
        except NotRecorded:
            self.counts.refused += 1
            return
        unnumbered.ids[said.id] = added.id
        self.counts.stored += 1

    async def _find_chat(self, said: Said, key: Key) -> int | None:
        chat = await self._database.chats.find(
            bot_id=said.bot_id,
            telegram_chat_id=said.telegram_chat_id,
            business_connection_id=said.business_connection_id,
        )
        if chat is None:
            if said.chat_type == "private" and await self._is_refused(said.telegram_chat_id, said.sent_at):
                return None
            chat = await self._database.chats.get_or_create(
                bot_id=said.bot_id,
                telegram_chat_id=said.telegram_chat_id,
                type=said.chat_type,
                title=said.chat_title,
                business_connection_id=said.business_connection_id,
            )
        elif said.bot_id >= 0 and not self._append:
            await self._check_is_empty(chat.id, key)
        return _remember(self._chats, key, chat.id)

    async def _check_is_empty(self, chat_id: int, key: Key) -> None:
        if await self._database.messages.recent_in_chat(chat_id=chat_id, page_size=1):
            raise InvalidInput(
                "--append",
                f"is needed: bot {key[0]} has messages in chat {key[1]} already, and what is new goes behind them",
            )

    async def _find_person(self, said: Said, telegram_user_id: int) -> int | None:
        user = await self._database.users.find(telegram_user_id=telegram_user_id)
        if user is None:
            if await self._is_refused(telegram_user_id, said.sent_at):
                return None
            user = await self._database.users.get_or_create(
                telegram_user_id=telegram_user_id,
                first_name=said.first_name or "",
                last_name=said.last_name,
                username=said.username,
                language_code=said.language_code,
            )
        return _remember(self._people, telegram_user_id, user.id)

    async def _is_refused(self, telegram_user_id: int, sent_at: datetime) -> bool:
        """Whether nothing that they sent then is recorded, so that neither they nor a chat with them become known."""
        if telegram_user_id in self._opted_out:
            return True
        is_refused = await self._database.messages.record_refused(
            telegram_user_id=telegram_user_id, telegram_chat_id=0, sent_at=sent_at
        )
        if not is_refused:
            return False
        if await self._database.users.opted_out(telegram_user_id=telegram_user_id):
            self._opted_out.add(telegram_user_id)
        return True

    async def _without_numbers(self, chat_id: int) -> "_Unnumbered":
        if self._unnumbered is None or self._unnumbered.chat_id != chat_id:
            self._unnumbered = await _Unnumbered.of(self._database, chat_id)
        return self._unnumbered


class _Unnumbered:
    """A chat's messages that no Telegram id tells: what was there, and botcore's ids here by those in the file."""

    def __init__(self, chat_id: int) -> None:
        self.chat_id = chat_id
        self.ids: dict[int, int] = {}
        self._there: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)

    @classmethod
    async def of(cls, database: Database, chat_id: int) -> "_Unnumbered":
        found = cls(chat_id)
        async with aclosing(database.messages.stream(chat_id=chat_id)) as stored:
            async for said in stored:
                if _is_unnumbered(said):
                    found._there[_same(said)].append(said.id)
        return found

    def is_known(self, said: Said) -> bool:
        """Whether the same was there, as many times as it was given so far."""
        there = self._there.get(_same(said))
        if not there:
            return False
        self.ids[said.id] = there.pop(0)
        return True


def _key(said: Said) -> Key:
    return said.bot_id, said.telegram_chat_id, said.business_connection_id


def _is_unnumbered(said: Said) -> bool:
    """Whether it has no Telegram id, or answers a message that has none."""
    return not said.telegram_message_id or bool(said.reply_to_id and not said.reply_to_message_id)


def _same(said: Said) -> tuple[object, ...]:
    """What tells such a message from others; of the text a hash, since a chat may have many."""
    number = said.telegram_message_id or 0
    return (
        number, said.telegram_user_id, said.message_thread_id, said.role, said.kind, said.sent_at, hash(said.content)
    )  # fmt: skip


def _goes_alone(said: Said) -> bool:
    """Whether `copy_in` would lose what it answers, or that others answer it; `add` takes plain texts alone."""
    has_more = said.media_group_id or said.sender_chat_id or said.forward_date or said.edited_at
    return _is_unnumbered(said) and not said.reply_to_message_id and said.kind == "text" and not has_more


def _remember(known: dict[_Known, int], key: _Known, number: int) -> int:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = number
    return number
