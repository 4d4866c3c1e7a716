"""purge of messages: what is old goes for good, batch by batch, and nothing else."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from botcore import Database, Purged
from tests.conftest import until_waiting
from tests.factories import dialogue, edited, said
from tests.purges import LATER, contents, count, fill, purge_all


async def test_purge_removes_what_was_sent_before(database: Database, connection: psycopg.Connection) -> None:
    """What is older goes, live or hidden; what is as old as the limit or newer stays."""
    await said(database, telegram_message_id=1, content="old")
    hidden = (await said(database, telegram_message_id=2, content="old and hidden")).message
    await said(database, telegram_message_id=3, content="at the limit", sent_at=LATER)
    newer = (await said(database, telegram_message_id=4, content="newer", sent_at=LATER + timedelta(days=1))).message
    for message in (hidden, newer):
        await database.messages.delete(chat_id=message.chat_id, message_id=message.id)

    purged = await database.messages.purge(before=LATER)

    assert purged == Purged(examined=4, purged=2, last_chat_id=None, last_id=None)
    assert contents(connection) == ["at the limit", "newer"]
    assert await database.messages.restore(chat_id=newer.chat_id, message_id=newer.id)


async def test_purge_of_what_is_hidden_goes_by_when_it_was_hidden(
    database: Database, connection: psycopg.Connection
) -> None:
    """With the scope `hidden` a live message stays, however old, and a hidden one until it was hidden long enough."""
    messages = [(await said(database, telegram_message_id=n, content=str(n))).message for n in range(4)]
    for message in messages[:2]:
        await database.messages.delete(chat_id=message.chat_id, message_id=message.id)
    connection.execute("UPDATE messages SET deleted_at = %s WHERE content = '0'", (LATER,))

    early = await database.messages.purge(before=LATER, scope="hidden")
    late = await database.messages.purge(before=LATER + timedelta(seconds=1), scope="hidden")

    assert (early.purged, late.purged) == (0, 1)
    assert contents(connection) == ["1", "2", "3"]


async def test_purge_of_one_kind_of_chat(database: Database, connection: psycopg.Connection) -> None:
    """A policy for groups touches no other chat."""
    for number, kind in enumerate(("private", "group", "supergroup", "channel")):
        await said(database, telegram_chat_id=number + 1, chat_type=kind, content=kind)

    purged = await database.messages.purge(before=LATER, chat_type="group", keep_newest=False)

    assert purged.purged == 1
    assert contents(connection) == ["private", "supergroup", "channel"]


async def test_purge_keeps_the_newest_of_each_dialogue(database: Database, connection: psycopg.Connection) -> None:
    """Chat, person and topic make a dialogue, without a person chat and topic; a hidden message is nobody's newest."""
    group = {"telegram_chat_id": -5}
    dialogues: list[dict[str, Any]] = [
        {"telegram_user_id": 7},
        {"telegram_user_id": 7, **group},
        {"telegram_user_id": 8, **group},
        {"telegram_user_id": 8, **group, "message_thread_id": 3},
        {"telegram_user_id": None, **group},
        {"telegram_user_id": None, **group, "message_thread_id": 3},
    ]
    for n, key in enumerate(dialogues):
        for content in ("old", "newest", "hidden"):
            message = (await said(database, telegram_message_id=None, content=f"{content} {n}", **key)).message
        await database.messages.delete(chat_id=message.chat_id, message_id=message.id)

    purged = await database.messages.purge(before=LATER)

    assert purged.purged == 12
    assert contents(connection) == [f"newest {n}" for n in range(6)]


@pytest.mark.parametrize("telegram_user_id", [7, None])
async def test_purge_keeps_the_newest_system_message(
    database: Database, connection: psycopg.Connection, telegram_user_id: int | None
) -> None:
    """The instructions that a window puts in front stay beside the newest message; older and hidden ones go."""
    told = {"telegram_message_id": None, "telegram_user_id": telegram_user_id, "telegram_chat_id": 7}
    await said(database, **told, role="system", content="older instructions")
    await said(database, **told, role="system", content="instructions")
    gone = (await said(database, **told, role="system", content="withdrawn")).message
    await database.messages.delete(chat_id=gone.chat_id, message_id=gone.id)
    await said(database, **told, content="old")
    newest = (await said(database, **told, content="newest")).message

    purged = await database.messages.purge(before=LATER)

    assert purged.purged == 3
    assert contents(connection) == ["instructions", "newest"]
    if telegram_user_id:
        assert [m.content for m in await database.messages.window(**dialogue(newest))] == ["instructions", "newest"]


