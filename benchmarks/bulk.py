"""What idempotent bulk storing costs beside a plain COPY into the same table, with its indexes and constraints.

The same of a file, which is read and understood meanwhile.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Final

import psycopg

from benchmarks.archive import write_export
from benchmarks.server import server
from botcli.transfer import files
from botcli.transfer.notes import Notes
from botcli.transfer.storing import Counts, Storing
from botcore import Database, Incoming

WORDS: Final = ("import", "the", "archive", "of", "a", "chat", "where", "people", "talk", "сообщение", "сегодня", "да")
PEOPLE: Final = 20
BOT: Final = -1
PLAIN: Final = b"""
    COPY messages (
        chat_id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id, media_group_id,
        sender_chat_id, forward_date, sent_at, edited_at
    ) FROM STDIN (FORMAT binary)
"""
TYPES: Final = ("int8", "int8", "int8", "text", "text", "text", "int8", "int8", "text", "int8") + ("timestamptz",) * 3
MANY: Final = b"""
    INSERT INTO messages (chat_id, user_id, role, content, telegram_message_id, sent_at) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (chat_id, telegram_message_id) WHERE telegram_message_id IS NOT NULL DO NOTHING
"""
ADD_SHARE: Final = 100
"""Of so many messages `add` stores one: each is a transaction, and the benchmark is to end."""

EXPORT: Final = Path(tempfile.gettempdir()) / f"botcore-benchmarks-{os.getpid()}.json"

_chats = count(1)

Store = Callable[[str, Database, list[Incoming]], Awaitable[int]]


def bulk(*, rows: int = 200_000, rounds: int = 5) -> None:
    """Measures plain COPY, copy_in and `botcli import` of new and of known messages, executemany, and calls of add."""
    with server() as url:
        try:
            sys.stdout.write(asyncio.run(measure(url, rows=rows, rounds=rounds)))
        finally:
            EXPORT.unlink(missing_ok=True)


async def measure(url: str, *, rows: int, rounds: int) -> str:
    """A table: rows a second of each way, and the ratio to plain COPY with its quartiles over the rounds."""
    lines = [f"{rows} messages, medians of {rounds} rounds; in brackets the quartiles of the ratio to plain COPY"]
    async with Database.connect(url) as database:
        speeds = [await _round(url, database, rows) for _ in range(rounds)]
        for place, way in enumerate(WAYS):
            low, middle, high = quantiles([each[place] / each[0] for each in speeds], n=4)
            speed = median(each[place] for each in speeds)
            lines.append(f"{way.__name__:<15} {speed:>8,.0f} rows/s  {middle:.2f} ({low:.2f}..{high:.2f})")
    return "\n".join([*lines, ""])


async def plain_copy(url: str, _: Database, messages: list[Incoming]) -> int:
    """COPY into messages itself, in one transaction: it stops at the first message that is there already."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        async with connection.cursor().copy(PLAIN) as copy:
            copy.set_types(TYPES)
            for m in messages:
                await copy.write_row((
                    m.chat_id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.telegram_message_id, None,
                    m.media_group_id, m.sender_chat_id, m.forward_date, m.sent_at, m.edited_at,
                ))  # fmt: skip
    return len(messages)


async def copy_in(_: str, database: Database, messages: list[Incoming]) -> int:
    """The library's, on messages that are new."""
    return sum([batch.stored async for batch in database.messages.copy_in(messages)])


async def copy_in_again(_: str, database: Database, messages: list[Incoming]) -> int:
    """The library's, on messages that are all there: those that copy_in stored just before."""
    return sum([batch.known async for batch in database.messages.copy_in(messages)])


async def import_file(_: str, database: Database, __: list[Incoming]) -> int:
    """What `botcli import` does with Telegram Desktop's export of as many messages, reading and all."""
    return (await _imported(database)).stored


async def import_file_again(_: str, database: Database, __: list[Incoming]) -> int:
    """The same of messages that are all there: those of the file just before."""
    return (await _imported(database)).known


async def executemany(url: str, _: Database, messages: list[Incoming]) -> int:
    """INSERT ... ON CONFLICT DO NOTHING through psycopg's executemany, in one transaction."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        values = [(m.chat_id, m.user_id, m.role, m.content, m.telegram_message_id, m.sent_at) for m in messages]
        await connection.cursor().executemany(MANY, values)
    return len(messages)


async def add(_: str, database: Database, messages: list[Incoming]) -> int:
    """`db.messages.add` one after the other."""
    for m in messages:
        await database.messages.add(
            chat_id=m.chat_id,
            user_id=m.user_id,
            role=m.role,
            content=m.content,
            telegram_message_id=m.telegram_message_id,
            sent_at=m.sent_at,
        )
    return len(messages)


WAYS: Final[tuple[Store, ...]] = (
    plain_copy, copy_in, copy_in_again, import_file, import_file_again, executemany, add,
)  # fmt: skip
AGAIN: Final = (copy_in_again, import_file_again)


async def _round(url: str, database: Database, rows: int) -> list[float]:
    """Messages a second of each way; each stores into a new chat, but for the one that stores once more."""
    speeds = []
    messages: list[Incoming] = []
    for way in WAYS:
        if way not in AGAIN:
            messages = await _messages(database, max(1, rows // ADD_SHARE) if way is add else rows)
        if way is import_file:
            write_export(EXPORT, rows, group=next(_chats))
        began = perf_counter()
        stored = await way(url, database, messages)
        speeds.append(stored / (perf_counter() - began))
        if stored != len(messages):
            raise RuntimeError(f"{way.__name__}: {stored} of {len(messages)} messages")
    return speeds


async def _imported(database: Database) -> Counts:
    with files.opened(EXPORT) as source, closing(Notes()) as notes:
        storing = Storing(database, notes, append=False)
        async for batch in files.ahead(files.batches(source), asyncio.Event()):
            await storing.store(batch.said)
    return storing.counts


async def _messages(database: Database, rows: int) -> list[Incoming]:
    """A group's messages as an export has them: every fourth is a reply, a few are forwarded."""
    chat = await database.chats.get_or_create(bot_id=BOT, telegram_chat_id=-next(_chats), type="group", title="Archive")
    people = [
        (await database.users.get_or_create(telegram_user_id=number, first_name=f"Person {number}")).id
        for number in range(1, PEOPLE + 1)
    ]
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Incoming(
            chat_id=chat.id,
            user_id=people[number * 7 % PEOPLE],
            role="user",
            content=" ".join(WORDS[(number * step) % len(WORDS)] for step in range(2, 4 + number % 20)),
            telegram_message_id=number,
            reply_to_message_id=number * 9 // 10 if number % 4 == 0 else None,
            forward_date=began if number % 40 == 0 else None,
            sent_at=began + timedelta(seconds=number),
        )
        for number in range(1, rows + 1)
    ]
