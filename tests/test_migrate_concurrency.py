"""The migration of a group while others write in it, and of many messages."""

import asyncio
from collections import Counter
from typing import Any

import psycopg

from botcore import Database, Recorded
from tests.conftest import until_waiting
from tests.factories import dialogue, edited, person, said
from tests.test_migrate import GROUP, NEW, OLD, SUPERGROUP, migrate, texts


async def test_migrate_while_messages_arrive_on_both(database_url: str) -> None:
    """Eight sessions record, redeliver and edit under both ids, two tell the migration: each message is there once."""
    async with Database.connect(database_url, min_size=10, max_size=10) as database:

        async def talk(number: int) -> list[Recorded]:
            place = (GROUP, SUPERGROUP)[number % 2]
            stored = []
            for n in range(1, 41):
                key: dict[str, Any] = place | {
                    "telegram_user_id": 10 + number // 2,
                    "telegram_message_id": 1_000 * (number // 2) + n,
                    "content": f"{number} {n}",
                }
                stored += [await said(database, **key), await said(database, **key)]
                await database.messages.edit(**edited(n, **key))
            return stored

        async def tell() -> None:
            await asyncio.sleep(0.02)
            await migrate(database)

        *stored, _, _ = await asyncio.gather(*(talk(number) for number in range(8)), tell(), tell())

        assert Counter(each.is_new for some in stored for each in some or []) == {True: 320, False: 320}
        chat = await migrate(database)
        live = await database.messages.recent_in_chat(chat_id=chat.id, page_size=1_000)
        assert sorted(m.content for m in live) == sorted(f"{a} {n}" for a in range(8) for n in range(1, 41))
        assert len({m.telegram_message_id for m in live}) == 320
        assert len(await database.chats.page()) == 1
        for each in live:
            is_old = int(each.content.split()[0]) % 2 == 0
            assert (each.telegram_message_id or 0) < 0 if is_old else (each.telegram_message_id or 0) > 0


async def test_migrate_of_many_messages(database: Database, database_url: str) -> None:
    """12,000 messages on either side, several batches, become one chat; restore still brings back what fell."""
    old, new = [(await said(database, **each, telegram_message_id=1)).message for each in (GROUP, SUPERGROUP)]
    with psycopg.connect(database_url, autocommit=True) as connection:
        for message in (old, new):
            connection.execute(
                "INSERT INTO messages (chat_id, user_id, role, content, sent_at, telegram_message_id)"
                " SELECT %s, %s, 'user', 'x', now(), n FROM generate_series(2, 12000) AS n",
                (message.chat_id, message.user_id),
            )
    await database.users.delete(user_id=person(old))

    chat = await migrate(database)
    await database.users.restore(user_id=person(old))

    assert (await database.stats.totals(bot_id=1)).user_messages == 24_000
    with psycopg.connect(database_url) as connection:
        counted = connection.execute(
            "SELECT count(*) FILTER (WHERE telegram_message_id < 0), count(*) FILTER (WHERE telegram_message_id > 0)"
            " FROM messages WHERE chat_id = %s",
            (chat.id,),
        ).fetchone()
    assert counted == (12_000, 12_000)


async def test_edit_that_waits_for_a_migration(database: Database, database_url: str) -> None:
    """An edit that meets a migration under way waits, and finds its message where it went."""
    old = (await said(database, **GROUP, content="a")).message
    async with database.transaction() as transaction:
        chat = await transaction.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=NEW)
        edit = asyncio.create_task(database.messages.edit(**edited(1, **GROUP, content="b")))
        record = asyncio.create_task(said(database, **GROUP, telegram_message_id=101, content="c"))
        with psycopg.connect(database_url, autocommit=True) as connection:
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            while connection.execute(waiting).fetchone() != (2,):  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.01)

    result, stored = await edit, await record

    assert result
    assert (result.message.id, result.message.content, result.is_new) == (old.id, "b", False)
    assert (stored.message.chat_id, stored.message.telegram_message_id) == (chat.id, -101)
    assert await texts(database) == ["b", "c"]


async def test_migrate_against_the_deletion_of_a_person(database: Database, database_url: str) -> None:
    """A person who is deleted while their messages move is deleted with all of them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        old, new = [(await said(database, **each)).message for each in (GROUP, SUPERGROUP)]
        async with database.transaction() as transaction:
            await transaction.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=NEW)
            deletion = asyncio.create_task(database.users.delete(user_id=person(old)))
            await until_waiting(connection)

    assert await deletion
    assert new.user_id == old.user_id
    assert await texts(database) == []
    assert await database.users.restore(user_id=person(old))
    assert await texts(database) == ["Hello", "Hello"]


async def test_migrate_against_deletions_does_not_deadlock(database: Database, database_url: str) -> None:
    """20,000 messages whose Telegram ids run against ours: a person's deletion and the migration take turns."""
    first = (await said(database, **GROUP, telegram_message_id=90_000)).message
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO messages (chat_id, user_id, role, content, sent_at, telegram_message_id)"
            " SELECT %s, %s, 'user', 'x', now(), 80000 - n FROM generate_series(1, 20000) AS n",
            (first.chat_id, first.user_id),
        )

    chat, deleted = await asyncio.gather(migrate(database), database.users.delete(user_id=person(first)))

    assert deleted
    assert chat.id == first.chat_id
    assert await texts(database) == []


async def test_redelivery_that_waits_for_a_migration_revives_nothing(database: Database, database_url: str) -> None:
    """A message of a deleted chat, delivered again while the chat is joined with another one, leaves it deleted."""
    await said(database, **GROUP)
    known = (await said(database, **SUPERGROUP)).message
    for chat in await database.chats.page():
        await database.chats.delete(chat_id=chat.id)
    with psycopg.connect(database_url, autocommit=True) as connection:
        async with database.transaction() as transaction:
            await transaction.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=NEW)
            redelivery = asyncio.create_task(said(database, **SUPERGROUP))
            await until_waiting(connection)

    again = await redelivery

    assert (again.is_new, again.message.id) == (False, known.id)
    assert await database.chats.page() == []


async def test_answer_to_the_group_stored_after_its_migration(database: Database) -> None:
    """An answer's id in the group does not take the place of the supergroup's message with the same number."""
    asked = (await said(database, **GROUP)).message
    await migrate(database)

    answer: dict[str, Any] = {"role": "assistant", "content": "Hi", "telegram_message_id": 101, "telegram_chat_id": OLD}
    added = [await database.messages.add(**dialogue(asked), **answer) for _ in range(2)]
    other = await said(database, **SUPERGROUP, telegram_message_id=101)

    assert [each.telegram_message_id for each in added] == [-101, -101]
    assert added[0] == added[1]
    assert other.is_new
