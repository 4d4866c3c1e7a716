"""A cache that hears nothing, or no more: it keeps nothing either."""

import asyncio
import logging
from time import monotonic

import psycopg
import pytest

from botcore import Database, Metrics, Unavailable, caching
from tests.test_cached import ADA, caching_database, counted, eventually, pytestmark

__all__ = ["caching_database", "pytestmark"]


@pytest.mark.parametrize(
    "breakage", ["DROP TRIGGER tg_chats_changed ON chats", "ALTER TABLE users DISABLE TRIGGER ALL"]
)
async def test_cached_without_its_triggers(
    database_url: str, connection: psycopg.Connection, caplog: pytest.LogCaptureFixture, breakage: str
) -> None:
    """Nothing is kept, and a warning says why, once."""
    connection.execute(breakage.encode())
    async with Database.connect(database_url, cache_ttl_seconds=600, metrics=Metrics()) as db:
        async with asyncio.timeout(10):
            while not caplog.records:  # noqa: ASYNC110 - a log has no event
                await asyncio.sleep(0.01)
        user = await db.users.get_or_create(**ADA)
        for _ in range(3):
            assert await db.cached.users.get(user_id=user.id) == user

        assert counted(db) == {"hit": 0, "miss": 0, "off": 3}
    reasons = [vars(record)["reason"] for record in caplog.records if record.levelno == logging.WARNING]
    assert reasons == ["the triggers that tell of changes are missing, or not enabled always"]


@pytest.mark.parametrize(
    "breakage",
    [
        "ALTER TABLE users DISABLE TRIGGER ALL",
        "ALTER TABLE users ENABLE TRIGGER ALL",
        "DROP FUNCTION tell_of_change CASCADE",
    ],
)
async def test_cached_that_loses_its_triggers(
    caching_database: Database, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, breakage: str
) -> None:
    """That is noticed by the next beat: what was kept is dropped."""
    monkeypatch.setattr(caching, "_BEAT_SECONDS", 0.1)
    db = caching_database
    user = await db.users.get_or_create(**ADA)
    assert await db.cached.users.get(user_id=user.id) == user
    connection.execute("SET session_replication_role = replica")

    connection.execute(breakage.encode())
    connection.execute("UPDATE users SET first_name = 'Zoe'")

    await eventually(lambda: db.cached.users.get(user_id=user.id), await db.users.get(user_id=user.id))
    async with asyncio.timeout(5):
        while not counted(db)["off"]:
            await db.cached.users.get(user_id=user.id)


@pytest.mark.parametrize("fault", ["leads elsewhere", "is busy"])
async def test_cached_by_a_pool_that_is_led_elsewhere(
    database_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """What is read by is asked now and then whether it is what is heard: at once it is believed, busy a while later."""
    monkeypatch.setattr(caching, "_BEAT_SECONDS", 0.05)
    monkeypatch.setattr(caching, "_SAYING_SECONDS", 0.5)
    urls, heard_at_each = [database_url], list[bool]()

    async def say(saying: str) -> None:
        heard_at_each.append(cache._hears_until > monotonic())
        if len(heard_at_each) > 1 and fault == "is busy":
            raise Unavailable("pool: no connection")
        async with await psycopg.AsyncConnection.connect(urls[-1]) as connection:
            await connection.execute("SELECT pg_notify('botcore_changes', %s)", [saying])
        urls.append(empty_database_url)

    cache = caching.Cache(600)
    following = asyncio.create_task(cache.follow(database_url, say))
    async with asyncio.timeout(10):
        while len(heard_at_each) < 2 or cache._hears_until:  # noqa: ASYNC110 - nobody else waits for it
            await asyncio.sleep(0.01)
    following.cancel()

    assert heard_at_each[:2] == [False, True]
    assert len(heard_at_each) == 2 if fault == "leads elsewhere" else all(heard_at_each[1:])


async def test_cached_that_listens_elsewhere(database_url: str, empty_database_url: str) -> None:
    """A direct URL that leads to another database brings no notification, which is noticed: nothing is kept."""
    async with Database.connect(
        database_url, direct_url=empty_database_url, cache_ttl_seconds=600, metrics=Metrics()
    ) as db:
        user = await db.users.get_or_create(**ADA)
        await asyncio.sleep(0.3)
        for _ in range(3):
            assert await db.cached.users.get(user_id=user.id) == user

        assert counted(db) == {"hit": 0, "miss": 0, "off": 3}
