"""asyncpg with its pool: one statement for one thing, and botcore's own single statements.

https://magicstack.github.io/asyncpg/current/usage.html#connection-pools
https://magicstack.github.io/asyncpg/current/api/index.html#connection-pools (`reset`)
"""

from typing import Any, ClassVar, Final

import asyncpg

from benchmarks.contender import CONNECTIONS, PAGE, PLANS, Chat, Dialogues, Peer, answer, person_and_chat, question
from benchmarks.peers import statements
from botcore.messages import NEWEST

USER: Final = statements.numbered(statements.USER)
CHAT: Final = statements.numbered(statements.CHAT)
MESSAGE: Final = statements.numbered(statements.MESSAGE)
RECENT: Final = statements.numbered(statements.RECENT)
RECORD: Final = statements.numbered(statements.RECORD)
ADD: Final = statements.numbered(statements.ADD)

# what record.sql and add.sql are not told: NULL but where a column has a word of its own for none
_NONE: Final[dict[str, Any]] = {"message_thread_id": 0, "business_connection_id": "", "kind": "text"}


class Separate(Peer):
    """A transaction of three statements for a message; rows are Records."""

    settings: ClassVar[dict[str, Any]] = {}
    lacks: ClassVar[str] = statements.LACKS

    async def open(self, url: str, dialogues: Dialogues) -> None:  # noqa: ARG002 - the interface's
        """See Peer."""
        self._pool = await asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, **self.settings)

    async def close(self) -> None:
        """See Peer."""
        await self._pool.close()

    async def record(self, chat: Chat, number: int) -> Any:
        """See Peer."""
        values = person_and_chat(chat)
        async with self._pool.acquire() as connection, connection.transaction():
            user_id = await connection.fetchval(USER[0], *_in_order(USER, values))
            chat_id = await connection.fetchval(CHAT[0], *_in_order(CHAT, values))
            message = {"chat_id": chat_id, "user_id": user_id, **question(number)}
            return await connection.fetchrow(MESSAGE[0], *_in_order(MESSAGE, message))

    async def history(self, chat: Chat) -> Any:
        """See Peer."""
        values = {"chat_id": chat.chat_id, "user_id": chat.user_id, "before_id": NEWEST, "page_size": PAGE}
        return await self._pool.fetch(RECENT[0], *_in_order(RECENT, values))

    async def reply(self, chat: Chat, asked: Any, number: int) -> Any:
        """See Peer."""
        return await self._pool.fetchrow(MESSAGE[0], *_in_order(MESSAGE, answer(chat, asked["id"], number)))


class Single(Separate):
    """botcore's record.sql and add.sql, one statement each, planned as botcore has them planned."""

    settings: ClassVar[dict[str, Any]] = {"server_settings": PLANS}
    lacks: ClassVar[str] = ""

    async def record(self, chat: Chat, number: int) -> Any:
        """See Peer."""
        return await self._pool.fetchrow(RECORD[0], *_in_order(RECORD, person_and_chat(chat) | question(number)))

    async def reply(self, chat: Chat, asked: Any, number: int) -> Any:
        """See Peer."""
        return await self._pool.fetchrow(ADD[0], *_in_order(ADD, answer(chat, asked["id"], number)))


async def _as_it_is(connection: Any) -> None:
    """Leaves a connection as its user left it."""


class SingleUnreset(Single):
    """The same without the round trip that clears a connection whenever it goes back to the pool."""

    settings: ClassVar[dict[str, Any]] = {**Single.settings, "reset": _as_it_is}
    lacks: ClassVar[str] = "what one user sets on a connection, the next one has"


def _in_order(statement: tuple[str, list[str]], values: dict[str, Any]) -> list[Any]:
    return [values.get(name, _NONE.get(name)) for name in statement[1]]
