"""db.updates beside the handling: pages for people, who polls, and what goes for good."""

from datetime import UTC, datetime, timedelta

import psycopg

from botcore import Database
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
