"""What the tests of partitioning messages share: rows, single steps, and writers who know what they wrote."""

import asyncio
from contextlib import suppress
from random import Random
from time import monotonic
from typing import Any

import psycopg

from botcore import Database, NotRecorded, queries
from tests.factories import SENT_AT, edited, said

FUTURE = SENT_AT.replace(year=2099)
# one writer's: what purges takes all of them
GROUPS = 20
SHAPE = """
    SELECT 'index', c.relname, regexp_replace(pg_get_indexdef(c.oid), 'ON (ONLY )?', '') FROM pg_index AS i
    INNER JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indrelid = 'messages'::regclass
    UNION ALL
    SELECT 'constraint', conname, pg_get_constraintdef(oid) || convalidated FROM pg_constraint
    WHERE 'messages'::regclass IN (conrelid, confrelid) AND conparentid = 0
    UNION ALL
    SELECT 'statistics', stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
    WHERE stxrelid = 'messages'::regclass
    UNION ALL
    SELECT 'column', attname, concat_ws(' ', attnum, atttypid::regtype, attnotnull, attidentity, attgenerated,
        array(SELECT unnest(attacl)::text ORDER BY 1)) FROM pg_attribute
    WHERE attrelid = 'messages'::regclass AND attnum > 0
    UNION ALL
    SELECT 'right', relname, array(SELECT unnest(relacl)::text ORDER BY 1)::text FROM pg_class
    WHERE oid IN ('messages'::regclass, pg_get_serial_sequence('messages', 'id')::regclass)
"""
"""All that migrations, queries and roles know of the table."""
Rows = dict[tuple[int, int], tuple[str, bool]]
"""The messages of some chats by Telegram's ids: their text, and whether they are hidden."""


def fill(connection: psycopg.Connection, chats: int, each: int) -> None:
    """So many dialogues with so many messages; the first chats are groups of one person."""
    connection.execute(
        "INSERT INTO users (telegram_user_id, first_name) SELECT n, 'Ada' FROM generate_series(1, %s) AS n", [chats]
    )
    connection.execute(
        "INSERT INTO chats (bot_id, telegram_chat_id, type)"
        " SELECT 1, telegram_user_id, CASE WHEN telegram_user_id <= %s THEN 'group' ELSE 'private' END"
        " FROM users ORDER BY telegram_user_id",
        [GROUPS],
    )
    connection.execute(
        "INSERT INTO messages (chat_id, user_id, role, content, telegram_message_id, sent_at)"
        " SELECT c.id, u.id, 'user', 'old ' || n, n, '2026-01-01 12:00:00+00'"
        " FROM generate_series(1, %s) AS n CROSS JOIN chats AS c INNER JOIN users AS u"
        " ON u.telegram_user_id = c.telegram_chat_id",
        [each],
    )
    connection.execute("ANALYZE")


def step(connection: psycopg.Connection, name: str) -> None:
    """Runs one file of sql/partitions/ as psql would, into four partitions."""
    connection.execute("SELECT set_config('botcore.partitions', '4', FALSE)")
    connection.execute((queries.folder() / "partitions" / f"{name}.sql").read_bytes())


def content_hash(connection: psycopg.Connection, among: str = "TRUE") -> tuple[Any, ...] | None:
    """Count and hash of whole messages."""
    return connection.execute(
        f"SELECT count(*), sum(hashtextextended(m::text, 0)) FROM messages AS m WHERE {among}".encode()
    ).fetchone()


def rows(connection: psycopg.Connection, chats: list[int]) -> Rows:
    """The messages of these chats."""
    found = connection.execute(
        "SELECT c.telegram_chat_id, m.telegram_message_id, m.content, m.deleted_at IS NOT NULL"
        " FROM messages AS m INNER JOIN chats AS c ON c.id = m.chat_id WHERE c.telegram_chat_id = ANY(%s)",
        [chats],
    )
    return {(chat, number): (content, hidden) for chat, number, content, hidden in found}


def layout(connection: psycopg.Connection) -> str:
    """What the database says of messages, a word of migrations/layout."""
    [found] = connection.execute(queries.load("migrations/layout").statement).fetchone() or [""]
    return str(found)


