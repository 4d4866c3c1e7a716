"""LangChain's history of chat messages in PostgreSQL.

https://github.com/langchain-ai/langchain-postgres/blob/main/README.md#chatmessagehistory
"""

from collections.abc import Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_postgres import PostgresChatMessageHistory
from psycopg_pool import AsyncConnectionPool

from benchmarks.contender import ANSWER, CONNECTIONS, PAGE, QUESTION, Chat, Dialogues, Peer, Told, said

TABLE: Final = "compare_langchain"
_KINDS: Final = {"user": HumanMessage, "assistant": AIMessage}
_ROLES: Final = {"human": "user", "ai": "assistant"}


class Langchain(Peer):
    """A session for each chat, in a table of its own, made anew for each round since it reads a dialogue as a whole."""

    operations: ClassVar[Sequence[str]] = ("history", "turn")
    holds: ClassVar[Sequence[str]] = ("role", "content")
    has_own_tables: ClassVar[bool] = True
    newest_first: ClassVar[bool] = False
    lacks: ClassVar[str] = (
        "record: it knows no person and no chat; history: has no limit, so it reads all of the dialogue's 50 messages, "
        "and more after each turn; stores no Telegram ids and no replies"
    )

    async def open(self, url: str, dialogues: Dialogues) -> None:
        """See Peer."""
        self._pool = AsyncConnectionPool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False)
        await self._pool.open(wait=True)
        before = [_KINDS[role](text) for role, text in map(said, range(1, dialogues.messages + 1))]
        async with self._pool.connection() as connection:
            await PostgresChatMessageHistory.adrop_table(connection, TABLE)
            await PostgresChatMessageHistory.acreate_tables(connection, TABLE)
            for chat in dialogues.chats():
                await _session(connection, chat).aadd_messages(before)

    async def close(self) -> None:
        """See Peer."""
        async with self._pool.connection() as connection:
            await PostgresChatMessageHistory.adrop_table(connection, TABLE)
        await self._pool.close()

    async def record(self, chat: Chat, number: int) -> None:  # noqa: ARG002 - it has no place for Telegram's id
        """Only the message."""
        async with self._pool.connection() as connection:
            await _session(connection, chat).aadd_messages([HumanMessage(QUESTION)])

    async def history(self, chat: Chat) -> Sequence[BaseMessage]:
        """See Peer."""
        async with self._pool.connection() as connection:
            return (await _session(connection, chat).aget_messages())[-PAGE:]

    async def reply(self, chat: Chat, asked: None, number: int) -> None:  # noqa: ARG002 - nor for what it answers
        """See Peer."""
        async with self._pool.connection() as connection:
            await _session(connection, chat).aadd_messages([AIMessage(ANSWER)])

    def told(self, row: BaseMessage) -> Told:
        """See Peer."""
        return {"role": _ROLES[row.type], "content": row.content}


def _session(connection: Any, chat: Chat) -> PostgresChatMessageHistory:
    return PostgresChatMessageHistory(TABLE, str(UUID(int=chat.telegram_id)), async_connection=connection)
