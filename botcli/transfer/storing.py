"""Stores what a file says: the chats and people that are not known yet, then the messages, each once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from botcli.transfer.notes import Notes
from botcore import Database, Incoming, InvalidInput, Message, NotRecorded, Said

# people or chats that are remembered; a group has 200,000 members at most
_REMEMBERED: Final = 250_000
# so many others may be stored in a chat at the same moment
_LOOKED_BACK: Final = 100

Key = tuple[int, int, str]
_Known = TypeVar("_Known")


@dataclass(slots=True)
class Counts:
    """What became of messages: new, there already, or of people and chats that are not recorded, or hidden."""

    stored: int = 0
    known: int = 0
    refused: int = 0


class Storing:
    """Stores a file's batches in their order; with `append` also behind what a bot that answers has in a chat.

    Whoever is known stays as they are, and so does a chat: the file may be old. Who or what is hidden stays hidden.
    """

    def __init__(self, database: Database, notes: Notes, *, append: bool) -> None:
        self.counts = Counts()
        self._database = database
        self._notes = notes
        self._append = append
        self._chats: dict[Key, int] = {}
        self._people: dict[int, int] = {}
        self._opted_out: set[int] = set()

    async def store(self, batch: Iterable[Said]) -> None:
        """Stores the messages; raises InvalidInput at a chat that goes on here, with all before it stored."""
        together: list[Incoming] = []
        for said in batch:
            try:
                message = await self._place(said)
            except InvalidInput:
                await self._copy(together)
                raise
            if message and said.telegram_message_id:
                together.append(message)
            elif message:
                # ids follow the order in which messages come
                await self._copy(together)
                together = []
                await self._store_alone(said, message)
        await self._copy(together)

    async def _place(self, said: Said) -> Incoming | None:
        """The message with botcore's ids of chat and person; None where it is not to be stored, or not again."""
        chat_id = self._chats.get(key := _key(said)) or await self._find_chat(said, key)
        user_id = None
        if chat_id and said.telegram_user_id is not None:
            user_id = self._people.get(said.telegram_user_id) or await self._find_person(said, said.telegram_user_id)
        if not chat_id or (said.telegram_user_id is not None and not user_id):
            self.counts.refused += 1
            return None
        message = Incoming(
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
            reply_to_id=said.reply_to_id and self._notes.find_stored(chat_id, said.reply_to_id),
            media_group_id=said.media_group_id,
            sender_chat_id=said.sender_chat_id,
            forward_date=said.forward_date,
            edited_at=said.edited_at,
            delivery=said.delivery,
        )
        return message if said.telegram_message_id or not await self._is_there(said, message) else None

    async def _is_there(self, said: Said, message: Incoming) -> bool:
        """Whether the chat had the same before the import, hidden or not, as many times as it was given so far."""
        if self._notes.is_new(message.chat_id):
            after_id = 0
            while page := await self._database.messages.unnumbered(chat_id=message.chat_id, after_id=after_id):
                for each in page:
                    self._notes.add_there(each.chat_id, _same(each), each.id)
                after_id = page[-1].id
        message_id = self._notes.take_there(message.chat_id, _same(message))
        if message_id is None:
            return False
        self._notes.add_stored(message.chat_id, said.id, message_id)
        self.counts.known += 1
        return True

    async def _copy(self, messages: list[Incoming]) -> int:
        stored = 0
        async for copied in self._database.messages.copy_in(messages):
            stored += copied.stored
            self.counts.known += copied.known
            self.counts.refused += copied.refused
        self.counts.stored += stored
        return stored

    async def _store_alone(self, said: Said, message: Incoming) -> None:
        """Stores what has no Telegram id: what answers it finds it by the id that it is given."""
        if _is_plain(message):
            message_id = await self._add(message)
        else:
            message_id = await self._find_again(message) if await self._copy([message]) else None
        if message_id:
            self._notes.add_stored(message.chat_id, said.id, message_id)

    async def _add(self, message: Incoming) -> int | None:
        try:
            added = await self._database.messages.add(
                chat_id=message.chat_id,
                user_id=message.user_id,
                role=message.role,
                content=message.content,
                reply_to_id=message.reply_to_id,
                message_thread_id=message.message_thread_id,
                delivery=message.delivery,
                sent_at=message.sent_at,
            )
        except NotRecorded:
            self.counts.refused += 1
            return None
        self.counts.stored += 1
        return added.id

    async def _find_again(self, message: Incoming) -> int | None:
        """The id of what was stored just now."""
        newest = await self._database.messages.recent_in_chat(chat_id=message.chat_id, page_size=_LOOKED_BACK)
        return next((each.id for each in newest if _same(each) == _same(message)), None)

    async def _find_chat(self, said: Said, key: Key) -> int | None:
        chat = await self._database.chats.find(
            bot_id=said.bot_id,
            telegram_chat_id=said.telegram_chat_id,
            business_connection_id=said.business_connection_id,
        )
        if chat is None:
            is_hidden = await self._database.chats.is_hidden(
                bot_id=said.bot_id,
                telegram_chat_id=said.telegram_chat_id,
                business_connection_id=said.business_connection_id,
            )
            is_private = said.chat_type == "private"
            if is_hidden or (is_private and await self._is_refused(said.telegram_chat_id, said.sent_at)):
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
            is_hidden = await self._database.users.is_hidden(telegram_user_id=telegram_user_id)
            if is_hidden or await self._is_refused(telegram_user_id, said.sent_at):
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


def _key(said: Said) -> Key:
    return said.bot_id, said.telegram_chat_id, said.business_connection_id


def _same(message: Incoming | Message) -> tuple[object, ...]:
    """What tells a message without a Telegram id from others."""
    sent_at = message.sent_at.astimezone(UTC)
    return message.user_id, message.message_thread_id, message.role, message.kind, sent_at, message.content


def _is_plain(message: Incoming) -> bool:
    """Whether it is no more than `add` takes, which is a quarter of the work of a `copy_in`."""
    has_more = message.media_group_id or message.sender_chat_id or message.forward_date or message.edited_at
    return message.kind == "text" and not message.reply_to_message_id and not has_more


def _remember(known: dict[_Known, int], key: _Known, number: int) -> int:
    if len(known) >= _REMEMBERED:
        known.clear()
    known[key] = number
    return number
