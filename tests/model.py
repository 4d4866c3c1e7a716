"""What botcore promises, in lists and loops: written from its docstrings and not from its SQL, to compare it with."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from botcore import NotFound, NotRecorded
from tests.model_reads import Reads
from tests.model_rows import Chat, Message, Person

Row = TypeVar("Row", Person, Chat, Message)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Model(Reads):
    """The store; each method is the call of that name and gives what that should."""

    opted_out: set[int] = field(default_factory=set)
    erased: dict[int, datetime] = field(default_factory=dict)

    def record(self, said: dict[str, Any]) -> tuple[Message, bool]:
        """messages.record."""
        if message := self.stored(said):
            if message.texts[0][0] and not self.is_refused(said):
                message.texts.insert(0, (None, said["content"]))
            return message, False
        return self._store(said, None), True

    def edit(self, said: dict[str, Any]) -> tuple[Message, bool] | None:
        """messages.edit."""
        edited_at = said["edited_at"]
        if self.is_refused(said):
            raise NotRecorded
        if message := self.stored(said):
            message.edit(edited_at, said["content"], said["kind"])
            return message, False
        parents = (self.chat_of(said), self.person_of(said["telegram_user_id"]))
        if any(parent and parent.deleted and parent.deleted >= edited_at for parent in parents):
            return None
        return self._store(said, edited_at), True

    def add(self, chat: Chat, person: Person | None, values: dict[str, Any]) -> Message:
        """messages.add; a `sent_at` of None is for the database to tell."""
        chat = chat.successor or chat
        number = values["telegram_message_id"]
        if message := next((m for m in self.messages if number and self._number(m) == (chat, number)), None):
            return message
        if chat.deleted:
            raise NotFound("chat")
        if person and person.deleted:
            raise NotFound("user")
        sent_at = values["sent_at"]
        if person and (person.telegram_user_id in self.opted_out or self._is_erased(person.telegram_user_id, sent_at)):
            raise NotRecorded
        fields = {name: value for name, value in values.items() if name != "content"} | {"kind": "text"}
        message = Message(chat, person, _filled(fields), [(None, values["content"])])
        self.messages.append(message)
        return message

    def delete(self, row: Person | Chat | Message, now: datetime) -> bool:
        """users.delete, chats.delete and messages.delete."""
        if row.deleted:
            return False
        for message in self.live():
            if row in (message, message.person, message.chat):
                message.deleted = now
        row.deleted = now
        return True

    def restore(self, row: Person | Chat | Message) -> bool:
        """users.restore, chats.restore and messages.restore: what the other parent hides comes back with that one."""
        if isinstance(row, Message):
            is_hidden = row.chat.deleted or (row.person and row.person.deleted)
            changed = bool(row.deleted and not is_hidden)
            row.deleted = None if changed else row.deleted
            return changed
        if not row.deleted or (isinstance(row, Chat) and row.successor):
            return False
        for message in self.messages:
            if row in (message.person, message.chat) and message.deleted == row.deleted:
                other = message.chat if row is message.person else message.person
                message.deleted = other.deleted if other else None
        row.deleted = None
        return True

    def delete_many(self, key: tuple[int, int, str], numbers: list[int], now: datetime) -> int:
        """messages.delete_many."""
        chat = self.chat(key)
        gone = [m for m in self.live() if m.chat is chat and m.fields["telegram_message_id"] in numbers]
        for message in gone:
            message.deleted = now
        return len(gone)

    def clear(self, chat: Chat, person: Person | None, thread: int, now: datetime) -> int:
        """messages.clear."""
        gone = [m for m in self.dialogue(chat, person, thread) if m.fields["role"] != "system"]
        for message in gone:
            message.deleted = now
        return len(gone)

    def migrate(self, bot_id: int, group_id: int, supergroup_id: int, now: datetime) -> Chat:
        """chats.migrate: what is stored by it alone is deleted."""
        keys = [(bot_id, group_id, ""), (bot_id, supergroup_id, "")]
        for key in keys:
            if not self.chat(key):
                # an old one: whatever is said or edited brings it back
                self.chats.append(Chat(key, "group", None, deleted=EPOCH))
        group, supergroup = (self.chat(key) for key in keys)
        assert group
        assert supergroup
        if group.successor:
            return supergroup
        stays, ends = sorted((group, supergroup), key=self.chats.index)
        for message in self.messages:
            if message.chat is group and message.fields["telegram_message_id"]:
                message.fields["telegram_message_id"] *= -1
            if message.chat is ends:
                message.chat = stays
                if stays.deleted and message.deleted and message.deleted == ends.deleted:
                    message.deleted = stays.deleted
        stays.deleted = stays.deleted if ends.deleted else None
        stays.key, stays.type, stays.title = keys[1], "supergroup", supergroup.title or group.title
        ends.key, ends.successor, ends.deleted = keys[0], stays, now
        return stays

    def get_or_create_user(self, telegram_user_id: int, names: dict[str, Any]) -> Person:
        """users.get_or_create."""
        person = self.person_of(telegram_user_id)
        if not person:
            person = Person(telegram_user_id, names)
            self.people.append(person)
        person.names, person.deleted = names, None
        return person

    def get_or_create_chat(self, key: tuple[int, int, str], type: str, title: str | None) -> Chat:  # noqa: A002
        """chats.get_or_create: what became a supergroup keeps its type and title."""
        chat = self.chat(key)
        if chat and chat.successor:
            chat.successor.deleted = None
            return chat.successor
        if not chat:
            chat = Chat(key, type, title)
            self.chats.append(chat)
        chat.type, chat.title, chat.deleted = type, title, None
        return chat

    def is_refused(self, said: dict[str, Any]) -> bool:
        """Whether a delivery is not to be stored, for its sender or for the person whose private chat it is in."""
        people = {said["telegram_user_id"], said["telegram_chat_id"]}
        return bool(people & self.opted_out) or any(self._is_erased(each, said["sent_at"]) for each in people)

    def stored(self, said: dict[str, Any]) -> Message | None:
        """The message that a delivery is of, deleted or not."""
        wanted = self.chat_of(said), self._told(said, "telegram_message_id")
        return next((m for m in self.messages if wanted[1] and self._number(m) == wanted), None)

    def chat_of(self, said: dict[str, Any]) -> Chat | None:
        """The chat that a delivery goes to."""
        chat = self.chat((said["bot_id"], said["telegram_chat_id"], said["business_connection_id"]))
        return (chat and chat.successor) or chat

    def person_of(self, telegram_user_id: int | None) -> Person | None:
        """The person with Telegram's id, deleted or not."""
        return next((p for p in self.people if p.telegram_user_id == telegram_user_id), None)

    def opt_out(self, telegram_user_id: int) -> bool:
        """users.opt_out."""
        changed = telegram_user_id not in self.opted_out
        self.opted_out.add(telegram_user_id)
        return changed

    def opt_in(self, telegram_user_id: int) -> bool:
        """users.opt_in."""
        changed = telegram_user_id in self.opted_out
        self.opted_out.discard(telegram_user_id)
        return changed

    def erase(self, telegram_user_id: int, now: datetime) -> tuple[int, int, int]:
        """users.erase: how many people, chats and messages are gone."""
        self.erased[telegram_user_id] = now
        people = [person for person in self.people if person.telegram_user_id == telegram_user_id]
        chats = [chat for chat in self.chats if chat.key[1] == telegram_user_id and chat.type == "private"]
        messages = [each for each in self.messages if each.person in people or each.chat in chats]
        return self._remove(self.people, people), self._remove(self.chats, chats), self._remove(self.messages, messages)

    def purge_messages(self, before: datetime, scope: str, chat_type: str, *, keep_newest: bool) -> int:
        """messages.purge."""
        newest: dict[tuple[Any, ...], Message] = {}
        for message in self.live():
            key = (message.chat, message.person, message.fields["message_thread_id"])
            newest[key] = message
            if message.fields["role"] == "system":
                newest[*key, "system"] = message
        kept = newest.values() if keep_newest else []
        dates = {message: message.fields["sent_at"] if scope == "all" else message.deleted for message in self.messages}
        old = [message for message, date in dates.items() if date and date < before and message not in kept]
        return self._remove(self.messages, [each for each in old if chat_type in {"", each.chat.type}])

    def purge_users(self, before: datetime) -> int:
        """users.purge."""
        idle = {each for each in self.people if each.deleted and each.deleted < before}
        return self._remove(self.people, idle - {message.person for message in self.messages})

    def purge_chats(self, before: datetime, chat_type: str) -> int:
        """chats.purge: what became such a chat goes with it."""
        idle = {each for each in self.chats if each.deleted and each.deleted < before and not each.successor}
        idle = {each for each in idle if chat_type in {"", each.type}} - {message.chat for message in self.messages}
        return self._remove(self.chats, [each for each in self.chats if (each.successor or each) in idle])

    def _is_erased(self, telegram_id: int | None, sent_at: datetime | None) -> bool:
        erased_at = self.erased.get(telegram_id or 0)
        return bool(erased_at and sent_at and erased_at >= sent_at)

    @staticmethod
    def _remove(rows: list[Row], gone: Collection[Row]) -> int:
        rows[:] = [row for row in rows if row not in gone]
        return len(gone)

    def _store(self, said: dict[str, Any], edited_at: datetime | None) -> Message:
        if self.is_refused(said):
            raise NotRecorded
        key = (said["bot_id"], said["telegram_chat_id"], said["business_connection_id"])
        reply, number = self._told(said, "reply_to_message_id"), self._told(said, "telegram_message_id")
        chat = self.get_or_create_chat(key, said["chat_type"], said["chat_title"])
        names = {name: said[name] for name in ("username", "first_name", "last_name", "language_code")}
        person = self.get_or_create_user(said["telegram_user_id"], names) if said["telegram_user_id"] else None
        answered = next((m.id for m in self.messages if reply and self._number(m) == (chat, reply)), None)
        fields = {name: said[name] for name in ("message_thread_id", "role", "kind", "sent_at")}
        ids = {"telegram_message_id": number or None, "reply_to_id": answered}
        message = Message(chat, person, _filled(fields | ids), [(edited_at, said["content"])])
        self.messages.append(message)
        return message

    def chat(self, key: tuple[int, int, str]) -> Chat | None:
        """The chat that has the key, be it deleted or another one by now."""
        return next((chat for chat in self.chats if chat.key == key), None)

    def _told(self, said: dict[str, Any], name: str) -> int:
        """An id of a message as it is stored: what counted in a group is negated in the supergroup."""
        chat = self.chat((said["bot_id"], said["telegram_chat_id"], said["business_connection_id"]))
        return -(said[name] or 0) if chat and chat.successor else said[name] or 0

    @staticmethod
    def _number(message: Message) -> tuple[Chat, int | None]:
        return message.chat, message.fields["telegram_message_id"]


def _filled(fields: dict[str, Any]) -> dict[str, Any]:
    absent = ("media_group_id", "sender_chat_id", "forward_date", "delivery", "reply_to_id")
    return dict.fromkeys(absent) | fields
