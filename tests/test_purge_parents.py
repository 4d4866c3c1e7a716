"""purge of chats and people, dry runs, and policies that are none."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, Purged, queries
from tests.factories import SENT_AT, person, said
from tests.purges import FUTURE, LATER, count, purge_all

TABLES = ("messages", "chats", "users")


async def test_purge_dry_run_counts_what_goes_and_changes_nothing(
    database: Database, connection: psycopg.Connection
) -> None:
    """Messages, chats and people: the dry run counts exactly those that the purge then takes."""
    for n in range(1, 9):
        for number in range(1, 4):
            await said(database, telegram_user_id=n, chat_type=("private", "group")[n % 2], telegram_message_id=number)
    # two who wrote something newer as well, or in a chat of another kind; a group that became a supergroup
    await said(database, telegram_user_id=1, chat_type="group", telegram_message_id=4, sent_at=LATER)
    await said(database, telegram_user_id=3, telegram_chat_id=99, telegram_message_id=5)
    await database.chats.migrate(bot_id=1, telegram_chat_id=5, migrate_to_chat_id=105)
    for n in range(1, 6):
        user = await database.users.find(telegram_user_id=n)
        chat = await database.chats.find(bot_id=1, telegram_chat_id=n)
        assert user
        assert chat
        await database.users.delete(user_id=user.id)
        await database.chats.delete(chat_id=chat.id)
    for table in TABLES:
        connection.execute(f"UPDATE {table} SET deleted_at = %s WHERE deleted_at IS NOT NULL", (SENT_AT,))
    connection.execute("UPDATE messages SET deleted_at = %s WHERE telegram_message_id IN (2, 4)", (LATER,))
    policies: list[tuple[dict[str, Any], list[int]]] = [
        ({"chat_type": "channel"}, [0, 0, 0]),
        # the second of their messages stays of each
        ({"scope": "hidden", "chat_type": "group"}, [4, 0, 0]),
        # of the person in the supergroup nothing is left then
        ({"scope": "hidden", "before": LATER + timedelta(seconds=1), "chat_type": "supergroup"}, [3, 2, 1]),
        # and of whom wrote in two chats one message, in a chat that is live
        ({"chat_type": "group"}, [4, 1, 0]),
        ({}, [11, 2, 3]),
        ({"before": LATER + timedelta(seconds=1)}, [1, 1, 1]),
    ]

    for policy, expected in policies:
        values = {"before": LATER} | policy
        stored = [count(connection, table) for table in TABLES]
        dry = [(await purge_all(getattr(database, table).purge, **values, dry_run=True))[1] for table in TABLES]
        unchanged = [count(connection, table) for table in TABLES]
        real = [(await purge_all(getattr(database, table).purge, **values))[1] for table in TABLES]
        left = [count(connection, table) for table in TABLES]

        assert (policy, dry, real) == (policy, expected, expected)
        assert unchanged == stored
        assert left == [number - gone for number, gone in zip(stored, real, strict=True)]


@pytest.mark.parametrize("table", TABLES)
async def test_purge_dry_run_writes_and_locks_nothing(
    database: Database, connection: psycopg.Connection, table: str
) -> None:
    """A dry run of what would go leaves no trace in the server: neither a changed row nor a lock needed an id."""
    message = (await said(database)).message
    if table != "messages":
        await database.users.delete(user_id=person(message))
        await database.chats.delete(chat_id=message.chat_id)
    values = {"before": FUTURE, "scope": "all", "chat_type": "", "keep_newest": "no", "batch_size": 10}
    places = {"after_chat_id": 0, "after_message_id": 0, "after_id": 0}
    ends = []

    for dry_run in ("yes", "", "no"):
        with connection.transaction(force_rollback=True):
            statement = queries.load(f"{table}/purge").statement
            _, purged, *_ = connection.execute(statement, values | places | {"dry_run": dry_run}).fetchone() or ()
            [(transaction_id,)] = connection.execute("SELECT pg_current_xact_id_if_assigned()::text").fetchall()
            ends.append((purged, transaction_id is None))

    assert ends[:2] == [(1, True), (1, True)]
    assert ends[2] == (int(table == "messages"), table != "messages")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("scope", "live", "must be one of all, hidden"),
        ("chat_type", "groups", "must be one of private, group, supergroup, channel"),
        ("batch_size", 0, r"must be 1\.\.5000"),
        ("batch_size", 5_001, r"must be 1\.\.5000"),
        ("batch_size", None, r"must be 1\.\.5000"),
        ("before", datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001 - what is refused
        ("before", "2026-01-01", "must be a datetime"),
    ],
)
async def test_purge_refuses_words_that_it_does_not_know(
    database: Database, table: str, field: str, value: Any, reason: str
) -> None:
    """A policy with a typing error is an error, and not one that purges nothing, or all."""
    await said(database)

    with pytest.raises(InvalidInput, match=reason) as refused:
        await getattr(database, table).purge(**{"before": FUTURE, field: value})

    assert refused.value.field == field


async def test_purge_of_people(database: Database, connection: psycopg.Connection) -> None:
    """A person hidden before the limit and without a message goes; one with a message, or hidden later, stays."""
    silent, writing, late, live = [
        await database.users.get_or_create(telegram_user_id=number, first_name="Ada") for number in range(1, 5)
    ]
    await said(database, telegram_user_id=writing.telegram_user_id)
    for user in (silent, writing, late):
        await database.users.delete(user_id=user.id)
    connection.execute("UPDATE users SET deleted_at = %s WHERE id <= %s", (SENT_AT, writing.id))

    first = await purge_all(database.users.purge, before=LATER, batch_size=2)
    await database.messages.purge(before=LATER)
    second = await purge_all(database.users.purge, before=LATER, batch_size=2)

    assert (first, second) == ((4, 1), (3, 1))
    assert not await database.users.restore(user_id=silent.id)
    assert await database.users.restore(user_id=late.id)
    assert await database.users.get(user_id=live.id) == live


async def test_purge_of_chats(database: Database, connection: psycopg.Connection) -> None:
    """As with people, and only those of a kind when asked."""
    silent, writing, late, live, group = [
        await database.chats.get_or_create(bot_id=1, telegram_chat_id=n, type="group" if n == 5 else "private")
        for n in range(1, 6)
    ]
    await said(database, telegram_user_id=7, telegram_chat_id=writing.telegram_chat_id)
    for chat in (silent, writing, late, group):
        await database.chats.delete(chat_id=chat.id)
    connection.execute("UPDATE chats SET deleted_at = %s WHERE id <> %s", (SENT_AT, late.id))
    connection.execute("UPDATE chats SET deleted_at = NULL WHERE id = %s", (live.id,))

    of_groups = await purge_all(database.chats.purge, before=LATER, chat_type="group", batch_size=2)
    first = await purge_all(database.chats.purge, before=LATER, batch_size=2)
    await database.messages.purge(before=LATER)
    second = await purge_all(database.chats.purge, before=LATER, batch_size=2)

    assert (of_groups, first, second) == ((5, 1), (4, 1), (3, 1))
    assert not await database.chats.restore(chat_id=silent.id)
    assert await database.chats.restore(chat_id=late.id)
    assert await database.chats.get(chat_id=live.id) == live


async def test_purge_of_a_group_that_became_a_supergroup(database: Database, connection: psycopg.Connection) -> None:
    """The old id leads to the supergroup for as long as that is there, and goes with it."""
    message = (await said(database, telegram_chat_id=-5, chat_type="group")).message
    await database.chats.migrate(bot_id=1, telegram_chat_id=-5, migrate_to_chat_id=-1005)
    await database.chats.get_or_create(bot_id=1, telegram_chat_id=-6, type="group")

    while_live = await database.chats.purge(before=FUTURE)
    found = await database.chats.find(bot_id=1, telegram_chat_id=-5)
    await database.chats.delete(chat_id=message.chat_id)
    with_messages = await database.chats.purge(before=FUTURE)
    await database.messages.purge(before=FUTURE)
    dry = await database.chats.purge(before=FUTURE, dry_run=True)
    alone = await database.chats.purge(before=FUTURE)

    assert found
    assert found.id == message.chat_id
    assert (while_live.purged, with_messages.purged) == (0, 0)
    assert (dry.purged, alone.purged) == (2, 2)
    assert await database.chats.successor(bot_id=1, telegram_chat_id=-5) is None
    assert count(connection, "chats") == 1


async def test_purge_of_nothing(database: Database) -> None:
    """An empty database has one batch, of nothing."""
    nothing = Purged(examined=0, purged=0, last_chat_id=None, last_id=None)

    assert [await getattr(database, table).purge(before=FUTURE) for table in TABLES] == [nothing] * 3


async def test_person_of_a_purged_message_is_known_no_more(database: Database) -> None:
    """Once their messages and their row are gone, the person is a new one."""
    message = (await said(database)).message
    await database.users.delete(user_id=person(message))
    for table in TABLES:
        await getattr(database, table).purge(before=FUTURE)

    again = (await said(database, telegram_message_id=200)).message

    assert again.user_id != message.user_id
    assert again.chat_id == message.chat_id
