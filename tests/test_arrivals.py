"""New messages as they are committed: each once, in order, none left out, whoever commits when."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, Message, Transaction
from tests.conftest import until_waiting
from tests.factories import archived, copied, dialogue, edited, said


async def given(messages: AsyncIterator[Message], count: int) -> list[str]:
    """The contents of the next messages, which are not waited for without end."""
    async with asyncio.timeout(20):
        return [(await anext(messages)).content for _ in range(count)]


async def nothing(messages: AsyncIterator[Message], seconds: float = 0.1) -> bool:
    """Whether nothing is given for several of its questions; it has ended then."""
    try:
        async with asyncio.timeout(seconds):
            await anext(messages)
    except TimeoutError:
        return True
    return False


def follow(database: Transaction, **changes: Any) -> Any:
    """What is listened to, with questions a hundred times a second."""
    return database.messages.listen(**{"after_id": 0, "interval_seconds": 0.01} | changes)


async def test_listen_gives_what_is_new_from_now_on(database: Database) -> None:
    """Neither what was before nor an edit, but each message that is stored afterwards, as it is by then."""
    await said(database, content="before")
    messages = follow(database, after_id=None)
    first = asyncio.create_task(given(messages, 1))
    await asyncio.sleep(0.1)

    await database.messages.edit(**edited(5, content="edited"))
    await said(database, telegram_message_id=101, content="after")

    assert await first == ["after"]


async def test_listen_waits_for_a_lower_id_that_is_committed_later(database: Database) -> None:
    """Whoever draws an id and commits after the next one was committed is given before that one, and not missed."""
    stored = (await said(database, content="before")).message
    async with database.transaction() as transaction:
        await transaction.messages.add(**dialogue(stored), role="user", content="first drawn")
        await said(database, telegram_message_id=101, content="first committed")
        held = follow(database, after_id=stored.id)
        is_held = await nothing(held)

    messages = follow(database, after_id=stored.id)

    assert is_held
    assert await given(messages, 2) == ["first drawn", "first committed"]


async def test_listen_hears_all_of_many_writers_in_order(database: Database) -> None:
    """Of 8 writers whose transactions overlap, store several or are undone, none is missed or comes twice."""
    stored = (await said(database)).message

    async def write(writer: int) -> None:
        dice = random.Random(writer)  # noqa: S311 - a test is to be the same each time
        for _ in range(15):
            with suppress(LookupError):
                async with database.transaction() as transaction:
                    for _ in range(dice.randint(1, 3)):
                        await transaction.messages.add(**dialogue(stored), role="user", content="text")
                        await asyncio.sleep(dice.random() / 50)
                    if dice.random() < 0.2:
                        raise LookupError

    async def listen() -> list[int]:
        heard = []
        async with aclosing(follow(database, after_id=stored.id, interval_seconds=0.001)) as messages:
            async for message in messages:
                heard.append(message.id)
                if message.content == "last":
                    return heard
        return []

    async with asyncio.timeout(60):
        listening = asyncio.create_task(listen())
        await asyncio.gather(*map(write, range(8)))
        await database.messages.add(**dialogue(stored), role="user", content="last")
        heard = await listening

    kept = await database.messages.recent(**dialogue(stored), page_size=1_000)
    assert heard == [message.id for message in kept[-2::-1]]


@pytest.mark.role("migrator")
async def test_listen_waits_for_an_import(database: Database, connection: psycopg.Connection) -> None:
    """A batch has its ids before it takes any lock on the table; what is stored meanwhile elsewhere waits for it."""
    stored = (await said(database, content="before")).message
    batch = [archived(n, chat_id=stored.chat_id, user_id=None) for n in range(3)]

    with connection.transaction():
        connection.execute("SELECT FROM chats FOR UPDATE")
        importing = asyncio.create_task(copied(database, batch))
        await until_waiting(connection)
        await said(database, telegram_user_id=8, content="meanwhile")
        is_held = await nothing(follow(database, after_id=stored.id))
    await importing

    assert is_held
    assert (await given(follow(database, after_id=stored.id), 4))[-1] == "meanwhile"


async def test_listen_waits_for_who_has_ids_of_before_the_partitions(
    database: Database, connection: psycopg.Connection
) -> None:
    """An import that began before the switch draws from the sequence that the table had then."""
    stored = (await said(database)).message
    connection.execute("CREATE SEQUENCE messages_unpartitioned_id_seq")

    with connection.transaction():
        connection.execute("SELECT nextval('messages_unpartitioned_id_seq')")
        await said(database, telegram_message_id=101, content="after")
        is_held = await nothing(follow(database, after_id=stored.id))

    assert is_held
    assert await given(follow(database, after_id=stored.id), 1) == ["after"]


async def test_listen_waits_for_nobody_who_only_changes(database: Database) -> None:
    """A transaction that deletes and edits holds nothing back; what it deletes is left out once it is committed."""
    stored = (await said(database, content="before")).message
    await said(database, telegram_message_id=101, content="hidden")
    hidden = (await database.messages.newest(page_size=1))[0]

    async with database.transaction() as transaction:
        await transaction.messages.delete(chat_id=hidden.chat_id, message_id=hidden.id)
        await transaction.messages.edit(**edited(5, content="edited"))
        await said(database, telegram_user_id=8, content="after")
        seen = await given(follow(database), 3)
    later = await given(follow(database), 2)

    assert (stored.id, seen, later) == (stored.id, ["before", "hidden", "after"], ["edited", "after"])


async def test_listen_goes_on_behind_the_last_one(database: Database) -> None:
    """By the id of what was given last the next listener goes on, over pages too; several at once hear the same."""
    stored = (await said(database)).message
    for _ in range(3):
        await asyncio.gather(
            *(database.messages.add(**dialogue(stored), role="user", content="text") for _ in range(700))
        )
    ids = [message.id for message in (await database.messages.newest(page_size=1_000))]

    async with asyncio.timeout(20):
        async with aclosing(follow(database)) as messages:
            first = [await anext(messages) for _ in range(1_500)]
        async with aclosing(follow(database, after_id=first[-1].id)) as one, aclosing(follow(database)) as other:
            rest = [await anext(one) for _ in range(601)]
            again = [await anext(other) for _ in range(2_101)]

    assert again == first + rest
    assert [message.id for message in again[-1_000:]] == ids[::-1]


async def test_listen_to_one_bot_or_chat(database: Database) -> None:
    """What others say is left out; a chat is one bot's, so that both together are refused."""
    mine = (await said(database, content="one")).message
    await said(database, bot_id=2, telegram_chat_id=8, content="two")
    await said(database, bot_id=1, telegram_user_id=9, content="three")

    bot = await given(follow(database, bot_id=1), 2)
    chat = await given(follow(database, chat_id=mine.chat_id), 1)

    assert (bot, chat) == (["one", "three"], ["one"])
    assert await nothing(follow(database, after_id=mine.id, chat_id=mine.chat_id))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"bot_id": 1, "chat_id": 1}, "bot_id"),
        ({"after_id": -1}, "after_id"),
        ({"after_id": 2**63}, "after_id"),
        ({"chat_id": "1"}, "chat_id"),
        ({"interval_seconds": 0.0}, "interval_seconds"),
        ({"interval_seconds": float("nan")}, "interval_seconds"),
    ],
)
async def test_listen_refuses(database: Database, changes: dict[str, Any], field: str) -> None:
    """What makes no sense is named when it is called, before anything is asked."""
    with pytest.raises(InvalidInput) as refused:
        follow(database, **changes)

    assert refused.value.field == field


