"""Reads of people and chats through the cache: they cost nothing, and no change by anybody is missed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import psycopg
import pytest

from botcore import Chat, Database, InvalidInput, Metrics, NotRecorded, Transaction, User, caching
from tests.conftest import POOLER

pytestmark = pytest.mark.own_session("nothing is heard there without the direct URL, so that nothing is cached")

ADA: dict[str, Any] = {"telegram_user_id": 7, "first_name": "Ada"}
GROUP: dict[str, Any] = {"bot_id": 1, "telegram_chat_id": -5, "type": "group", "title": "Engines"}
KEY: dict[str, Any] = {"bot_id": 1, "telegram_chat_id": -5}


async def heard(database: Database) -> None:
    """Returns when its cache hears of changes."""
    cache = database.cached._executor.cache
    assert cache
    async with asyncio.timeout(10):
        while cache._hears_until <= monotonic():  # noqa: ASYNC110 - nobody else waits for it
            await asyncio.sleep(0.01)


def counted(database: Database) -> dict[str, float]:
    """How often its cache had what was read, had it not, and did not hear."""
    metrics = database._executor._metrics
    assert metrics
    value = metrics.registry.get_sample_value
    queries = [*caching.QUERIES]
    return {
        outcome: sum(value("botcore_cached_reads_total", {"query": each, "outcome": outcome}) or 0 for each in queries)
        for outcome in ("hit", "miss", "off")
    }


def statements(database: Database, query: str) -> float:
    """How many statements of that name reached the server."""
    metrics = database._executor._metrics
    assert metrics
    return metrics.registry.get_sample_value("botcore_statement_duration_seconds_count", {"query": query}) or 0


@pytest.fixture
async def caching_database(database_url: str) -> AsyncIterator[Database]:
    """A process with a cache that hears."""
    async with Database.connect(database_url, cache_ttl_seconds=600, metrics=Metrics()) as opened:
        await heard(opened)
        yield opened


async def eventually(read: Callable[[], Awaitable[Any]], expected: Any) -> None:
    """Returns when that is read, which takes milliseconds."""
    async with asyncio.timeout(5):
        while await read() != expected:  # noqa: ASYNC110 - as a caller does
            await asyncio.sleep(0.001)


async def test_cached_reads_are_one_statement_each(caching_database: Database) -> None:
    """Of a thousand reads of four kinds four reach the server, and each gives what the database has."""
    db = caching_database
    user, chat = await db.users.get_or_create(**ADA), await db.chats.get_or_create(**GROUP)

    for _ in range(250):
        assert await db.cached.users.find(telegram_user_id=7) == user
        assert await db.cached.users.get(user_id=user.id) == user
        assert await db.cached.chats.find(**KEY) == chat
        assert await db.cached.chats.get(chat_id=chat.id) == chat

    assert [statements(db, name) for name in caching.QUERIES] == [1, 1, 1, 1]
    assert counted(db) == {"hit": 996, "miss": 4, "off": 0}


async def test_cached_reads_at_once_are_one_statement(caching_database: Database) -> None:
    """A hundred who ask for the same wait for one answer; one of them who leaves takes it from nobody."""
    db = caching_database
    user = await db.users.get_or_create(**ADA)
    reads = [asyncio.create_task(db.cached.users.find(telegram_user_id=7)) for _ in range(100)]
    await asyncio.sleep(0)
    reads[0].cancel()

    found = await asyncio.gather(*reads[1:])

    assert found == [user] * 99
    assert statements(db, "users/find") <= 2


async def test_cached_of_nobody(caching_database: Database, database: Database) -> None:
    """That somebody is not there is not kept: who is stored by anybody is found at once."""
    assert await caching_database.cached.users.find(telegram_user_id=7) is None

    user = await database.users.get_or_create(**ADA)

    assert await caching_database.cached.users.find(telegram_user_id=7) == user


async def test_cached_reads_of_other_methods(caching_database: Database) -> None:
    """What a method reads for itself, be it by the same query, it reads from the database."""
    db = caching_database
    user, chat = await db.users.get_or_create(**ADA), await db.chats.get_or_create(**GROUP)
    await db.users.opt_out(telegram_user_id=7)
    assert await db.cached.users.find(telegram_user_id=7) == user

    with pytest.raises(NotRecorded):
        await db.cached.messages.add(chat_id=chat.id, user_id=user.id, role="user", content="Hello")
    exported = [row async for row in db.cached.users.export(telegram_user_id=7)]

    assert await db.cached.chats.get(chat_id=chat.id) == chat
    assert (exported[0], statements(db, "users/find")) == (user, 2)


async def rename(db: Database, *_: object) -> None:
    """Both are called something else."""
    await db.users.get_or_create(**{**ADA, "first_name": "Countess"})
    await db.chats.get_or_create(**{**GROUP, "title": "Analytical engines"})


async def remove(db: Database, user: User, chat: Chat) -> None:
    """Both are hidden."""
    await db.users.delete(user_id=user.id)
    await db.chats.delete(chat_id=chat.id)


async def remove_for_good(db: Database, user: User, chat: Chat) -> None:
    """Both are purged."""
    await remove(db, user, chat)
    await db.users.purge(before=datetime(9000, 1, 1, tzinfo=UTC))
    await db.chats.purge(before=datetime(9000, 1, 1, tzinfo=UTC))


async def erase(db: Database, *_: object) -> None:
    """One is erased, the other blocked."""
    await db.users.erase(telegram_user_id=7)
    await db.chats.block(**KEY)


async def migrate(db: Database, *_: object) -> None:
    """The group becomes a supergroup, and that another one."""
    await rename(db)
    await db.chats.migrate(**KEY, migrate_to_chat_id=-100)
    await db.chats.migrate(bot_id=1, telegram_chat_id=-100, migrate_to_chat_id=-200)


async def record(db: Database, *_: object) -> None:
    """A message brings another name and title."""
    said: dict[str, Any] = {
        "last_name": None, "username": "ada", "language_code": None, "chat_type": "group", "chat_title": "New",
        "role": "user", "content": "Hello", "telegram_message_id": 1, "sent_at": datetime.now(UTC),
    }  # fmt: skip
    await db.messages.record(**ADA, **KEY, **said)


@pytest.mark.parametrize("change", [rename, remove, remove_for_good, erase, migrate, record])
async def test_cached_after_a_change_by_another(
    caching_database: Database, database_url: str, change: Callable[[Database, User, Chat], Awaitable[None]]
) -> None:
    """Whatever changes a person or a chat, in another process, is seen a moment later by each key."""
    db = caching_database
    async with Database.connect(database_url) as other:
        user, chat = await other.users.get_or_create(**ADA), await other.chats.get_or_create(**GROUP)
        reads: list[Callable[[Transaction], Awaitable[Any]]] = [
            lambda each: each.users.find(telegram_user_id=7),
            lambda each: each.users.get(user_id=user.id),
            lambda each: each.chats.find(**KEY),
            lambda each: each.chats.get(chat_id=chat.id),
        ]
        for read in reads:
            assert await read(db.cached) is not None

        await change(other, user, chat)

        for read in reads:
            await eventually(lambda read=read: read(db.cached), await read(other))  # type: ignore[misc]


async def test_cached_after_a_change_in_psql(caching_database: Database, connection: psycopg.Connection) -> None:
    """Who changes rows by hand needs to know of no cache, whatever the session is like; who empties a table neither."""
    user = await caching_database.users.get_or_create(**ADA)
    assert await caching_database.cached.users.get(user_id=user.id)

    for name, as_ever in (
        ("Zoe", "CREATE FUNCTION concat(name, text, bigint) RETURNS text LANGUAGE sql AS $$ SELECT 'users 0' $$"),
        ("Yan", "SET session_replication_role = replica"),
    ):
        connection.execute(as_ever.encode())
        connection.execute("UPDATE users SET first_name = %s", [name])
        changed = await caching_database.users.get(user_id=user.id)
        await eventually(lambda: caching_database.cached.users.get(user_id=user.id), changed)
    connection.execute("TRUNCATE users CASCADE")

    await eventually(lambda: caching_database.cached.users.get(user_id=user.id), None)


async def test_cached_while_it_is_changed_all_the_time(caching_database: Database, database: Database) -> None:
    """However reads and writes of many meet, what is left in the cache is not older than the last write."""
    names = [f"Ada {number}" for number in range(200)]
    stop = asyncio.Event()

    async def read() -> None:
        while not stop.is_set():
            await caching_database.cached.users.find(telegram_user_id=7)
            await asyncio.sleep(0)

    readers = [asyncio.create_task(read()) for _ in range(4)]
    for name in names:
        user = await database.users.get_or_create(**{**ADA, "first_name": name})
    await eventually(lambda: caching_database.cached.users.find(telegram_user_id=7), user)
    stop.set()
    await asyncio.gather(*readers)

    assert await caching_database.cached.users.find(telegram_user_id=7) == user
    assert counted(caching_database)["hit"] > 0


async def test_cached_after_its_time(database_url: str, connection: psycopg.Connection) -> None:
    """What was changed without a word, its trigger put aside meanwhile, is seen when the time is over."""
    async with Database.connect(database_url, cache_ttl_seconds=0.3) as db:
        await heard(db)
        user = await db.users.get_or_create(**ADA)
        assert await db.cached.users.get(user_id=user.id) == user
        with connection.transaction():
            connection.execute("ALTER TABLE users DISABLE TRIGGER tg_users_changed")
            connection.execute("UPDATE users SET first_name = 'Zoe'")
            connection.execute("ALTER TABLE users ENABLE ALWAYS TRIGGER tg_users_changed")

        old = await db.cached.users.get(user_id=user.id)
        await asyncio.sleep(0.3)
        new = await db.cached.users.get(user_id=user.id)

    assert (old, new and new.first_name) == (user, "Zoe")


async def test_cached_of_more_than_it_keeps(caching_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds so many rows and no more, and those that are left out are read again."""
    monkeypatch.setattr(caching, "_MOST_ROWS", 10)
    ids = [(await caching_database.users.get_or_create(telegram_user_id=n, first_name="A")).id for n in range(1, 31)]

    for user_id in ids * 2:
        user = await caching_database.cached.users.get(user_id=user_id)
        assert getattr(user, "id", None) == user_id

    cache = caching_database.cached._executor.cache
    assert cache
    assert (len(cache._rows), len(cache._keys)) == (10, 10)


async def test_cached_of_a_wrong_key(caching_database: Database) -> None:
    """It is refused as without a cache."""
    for wrong in ("7", 2**70, True):
        with pytest.raises(InvalidInput, match="user_id"):
            await caching_database.cached.users.get(user_id=wrong)  # type: ignore[arg-type]


async def test_cached_without_a_cache(database: Database) -> None:
    """It is the database itself."""
    assert database.cached is database
    assert POOLER is None or POOLER == "session"


async def test_cached_in_a_transaction(caching_database: Database) -> None:
    """A transaction reads its own writes, and no other sees them before they are committed."""
    user = await caching_database.users.get_or_create(**ADA)
    assert await caching_database.cached.users.get(user_id=user.id) == user

    async with caching_database.cached.transaction() as transaction:
        new = await transaction.users.get_or_create(**{**ADA, "first_name": "Zoe"})
        assert await transaction.users.get(user_id=user.id) == new
        assert await caching_database.cached.users.get(user_id=user.id) == user

    await eventually(lambda: caching_database.cached.users.get(user_id=user.id), new)
