"""The tables as SQLAlchemy's ORM maps them.

https://docs.sqlalchemy.org/en/21/orm/declarative_tables.html
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Computed, DateTime, ForeignKey, Identity, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """The types of the schema."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {int: BigInteger, datetime: DateTime(timezone=True)}


class User(Base):
    """A row of users."""

    __tablename__ = "users"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    telegram_user_id: Mapped[int]
    username: Mapped[str | None]
    first_name: Mapped[str]
    last_name: Mapped[str | None]
    language_code: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]


class StoredChat(Base):
    """A row of chats."""

    __tablename__ = "chats"
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    bot_id: Mapped[int]
    telegram_chat_id: Mapped[int]
    business_connection_id: Mapped[str] = mapped_column(server_default="")
    type: Mapped[str]
    title: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    blocked_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class Message(Base):
    """A row of messages."""

    __tablename__ = "messages"
    chat_id: Mapped[int] = mapped_column(ForeignKey("chats.id"), primary_key=True)
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    message_thread_id: Mapped[int] = mapped_column(server_default="0")
    role: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="text")
    content: Mapped[str]
    length: Mapped[int] = mapped_column(Computed("char_length(content)"))
    telegram_message_id: Mapped[int | None]
    reply_to_id: Mapped[int | None]
    media_group_id: Mapped[str | None]
    sender_chat_id: Mapped[int | None]
    forward_date: Mapped[datetime | None]
    delivery: Mapped[str | None]
    sent_at: Mapped[datetime]
    edited_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]
