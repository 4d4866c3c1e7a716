"""SQLAlchemy on asyncpg, its ORM and its Core.

https://docs.sqlalchemy.org/en/21/orm/extensions/asyncio.html
https://docs.sqlalchemy.org/en/21/orm/queryguide/dml.html#orm-upsert-statements
https://docs.sqlalchemy.org/en/21/dialects/postgresql.html#insert-on-conflict-upsert
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import Select, func, make_url, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from benchmarks.contender import CONNECTIONS, PAGE, Chat, Dialogues, Peer, answer, question
from benchmarks.peers import statements
from benchmarks.peers.sqlalchemy_models import Message, StoredChat, User


class Orm(Peer):
    """A session for each step; rows are entities."""

    lacks: ClassVar[str] = statements.LACKS

    async def open(self, url: str, dialogues: Dialogues) -> None:  # noqa: ARG002 - the interface's
        """See Peer."""
        driver = make_url(url).set(drivername="postgresql+asyncpg")
        self._engine = create_async_engine(driver, pool_size=CONNECTIONS, max_overflow=0)
        self._session = async_sessionmaker(self._engine, expire_on_commit=False)

    async def close(self) -> None:
        """See Peer."""
        await self._engine.dispose()

    async def record(self, chat: Chat, number: int) -> Any:
        """See Peer."""
        anew = {"populate_existing": True}
        async with self._session.begin() as session:
            user = (await session.scalars(_user(chat).returning(User), execution_options=anew)).one()
            stored = (await session.scalars(_chat(chat).returning(StoredChat), execution_options=anew)).one()
            message = Message(chat_id=stored.id, user_id=user.id, **question(number))
            session.add(message)
        return message

    async def history(self, chat: Chat) -> Sequence[Any]:
        """See Peer."""
        async with self._session() as session:
            return (await session.scalars(_newest(select(Message), chat))).all()

    async def reply(self, chat: Chat, asked: Any, number: int) -> Any:
        """See Peer."""
        async with self._session.begin() as session:
            message = Message(**answer(chat, asked.id, number))
            session.add(message)
        return message


class Core(Orm):
    """The same tables and expressions without the ORM; rows are named tuples."""

    async def record(self, chat: Chat, number: int) -> Any:
        """See Peer."""
        async with self._engine.begin() as connection:
            user_id = (await connection.execute(_user(chat).returning(User.id))).scalar_one()
            chat_id = (await connection.execute(_chat(chat).returning(StoredChat.id))).scalar_one()
            values = {"chat_id": chat_id, "user_id": user_id, **question(number)}
            return (await connection.execute(insert(_MESSAGES).values(values).returning(_MESSAGES))).one()

    async def history(self, chat: Chat) -> Sequence[Any]:
        """See Peer."""
        async with self._engine.connect() as connection:
            rows: Sequence[Any] = (await connection.execute(_newest(select(_MESSAGES), chat))).all()
        return rows

    async def reply(self, chat: Chat, asked: Any, number: int) -> Any:
        """See Peer."""
        statement = insert(_MESSAGES).values(answer(chat, asked.id, number)).returning(_MESSAGES)
        async with self._engine.begin() as connection:
            return (await connection.execute(statement)).one()


_MESSAGES = Message.metadata.tables["messages"]


def _user(chat: Chat) -> Insert:
    names = {"username": None, "first_name": "Ada", "last_name": None, "language_code": "en"}
    statement = insert(User).values(telegram_user_id=chat.telegram_id, **names)
    anew = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(
        index_elements=["telegram_user_id"], set_={**anew, "updated_at": func.now(), "deleted_at": None}
    )


def _chat(chat: Chat) -> Insert:
    statement = insert(StoredChat).values(
        bot_id=chat.bot_id, telegram_chat_id=chat.telegram_id, business_connection_id="", type="private", title=None
    )
    anew = {name: statement.excluded[name] for name in ("type", "title")}
    return statement.on_conflict_do_update(
        index_elements=["bot_id", "telegram_chat_id", "business_connection_id"],
        set_={**anew, "updated_at": func.now(), "blocked_at": None, "deleted_at": None},
    )


def _newest(statement: Select[Any], chat: Chat) -> Select[Any]:
    return (
        statement.where(Message.chat_id == chat.chat_id, Message.user_id == chat.user_id)
        .where(Message.message_thread_id == 0, Message.deleted_at.is_(None))
        .order_by(Message.id.desc())
        .limit(PAGE)
    )
