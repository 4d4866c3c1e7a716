"""purge beside all else that happens: nobody waits for long, nothing deadlocks, no wrong row goes."""

import asyncio
from datetime import UTC, datetime
from random import Random

import psycopg
import pytest

from botcore import Database, Scope
from tests.conftest import until_waiting
from tests.factories import SENT_AT, dialogue, edited, person, said
from tests.purges import FILL, FUTURE, LATER, contents, count, fill, purge_all

SESSIONS = 8
FILL_HIDDEN = (
    "INSERT INTO messages (chat_id, user_id, role, content, sent_at, deleted_at)"
    " SELECT %(chat_id)s, %(user_id)s, 'user', 'x', now(), now() FROM generate_series(1, 2000) RETURNING id"
)


async def test_purge_passes_over_what_is_locked(database: Database, connection: psycopg.Connection) -> None:
    """A message that somebody holds is not waited for, and goes with the next run."""
    messages = [(await said(database, telegram_message_id=n)).message for n in range(1, 5)]

    with connection.transaction():
        connection.execute("SELECT FROM messages WHERE id = %s FOR KEY SHARE", (messages[1].id,))
        first = await asyncio.wait_for(database.messages.purge(before=LATER), 5)
    second = await database.messages.purge(before=LATER)

    assert [(each.examined, each.purged) for each in (first, second)] == [(4, 2), (2, 1)]


async def test_purge_beside_an_edit_that_is_not_committed(database: Database, connection: psycopg.Connection) -> None:
    """The edit is stored with its version, and both go with the next run."""
    for number in (1, 2):
        await said(database, telegram_message_id=number, content="a")

    async with database.transaction() as transaction:
        await transaction.messages.edit(**edited(1, telegram_message_id=1, content="b"))
        beside = await asyncio.wait_for(database.messages.purge(before=LATER), 5)
    stored = [*contents(connection), count(connection, "message_versions")]
    await database.messages.purge(before=LATER)

    assert (beside.purged, stored) == (0, ["b", "a", 2])
    assert (contents(connection), count(connection, "message_versions")) == (["a"], 0)


@pytest.mark.role("migrator")
async def test_record_again_beside_a_purge(database: Database, connection: psycopg.Connection) -> None:
    """A redelivery after an edit waits for the purge of its message, finds nothing to keep, and is no error."""
    await database.messages.edit(**edited(1, content="b"))

    async with database.transaction() as transaction:
        await transaction.messages.purge(before=LATER, keep_newest=False)
        recording = asyncio.create_task(said(database, content="a"))
        await until_waiting(connection)

    assert not (await recording).is_new
    assert (count(connection, "messages"), count(connection, "message_versions")) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["all", "hidden"])
async def test_purge_against_the_restoration_of_a_message(
    database_url: str, connection: psycopg.Connection, scope: Scope
) -> None:
    """100 races at any moment of a batch of 2,000: what was restored is there, and nothing else."""
    moments = Random(7)  # noqa: S311 - a moment, no secret
    async with Database.connect(database_url, max_size=2) as database:
        key = dialogue((await said(database)).message)
        ends = []
        for _ in range(100):
            connection.execute("DELETE FROM messages")
            newest = max(id_ for (id_,) in connection.execute(FILL_HIDDEN, key).fetchall())

            purging = asyncio.create_task(database.messages.purge(before=FUTURE, scope=scope))
            await asyncio.sleep(moments.random() * 0.04)
            restored = await database.messages.restore(chat_id=key["chat_id"], message_id=newest)
            await purging

            assert [m.id for m in await database.messages.recent(**key)] == [newest] * restored
            assert count(connection, "messages") == restored
            ends.append(restored)

        assert set(ends) == {True, False}


async def test_purge_by_two_at_once(database_url: str, connection: psycopg.Connection) -> None:
    """They share the work, and what is to stay stays."""
    async with Database.connect(database_url, max_size=2) as database:
        await fill(database, connection, 12_000)

        walks = await asyncio.gather(*(purge_all(database.messages.purge, before=LATER) for _ in range(2)))
        rest = await database.messages.purge(before=LATER)

        assert sum(purged for _, purged in walks) + rest.purged == 11_999
        assert count(connection, "messages") == 1