async def test_purge_of_the_newest_too_leaves_nothing(database: Database, connection: psycopg.Connection) -> None:
    """Asked to, it takes a dialogue's last message and its instructions."""
    await said(database, telegram_message_id=None, role="system")
    await said(database, telegram_message_id=None)

    purged = await database.messages.purge(before=LATER, keep_newest=False)

    assert (purged.purged, contents(connection)) == (2, [])


async def test_purge_takes_versions_along_and_leaves_replies(
    database: Database, connection: psycopg.Connection
) -> None:
    """No text of a purged message is left; its answer is read as before and names a message that is none."""
    question = (await said(database, telegram_message_id=1, content="question")).message
    await database.messages.edit(**edited(1, telegram_message_id=1, content="better question"))
    answer = await database.messages.add(
        **dialogue(question), role="assistant", content="answer", reply_to_id=question.id
    )

    await database.messages.purge(before=LATER)

    key = {"chat_id": question.chat_id, "message_id": question.id}
    assert (count(connection, "messages"), count(connection, "message_versions")) == (1, 0)
    assert await database.messages.get(**key) is None
    assert await database.messages.versions(**key) == []
    assert await database.messages.get(chat_id=answer.chat_id, message_id=answer.id) == answer
    assert await database.messages.window(**dialogue(answer)) == [answer]
    assert answer.reply_to_id == question.id


async def test_purge_of_a_message_that_is_delivered_again(database: Database) -> None:
    """What was purged was never stored: a redelivery or an edit of it is new."""
    await said(database, telegram_message_id=1)
    await said(database, telegram_message_id=2)
    await database.messages.purge(before=LATER, keep_newest=False)

    again = await said(database, telegram_message_id=1)
    edit = await database.messages.edit(**edited(1, telegram_message_id=2))

    assert again.is_new
    assert edit
    assert edit.is_new


async def test_purge_of_12_000_messages_in_batches(database: Database, connection: psycopg.Connection) -> None:
    """No batch looks at more than 5,000; each goes on where the one before ended, and after the last comes nothing."""
    first = await fill(database, connection, 12_000)

    batches = [await database.messages.purge(before=LATER)]
    while batches[-1].last_id is not None:
        batches.append(await database.messages.purge(before=LATER, after=batches[-1]))
    over = await database.messages.purge(before=LATER, after=batches[-1], keep_newest=False)

    assert [(batch.examined, batch.purged) for batch in batches] == [(5_000, 5_000), (5_000, 5_000), (2_000, 1_999)]
    assert [batch.last_id for batch in batches] == [first.id + 4_999, first.id + 9_999, None]
    assert (over.examined, count(connection, "messages")) == (0, 1)


async def test_purge_of_exactly_one_batch_ends(database: Database, connection: psycopg.Connection) -> None:
    """Where the last batch is full, one that is empty follows."""
    await fill(database, connection, 6)

    assert await purge_all(database.messages.purge, before=LATER, batch_size=3) == (6, 5)


async def test_purge_in_small_batches_over_many_chats(database: Database, connection: psycopg.Connection) -> None:
    """Whatever the size of a batch, each message is looked at once, and the same go."""
    sizes = (1, 2, 3, 7, 5_000)
    walks = []
    for size in sizes:
        for number in (1, 2, 2, 3, 3, 3):
            await said(database, telegram_user_id=number, telegram_message_id=None, content=f"{number} of {size}")
        walks.append(await purge_all(database.messages.purge, before=LATER, batch_size=size))

    assert walks == [(6, 3)] + [(9, 6)] * 4
    assert contents(connection) == [f"{number} of 5000" for number in (1, 2, 3)]


async def test_purge_goes_on_after_it_was_cancelled(database: Database, connection: psycopg.Connection) -> None:
    """A batch that is cut off has removed nothing; the next run, from the start or the last place, ends the work."""
    await fill(database, connection, 12_000)
    first = await database.messages.purge(before=LATER)
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE message_versions")
        second = asyncio.create_task(database.messages.purge(before=LATER, after=first))
        await until_waiting(connection)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
    left = count(connection, "messages")

    third = await database.messages.purge(before=LATER, after=first, batch_size=10)
    rest = await purge_all(database.messages.purge, before=LATER)

    assert (first.purged, left, third.purged) == (5_000, 7_000, 10)
    assert (rest, count(connection, "messages")) == ((6_990, 6_989), 1)


@pytest.mark.role("migrator")
async def test_purge_in_a_transaction_that_fails(database: Database, connection: psycopg.Connection) -> None:
    """It is undone with the rest."""
    await said(database)

    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as transaction:
            await transaction.messages.purge(before=LATER, keep_newest=False)
            raise ZeroDivisionError

    assert count(connection, "messages") == 1
