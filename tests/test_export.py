"""Everything live that is kept about a person, read in pages."""

import tracemalloc
from typing import Any

import psycopg
import pytest

from botcore import Chat, Database, InvalidInput, Message, Preferences, State, Update, Usage, User, Version
from tests.factories import dialogue, edited, person, said
from tests.test_concurrency import FILL
from tests.test_erase import BUSINESS, GROUP, ID, OWNER, ZOE, live


async def exported(
    database: Database, telegram_user_id: int = ID
) -> list[User | Chat | Message | Version | State | Preferences | Usage | Update]:
    """All rows of an export."""
    return [row async for row in database.users.export(telegram_user_id=telegram_user_id)]


async def test_export_of_a_person_has_all_that_is_live(database: Database) -> None:
    """They come first, then each chat with their messages in it, each edited one with what it said before."""
    await live(database)

    rows = await exported(database)

    shape = [row.content if isinstance(row, Message | Version) else type(row).__name__ for row in rows]
    assert shape == [
        *("User", "Chat", "canary one", "canary answer"),
        *("Chat", "canary two"),
        *("Chat", "canary four", "canary three", "canary four"),
        *("Chat", "canary five"),
    ]
    assert [row.business_connection_id for row in rows if isinstance(row, Chat)] == ["", "", "", "connection"]


async def test_export_of_hidden_rows_has_none(database: Database) -> None:
    """A hidden message, chat or person is in no export, nor is a group where all that they said is hidden."""
    await live(database)
    for chat in await database.chats.page():
        if chat.type == "supergroup":
            group = chat
    for message in await database.messages.recent_in_chat(chat_id=group.id):
        await database.messages.delete(chat_id=group.id, message_id=message.id)
    await database.chats.delete(chat_id=(await database.chats.page())[0].id)

    rows = await exported(database)

    assert [row.content for row in rows if isinstance(row, Message)] == ["canary two", "canary five"]
    assert group not in rows
    assert len([row for row in rows if isinstance(row, Chat)]) == 2


async def test_export_of_a_deleted_person_has_their_live_chats_alone(database: Database) -> None:
    """With the person their messages are hidden; a private chat is not."""
    message = (await said(database, **ZOE)).message
    await database.users.delete(user_id=person(message))

    rows = await exported(database)

    assert [type(row) for row in rows] == [Chat]


async def test_export_of_somebody_unknown_is_empty(database: Database) -> None:
    """There is nothing to give, and nothing of others is given."""
    await said(database, **OWNER)

    assert await exported(database) == []


async def test_export_has_nothing_of_others(database: Database) -> None:
    """What others said, in the same group or in the person's own business chat, is not in it."""
    await said(database, **ZOE, **BUSINESS)
    await said(database, **OWNER, **BUSINESS, telegram_message_id=101, content="Owner's")
    await said(database, **ZOE, **GROUP)
    await said(database, **OWNER, **GROUP, telegram_message_id=102, content="Owner's")

    rows = await exported(database)

    assert [row.content for row in rows if isinstance(row, Message)] == ["Hello", "Hello"]


async def test_export_of_several_topics_keeps_them_apart(database: Database) -> None:
    """Topic by topic, each oldest first."""
    for number, topic in enumerate((0, 5, 0, 5), start=1):
        await said(
            database, **ZOE, **GROUP, telegram_message_id=number, message_thread_id=topic, content=f"{topic} {number}"
        )

    rows = await exported(database)

    assert [row.content for row in rows if isinstance(row, Message)] == ["0 1", "0 3", "5 2", "5 4"]


async def test_export_of_1100_chats_has_each_once(database: Database, database_url: str) -> None:
    """Chats come over several pages, with messages or without."""
    await said(database, **ZOE, bot_id=600)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO chats (bot_id, telegram_chat_id, type)"
            " SELECT n, %s, 'private' FROM generate_series(1, 1100) AS n WHERE n <> 600",
            (ID,),
        )

    rows = await exported(database)

    assert sorted(row.bot_id for row in rows if isinstance(row, Chat)) == list(range(1, 1_101))
    assert [row.content for row in rows if isinstance(row, Message)] == ["Hello"]


async def test_export_of_20000_messages_keeps_memory_flat(database: Database, database_url: str) -> None:
    """Every message comes once, over many pages, and a page at a time is held."""
    message = (await said(database, **ZOE)).message
    await database.messages.edit(**edited(5, **ZOE, content="Changed"))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(FILL, {"n": 20_000, **dialogue(message)})
    tracemalloc.start()
    try:
        rows = database.users.export(telegram_user_id=ID)
        ids = [row.id async for row in rows if isinstance(row, Message)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(ids) == len(set(ids)) == 20_001
    assert peak < 8_000_000


@pytest.mark.parametrize("telegram_user_id", [-5, 2**63, True, "7"])
async def test_export_refuses_a_bad_id(database: Database, telegram_user_id: Any) -> None:
    """What is no person's id gives no export, be it a group's."""
    with pytest.raises(InvalidInput, match=r"^telegram_user_id: "):
        await exported(database, telegram_user_id)