class Writer:
    """Does everything that changes messages in chats that are its own, one thing after the other."""

    def __init__(self, database: Database, connection: psycopg.Connection, chats: list[int], seed: int) -> None:
        self.chats = chats
        self.expected = rows(connection, chats)
        self.calls = 0
        self.slowest = 0.0
        self._database = database
        self._connection = connection
        self._random = Random(seed)  # noqa: S311 - nothing is secret
        self._numbers = 1_000_000
        self._erased: set[int] = set()

    async def write(self, stop: asyncio.Event) -> None:
        """Goes on until told; whatever fails, fails the test."""
        while not stop.is_set():
            act = self._random.choice([self._record, self._record, self._edit, self._edit, self._delete, self._clear])
            if self.calls % 100 == 99:
                act = self._random.choice([self._purge, self._erase, self._undo])
            chat = self._random.choice(self.chats)
            started = monotonic()
            await act(chat)
            self.slowest = max(self.slowest, monotonic() - started)
            self.calls += 1

    async def _record(self, chat: int) -> None:
        self._numbers += 1
        message = self._place(chat) | {"telegram_message_id": self._numbers, "content": f"new {self._numbers}"}
        try:
            await said(self._database, **message)
        except NotRecorded:
            assert chat in self._erased
        else:
            self.expected[chat, self._numbers] = (f"new {self._numbers}", False)

    async def _edit(self, chat: int) -> None:
        number = self._any(chat)
        if number is not None:
            self._numbers += 1
            message = self._place(chat) | {"telegram_message_id": number, "content": f"edit {self._numbers}"}
            found = await self._database.messages.edit(**edited(self._numbers, **message))
            if found is not None:
                self.expected[chat, number] = (f"edit {self._numbers}", self.expected[chat, number][1])

    async def _delete(self, chat: int) -> None:
        number = self._any(chat)
        if number is not None:
            place: dict[str, Any] = {"bot_id": 1, "telegram_chat_id": chat, "business_connection_id": ""}
            await self._database.messages.delete_many(**place, telegram_message_ids=[number])
            self.expected[chat, number] = (self.expected[chat, number][0], True)

    async def _clear(self, chat: int) -> None:
        if self._random.random() < 0.1:  # else nothing is left
            stored = await self._database.chats.find(bot_id=1, telegram_chat_id=chat)
            person = await self._database.users.find(telegram_user_id=chat)
            if stored and person:
                await self._database.messages.clear(chat_id=stored.id, user_id=person.id)
                self._hide(chat)

    async def _purge(self, chat: int) -> None:
        if chat > GROUPS:
            return
        batch = None
        while batch is None or batch.last_id is not None:
            batch = await self._database.messages.purge(
                before=FUTURE, scope="hidden", chat_type="group", dry_run=False, keep_newest=False, after=batch
            )
        # what was locked is passed over
        left = rows(self._connection, self.chats)
        self.expected = {key: row for key, row in self.expected.items() if key in left}

    async def _erase(self, chat: int) -> None:
        await self._database.users.erase(telegram_user_id=chat)
        self._erased.add(chat)
        self.expected = {key: row for key, row in self.expected.items() if key[0] != chat}

    async def _undo(self, chat: int) -> None:
        with suppress(ConnectionAbortedError):
            async with self._database.transaction() as transaction:
                with suppress(NotRecorded):
                    await said(transaction, **self._place(chat), telegram_message_id=1, content="never")
                stored = await transaction.chats.find(bot_id=1, telegram_chat_id=chat)
                if stored:
                    await transaction.chats.delete(chat_id=stored.id)
                raise ConnectionAbortedError

    def _any(self, chat: int) -> int | None:
        numbers = [number for place, number in self.expected if place == chat]
        return self._random.choice(numbers) if numbers else None

    def _hide(self, chat: int) -> None:
        for key, (content, _) in self.expected.items():
            if key[0] == chat:
                self.expected[key] = (content, True)

    def _place(self, chat: int) -> dict[str, Any]:
        kind = "group" if chat <= GROUPS else "private"
        return {"telegram_user_id": chat, "telegram_chat_id": chat, "chat_type": kind}