async def test_purge_beside_everything_else(database_url: str, connection: psycopg.Connection) -> None:
    """40 rounds of all that locks messages, chats and people: no error, and nothing new or newest is missing."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        first = (await said(database)).message
        key = dialogue(first)
        for n in range(40):
            old = [(await said(database, telegram_message_id=1_000 * n + spare)).message for spare in range(1, 21)]
            ids = {"chat_id": first.chat_id, "message_id": old[3].id}

            recording = asyncio.create_task(said(database, telegram_message_id=1_000 * n + 200, sent_at=LATER))
            await asyncio.gather(
                purge_all(database.messages.purge, before=LATER, batch_size=7),
                purge_all(database.messages.purge, before=LATER, scope="hidden"),
                database.messages.edit(**edited(1, telegram_message_id=1_000 * n + 2, content="edited")),
                said(database, telegram_message_id=1_000 * n + 2),
                database.messages.delete(**ids),
                database.messages.restore(**ids),
                database.messages.clear(**key),
                database.users.delete(user_id=person(first)),
                database.chats.delete(chat_id=first.chat_id),
                database.users.restore(user_id=person(first)),
                database.chats.restore(chat_id=first.chat_id),
                purge_all(database.users.purge, before=SENT_AT),
                purge_all(database.chats.purge, before=SENT_AT),
            )

            assert (await recording).is_new
        stored = connection.execute("SELECT count(*) FROM messages WHERE sent_at = %s", (LATER,)).fetchone()
        assert stored == (40,)


async def test_record_against_the_purge_of_its_person_and_chat(database_url: str) -> None:
    """200 races: the message is stored once, live, and so are its person and its chat, revived or new."""
    async with Database.connect(database_url, min_size=4, max_size=4) as database:
        users = set()
        for number in range(1, 201):
            recorded, *_ = await asyncio.gather(
                said(database, telegram_message_id=number),
                database.users.purge(before=FUTURE),
                database.chats.purge(before=FUTURE),
            )
            message = recorded.message
            users.add(message.user_id)

            assert recorded.is_new
            assert await database.messages.recent(**dialogue(message)) == [message]
            assert await database.users.get(user_id=person(message))
            assert await database.chats.get(chat_id=message.chat_id)
            await database.users.delete(user_id=person(message))
            await database.chats.delete(chat_id=message.chat_id)
            await database.messages.purge(before=FUTURE)

        assert len(users) > 1


async def test_purge_beside_a_message_that_revives(database: Database) -> None:
    """A message that is not committed yet keeps its person and chat; the purge does not wait for it."""
    message = (await said(database)).message
    await hide(database, message.chat_id, person(message))

    async with database.transaction() as transaction:
        again = await said(transaction, telegram_message_id=200)
        async with asyncio.timeout(5):
            purged = [await table.purge(before=FUTURE) for table in (database.users, database.chats)]

    assert [each.purged for each in purged] == [0, 0]
    assert await database.messages.recent(**dialogue(message)) == [again.message]


@pytest.mark.role("migrator")
async def test_record_beside_a_purge_of_its_person_and_chat(database: Database, connection: psycopg.Connection) -> None:
    """A message that waits for the purge is stored with a new person in a new chat."""
    message = (await said(database)).message
    await hide(database, message.chat_id, person(message))

    async with database.transaction() as transaction:
        purged = [await table.purge(before=FUTURE) for table in (transaction.users, transaction.chats)]
        recording = asyncio.create_task(said(database, telegram_message_id=200))
        await until_waiting(connection)
    again = (await recording).message

    assert [each.purged for each in purged] == [1, 1]
    assert again.chat_id != message.chat_id
    assert again.user_id != message.user_id
    assert await database.messages.recent(**dialogue(again)) == [again]


async def hide(database: Database, chat_id: int, user_id: int) -> None:
    """Deletes the person and the chat, and purges what they wrote."""
    await database.users.delete(user_id=user_id)
    await database.chats.delete(chat_id=chat_id)
    await database.messages.purge(before=FUTURE)


@pytest.mark.parametrize("telegram_chat_id", [-5, -1005])
async def test_purge_of_a_supergroup_whose_rows_are_locked(
    database: Database, connection: psycopg.Connection, telegram_chat_id: int
) -> None:
    """Where the supergroup or the group that it was is in use, both stay for the next run."""
    chat = await database.chats.migrate(bot_id=1, telegram_chat_id=-5, migrate_to_chat_id=-1005)
    await database.chats.migrate(bot_id=1, telegram_chat_id=-6, migrate_to_chat_id=-1006)

    with connection.transaction():
        locking = "SELECT FROM chats WHERE telegram_chat_id = %s FOR KEY SHARE"
        connection.execute(locking, (telegram_chat_id,))
        first = await asyncio.wait_for(database.chats.purge(before=FUTURE), 5)
    second = await database.chats.purge(before=FUTURE)

    assert chat.deleted_at
    assert (first.purged, second.purged) == (2, 2)


async def test_purge_against_the_migration_of_its_group(database_url: str, connection: psycopg.Connection) -> None:
    """100 races over a hidden group and its supergroup: at any time both are there or both are gone."""
    async with Database.connect(database_url, min_size=4, max_size=4) as database:
        for number in range(1, 101):
            key = {"bot_id": 1, "telegram_chat_id": -number, "migrate_to_chat_id": -1_000 - number}
            await database.chats.migrate(**key)

            await asyncio.gather(
                database.chats.migrate(**key),
                database.chats.purge(before=FUTURE),
                database.chats.migrate(**key),
                database.chats.purge(before=FUTURE),
            )

            left = await purge_all(database.chats.purge, before=FUTURE)
            assert left in {(0, 0), (2, 2)}
            assert count(connection, "chats") == 0


async def test_purge_against_the_erasure_of_a_person(database_url: str, connection: psycopg.Connection) -> None:
    """30 races over 200 messages, live and hidden: no error, and nothing is left of the person."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        for number in range(30):
            message = (await said(database, telegram_message_id=number, sent_at=datetime.now(UTC))).message
            connection.execute(FILL, {**dialogue(message), "n": 200, "sent_at": SENT_AT})
            await (database.messages.clear(**dialogue(message)) if number % 2 else database.ping())

            await asyncio.gather(
                database.users.erase(telegram_user_id=7),
                purge_all(database.messages.purge, before=LATER, batch_size=50),
                purge_all(database.messages.purge, before=FUTURE, scope="hidden", keep_newest=False),
                purge_all(database.chats.purge, before=FUTURE),
                purge_all(database.users.purge, before=FUTURE),
            )

            assert [count(connection, table) for table in ("messages", "chats", "users")] == [0, 0, 0]
