"""db.updates beside the handling: pages for people, who polls, and what goes for good."""

from datetime import UTC, datetime, timedelta

import psycopg

from botcore import Backlog, Database
from tests.factories import update
from tests.test_updates import BOT, add, age, numbers


async def test_page_on(database: Database) -> None:
    """Pages follow each other by bot and number."""
    await add(database, *(update(number) for number in (1, 2, 3)))
    await database.updates.add(bot_id=41, updates=[update(9)])

    first = await database.updates.page(state="pending", page_size=2)
    second = await database.updates.page(state="pending", after=first[-1], page_size=3)

    assert [(each.bot_id, each.update_id) for each in first + second] == [(41, 9), (42, 1), (42, 2), (42, 3)]


async def test_lease_polling(database: Database, connection: psycopg.Connection) -> None:
    """One worker polls: until it ends that, or is silent for longer than its lease."""

    async def lease(worker: str) -> bool:
        return await database.updates.lease_polling(bot_id=BOT, worker=worker)

    assert [await lease("a"), await lease("b"), await lease("a")] == [True, False, True]
    age(connection)
    assert [await lease("b"), await lease("a")] == [True, False]
    assert not await database.updates.end_polling(bot_id=BOT, worker="a")
    assert await database.updates.end_polling(bot_id=BOT, worker="b")
    assert await lease("a")


async def test_purge_what_is_done(database: Database) -> None:
    """Numbers of what was done before a time go, in batches; all else stays."""
    await add(database, *(update(number, chat=number) for number in range(1, 6)), capacity=4)
    await database.updates.finish(bot_id=BOT, update_ids=[1, 2, 3], worker="a")
    key = {"bot_id": BOT, "batch_size": 2}

    none = await database.updates.purge(**key, before=datetime.now(UTC) - timedelta(hours=1))
    purged = [await database.updates.purge(**key, before=datetime.now(UTC) + timedelta(hours=1)) for _ in range(3)]

    assert (none, purged) == (0, [2, 1, 0])
    assert numbers(await database.updates.page(state="running") + await database.updates.page(state="pending")) == [
        4,
        5,
    ]


async def test_backlog(database: Database, connection: psycopg.Connection) -> None:
    """Those that wait, are in work and were set aside are counted for each bot, and how long the first has waited."""
    assert await database.updates.backlog(bot_id=BOT) == Backlog(0, 0, 0, 0)
    await add(database, *(update(number, chat=number) for number in range(1, 6)), capacity=2)
    await database.updates.fail(bot_id=BOT, update_id=1, worker="a", error="ValueError", max_failures=1)
    connection.execute("UPDATE updates SET received_at = now() - interval '7 min' WHERE update_id IN (2, 4)")

    assert await database.updates.backlog(bot_id=BOT) == Backlog(pending=3, running=1, failed=1, oldest_seconds=420)
    assert (await database.updates.backlog(bot_id=BOT, most=2)).pending <= 2
    assert await database.updates.backlog(bot_id=BOT + 1) == Backlog(0, 0, 0, 0)
