"""Tortoise ORM on asyncpg.

https://tortoise.github.io/setup.html
https://tortoise.github.io/models.html#tortoise.models.Model.update_or_create
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from psycopg.conninfo import conninfo_to_dict
from tortoise import Tortoise, fields
from tortoise.fields.db_defaults import Now
from tortoise.models import Model
from tortoise.transactions import in_transaction

from benchmarks.contender import CONNECTIONS, PAGE, Chat, Dialogues, Peer, answer, question


class User(Model):
    """A row of users."""

    id = fields.BigIntField(primary_key=True)
    telegram_user_id = fields.BigIntField(unique=True)
    username = fields.TextField(null=True)
    first_name = fields.TextField()
    last_name = fields.TextField(null=True)
    language_code = fields.TextField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(auto_now=True)
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        """Where it is."""

        table = "users"


class StoredChat(Model):
    """A row of chats."""

    id = fields.BigIntField(primary_key=True)
    bot_id = fields.BigIntField()
    telegram_chat_id = fields.BigIntField()
    business_connection_id = fields.TextField(db_default="")
    type = fields.TextField()
    title = fields.TextField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(auto_now=True)
    blocked_at = fields.DatetimeField(null=True)
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        """Where it is."""

        table = "chats"


class Message(Model):
    """A row of messages, whose key is two columns in truth."""

    id = fields.BigIntField(primary_key=True)
    chat_id = fields.BigIntField()
    user_id = fields.BigIntField(null=True)
    message_thread_id = fields.BigIntField(db_default=0)
    role = fields.TextField()
    kind = fields.TextField(db_default="text")
    content = fields.TextField()
    telegram_message_id = fields.BigIntField(null=True)
    reply_to_id = fields.BigIntField(null=True)
    media_group_id = fields.TextField(null=True)
    sender_chat_id = fields.BigIntField(null=True)
    forward_date = fields.DatetimeField(null=True)
    delivery = fields.TextField(null=True)
    sent_at = fields.DatetimeField()
    edited_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField(db_default=Now())
    deleted_at = fields.DatetimeField(null=True)

    class Meta:
        """Where it is."""

        table = "messages"


class TortoiseOrm(Peer):
    """The active record's own calls; rows are models."""

    lacks: ClassVar[str] = (
        "locks, reads and writes person and chat anew for each message; a redelivery is an error; "
        "it has no generated columns, so `length` is not returned"
    )

    async def open(self, url: str, dialogues: Dialogues) -> None:  # noqa: ARG002 - the interface's
        """See Peer."""
        parts = conninfo_to_dict(url)
        credentials: dict[str, Any] = {name: parts.get(name) for name in ("host", "port", "user", "password")}
        credentials |= {"database": parts["dbname"], "minsize": CONNECTIONS, "maxsize": CONNECTIONS}
        engine = {"engine": "tortoise.backends.asyncpg", "credentials": credentials}
        apps = {"models": {"models": [__name__], "default_connection": "default"}}
        await Tortoise.init({"connections": {"default": engine}, "apps": apps})

    async def close(self) -> None:
        """See Peer."""
        await Tortoise.close_connections()

    async def record(self, chat: Chat, number: int) -> Message:
        """See Peer."""
        names = {"username": None, "first_name": "Ada", "last_name": None, "language_code": "en", "deleted_at": None}
        kind: dict[str, Any] = {"type": "private", "title": None, "blocked_at": None, "deleted_at": None}
        key: dict[str, Any] = {
            "bot_id": chat.bot_id,
            "telegram_chat_id": chat.telegram_id,
            "business_connection_id": "",
        }
        async with in_transaction():
            user, _ = await User.update_or_create(names, telegram_user_id=chat.telegram_id)
            stored, _ = await StoredChat.update_or_create(kind, **key)
            return await Message.create(chat_id=stored.id, user_id=user.id, **question(number))

    async def history(self, chat: Chat) -> Sequence[Message]:
        """See Peer."""
        dialogue = {"chat_id": chat.chat_id, "user_id": chat.user_id, "message_thread_id": 0}
        return await Message.filter(**dialogue, deleted_at__isnull=True).order_by("-id").limit(PAGE)

    async def reply(self, chat: Chat, asked: Message, number: int) -> Message:
        """See Peer."""
        return await Message.create(**answer(chat, asked.id, number))