async def test_position_and_what_comes_after_it_are_all(database: Database) -> None:
    """It waits for who is storing: history up to it and what is listened to from there have each message once."""
    stored = (await said(database)).message

    async with database.transaction() as transaction:
        await transaction.messages.add(**dialogue(stored), role="user", content="first drawn")
        await said(database, telegram_message_id=101, content="first committed")
        waiting = asyncio.create_task(database.messages.position())
        done, _ = await asyncio.wait({waiting}, timeout=0.1)
    position = await waiting
    history = await database.messages.recent_in_chat(chat_id=stored.chat_id, before_id=position + 1)
    await said(database, telegram_message_id=102, content="new")

    assert not done
    assert [message.content for message in history] == ["first committed", "first drawn", "Hello"]
    assert await given(follow(database, after_id=position), 1) == ["new"]


async def test_position_while_the_newest_message_goes(database: Database) -> None:
    """It waits for those who were storing when it was called, though what was the newest then is deleted meanwhile."""
    stored = (await said(database)).message

    async with database.transaction() as transaction:
        await transaction.messages.add(**dialogue(stored), role="user", content="first drawn")
        newest = await database.messages.add(**dialogue(stored), role="user", content="newest")
        waiting = asyncio.create_task(database.messages.position())
        await asyncio.sleep(0.1)
        await database.messages.delete(chat_id=newest.chat_id, message_id=newest.id)

    async with asyncio.timeout(5):
        assert await waiting == newest.id


async def test_newest_of_all_chats_or_of_a_bot(database: Database) -> None:
    """Live messages, newest first, a page behind a page."""
    for number in range(4):
        await said(database, bot_id=1 + number % 2, telegram_user_id=20 + number, content=f"{number}")
    hidden = (await database.messages.newest(page_size=1))[0]
    await database.messages.delete(chat_id=hidden.chat_id, message_id=hidden.id)

    page = await database.messages.newest(page_size=2)
    rest = await database.messages.newest(page_size=2, before_id=page[-1].id)
    of_bot = await database.messages.newest(bot_id=2)

    assert [message.content for message in page + rest] == ["2", "1", "0"]
    assert [message.content for message in of_bot] == ["1"]
