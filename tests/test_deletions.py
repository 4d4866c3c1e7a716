"""delete_many: what Telegram says was deleted, by its ids."""

import asyncio
from contextlib import nullcontext
from typing import Any

import psycopg
import pytest

from botcore import NEWEST, Database, InvalidInput, console, pool, queries
from botcore.executor import Executor
from botcore.messages import Messages
from tests.factories import edited, said

BUSINESS = {"business_connection_id": "conn"}
CHAT: dict[str, Any] = {"bot_id": 1, "telegram_chat_id": 7, **BUSINESS}


async def live(database: Database, **changes: Any) -> list[int | None]:
    """Telegram's ids of the live messages, oldest first."""
    chat = await database.chats.find(**CHAT | changes)
    assert chat
    return [m.telegram_message_id for m in await database.messages.recent_in_chat(chat_id=chat.id)][::-1]


async def test_delete_many_of_one_chat(database: Database) -> None:
    """Exactly the named messages of the chat are hidden, and only live ones count."""
    for number in (1, 2, 3):
        await said(database, telegram_message_id=number, **BUSINESS)
        await said(database, telegram_message_id=number)
        await said(database, telegram_message_id=number, bot_id=2, **BUSINESS)

    first = await database.messages.delete_many(**CHAT, telegram_message_ids=[1, 3, 3, 99])
    again = await database.messages.delete_many(**CHAT, telegram_message_ids=[1, 2, 3])

    assert (first, again) == (2, 1)
    assert await live(database) == []
    assert await live(database, business_connection_id="") == [1, 2, 3]
    assert await live(database, bot_id=2) == [1, 2, 3]


async def test_delete_many_stays_deleted(database: Database) -> None:
    """Neither a redelivery nor an edit brings back what was deleted; restore does."""
    message = (await said(database, **BUSINESS)).message
    await database.messages.delete_many(**CHAT, telegram_message_ids=[100])

    again = await said(database, **BUSINESS)
    await database.messages.edit(**edited(9, content="Hi", **BUSINESS))

    assert not again.is_new
    assert await live(database) == []
    assert await database.messages.restore(chat_id=message.chat_id, message_id=message.id)
    assert await live(database) == [100]


async def test_delete_many_of_nothing(database: Database) -> None:
    """No ids, unknown ids and an unknown chat are no mistake."""
    await said(database, **BUSINESS)

    counts = [
        await database.messages.delete_many(**CHAT, telegram_message_ids=[]),
        await database.messages.delete_many(**CHAT, telegram_message_ids=[0, -1, 99]),
        await database.messages.delete_many(**CHAT | {"telegram_chat_id": 8}, telegram_message_ids=[100]),
    ]

    assert counts == [0, 0, 0]
    assert await live(database) == [100]


async def test_delete_many_with_ids_of_every_size(database: Database, database_url: str) -> None:
    """One connection takes small ids, large ones and none in any order: all are prepared as bigint[]."""
    large = [2**52, NEWEST]
    for number in (1, 70_000, *large):
        await said(database, telegram_message_id=number, **BUSINESS)
    async with await pool.connect(database_url) as connection:
        connection.prepare_threshold = 5  # as the pool's
        messages = Messages(Executor(lambda: nullcontext(connection)))

        counts = [
            await messages.delete_many(**CHAT, telegram_message_ids=ids)
            for ids in ([1], [], large, [1, -(2**63), NEWEST], [70_000], [*range(1_000)])
        ]

        cursor = await connection.execute("SELECT parameter_types[4]::text FROM pg_prepared_statements")
        prepared = await cursor.fetchall()

    assert counts == [1, 0, 2, 0, 1, 0]
    # twice: the list of none goes without a type, and the server gives it this one
    assert prepared == [("bigint[]",)] * 2


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ([1, 2**63], "64 bits"),
        ([1, "2"], "must be an int, not str"),
        ([1, None], "must be an int, not NoneType"),
        ([True], "must be an int, not bool"),
        ((1, 2), "must be a list, not tuple"),
        (5, "must be a list, not int"),
        ("{1,2}", "must be a list, not str"),
        (None, r"must be 0\.\.1000, not None"),
        ([1] * 1_001, "must have at most 1000 items, not 1001"),
    ],
)
async def test_delete_many_refuses_what_is_no_list_of_ids(database: Database, ids: Any, reason: str) -> None:
    """A wrong list is refused by the field's name before the server sees it."""
    with pytest.raises(InvalidInput, match=reason) as refused:
        await database.messages.delete_many(**CHAT, telegram_message_ids=ids)

    assert refused.value.field == "telegram_message_ids"


async def test_delete_many_from_two_sides(database: Database) -> None:
    """Deletions that overlap, named in opposite orders, do not deadlock, and each message is hidden once."""
    for number in range(1, 201):
        await said(database, telegram_message_id=number, **BUSINESS)
    ids = [*range(1, 201)]

    counts = await asyncio.gather(
        *(database.messages.delete_many(**CHAT, telegram_message_ids=ids[:: (-1) ** turn]) for turn in range(8))
    )

    assert sum(counts) == 200
    assert await live(database) == []


@pytest.mark.parametrize(("text", "deleted"), [("{100,101}", 2), ("{ 100 }", 1), ("{}", 0)])
async def test_delete_many_at_a_console(database: Database, database_url: str, text: str, deleted: int) -> None:
    """A list is written as PostgreSQL writes it, to run as well as to paste."""
    for number in (100, 101):
        await said(database, telegram_message_id=number, **BUSINESS)
    query = console.find("messages/delete_many")
    texts = {name: str(value) for name, value in CHAT.items()} | {"telegram_message_ids": text}

    with psycopg.connect(database_url) as connection:
        pasted = connection.execute(console.paste(query, texts)).fetchone()
        connection.rollback()
    table = await console.run(database_url, query, texts, write=True)

    assert (pasted, table.rows) == ((deleted,), [(deleted,)])


@pytest.mark.parametrize("text", ["1,2", "{1,}", "{one}", "{1;2}", "{9223372036854775808}", "{1"])
async def test_delete_many_at_a_console_refuses(text: str) -> None:
    """Another form is refused by the field's name."""
    texts = {name: str(value) for name, value in CHAT.items()} | {"telegram_message_ids": text}

    with pytest.raises(InvalidInput) as refused:
        console.paste(console.find("messages/delete_many"), texts)

    assert refused.value.field == "telegram_message_ids"


def test_paste_of_a_list() -> None:
    """The log's form of a query has a list as psql takes it."""
    query = queries.load("messages/delete_many")

    pasted = queries.paste(query, CHAT | {"telegram_message_ids": [1, 2]})

    assert "telegram_message_id = ANY('{1,2}')" in pasted
