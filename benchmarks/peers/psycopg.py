"""psycopg with its pool and one statement for one thing.

https://www.psycopg.org/psycopg3/docs/advanced/pool.html#basic-connection-pool-usage
https://www.psycopg.org/psycopg3/docs/advanced/rows.html
"""

from typing import Any, ClassVar, Final

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from benchmarks.contender import CONNECTIONS, PAGE, Chat, Dialogues, Peer, answer, person_and_chat, question
from benchmarks.peers import statements
from botcore.messages import NEWEST

USER: Final = statements.named(statements.USER)
CHAT: Final = statements.named(statements.CHAT)
MESSAGE: Final = statements.named(statements.MESSAGE)
RECENT: Final = statements.named(statements.RECENT)


class Psycopg(Peer):
    """A transaction for each step; rows are dicts."""

    lacks: ClassVar[str] = statements.LACKS

    async def open(self, url: str, dialogues: Dialogues) -> None:  # noqa: ARG002 - the interface's
        """See Peer."""
        self._pool = AsyncConnectionPool(
            url,
            connection_class=AsyncConnection[DictRow],
            kwargs={"row_factory": dict_row},
            min_size=CONNECTIONS,
            max_size=CONNECTIONS,
            open=False,
        )
        await self._pool.open(wait=True)

    async def close(self) -> None:
        """See Peer."""
        await self._pool.close()

    async def record(self, chat: Chat, number: int) -> DictRow:
        """See Peer."""
        values = person_and_chat(chat)
        async with self._pool.connection() as connection:
            user = await _one(connection, USER, values)
            stored = await _one(connection, CHAT, values)
            message = {"chat_id": stored["id"], "user_id": user["id"], "reply_to_id": None, **question(number)}
            return await _one(connection, MESSAGE, message)

    async def history(self, chat: Chat) -> list[DictRow]:
        """See Peer."""
        values = {"chat_id": chat.chat_id, "user_id": chat.user_id, "message_thread_id": 0}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(RECENT, {**values, "before_id": NEWEST, "page_size": PAGE})
            return await cursor.fetchall()

    async def reply(self, chat: Chat, asked: DictRow, number: int) -> DictRow:
        """See Peer."""
        async with self._pool.connection() as connection:
            return await _one(connection, MESSAGE, answer(chat, asked["id"], number))


async def _one(connection: AsyncConnection[DictRow], statement: Any, values: dict[str, Any]) -> DictRow:
    cursor = await connection.execute(statement, values)
    [row] = await cursor.fetchall()
    return row
