"""Sessions of the OpenAI Agents SDK on SQLAlchemy and asyncpg.

https://openai.github.io/openai-agents-python/sessions/sqlalchemy_session/
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final

from agents.extensions.memory import SQLAlchemySession
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.contender import ANSWER, CONNECTIONS, PAGE, QUESTION, Chat, Dialogues, Peer, Told, said

TABLES: Final[dict[str, Any]] = {
    "sessions_table": "compare_agents_sessions",
    "messages_table": "compare_agents_messages",
}


class Agents(Peer):
    """A session for each chat, in tables of its own."""

    operations: ClassVar[Sequence[str]] = ("history", "turn")
    holds: ClassVar[Sequence[str]] = ("role", "content")
    has_own_tables: ClassVar[bool] = True
    newest_first: ClassVar[bool] = False
    lacks: ClassVar[str] = "record: it knows no person and no chat; stores no Telegram ids and no replies"

    async def open(self, url: str, dialogues: Dialogues) -> None:
        """See Peer."""
        driver = make_url(url).set(drivername="postgresql+asyncpg")
        self._engine = create_async_engine(driver, pool_size=CONNECTIONS, max_overflow=0)
        await self._drop_tables()
        await self._session("", create_tables=True).get_items(limit=1)
        # an object for each conversation as in its documentation, kept, since SQLAlchemy compiles for each anew
        self._sessions = {chat: self._session(str(chat.telegram_id)) for chat in dialogues.chats()}
        before = [_item(*said(number)) for number in range(1, dialogues.messages + 1)]
        for session in self._sessions.values():
            await session.add_items(before)

    async def close(self) -> None:
        """See Peer."""
        await self._drop_tables()
        await self._engine.dispose()

    async def record(self, chat: Chat, number: int) -> None:  # noqa: ARG002 - it has no place for Telegram's id
        """Only the message."""
        await self._sessions[chat].add_items([_item("user", QUESTION)])

    async def history(self, chat: Chat) -> Sequence[Any]:
        """See Peer."""
        return await self._sessions[chat].get_items(limit=PAGE)

    async def reply(self, chat: Chat, asked: None, number: int) -> None:  # noqa: ARG002 - nor for what it answers
        """See Peer."""
        await self._sessions[chat].add_items([_item("assistant", ANSWER)])

    def told(self, row: Any) -> Told:
        """See Peer."""
        return {"role": row["role"], "content": row["content"]}

    def _session(self, name: str, *, create_tables: bool = False) -> SQLAlchemySession:
        return SQLAlchemySession(name, engine=self._engine, create_tables=create_tables, **TABLES)

    async def _drop_tables(self) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(text(f"DROP TABLE IF EXISTS {', '.join(TABLES.values())} CASCADE"))


def _item(role: str, content: str) -> Any:
    return {"role": role, "content": content}
