"""What updates that are not done hold about a person: counted, exported and erased as all else."""

from pathlib import Path
from typing import Any

from botcore import Database, Update
from tests.dumps import dump, found
from tests.factories import update

BOT = 42
ID = 7_000_123_457


async def waiting(database: Database) -> None:
    """Of the person one update is in work, one waits, one was set aside; somebody else's quotes them."""
    quote = update(4, chat=8)
    quote["message"]["reply_to_message"] = update(5, chat=ID, text="canary")["message"]
    given = [quote, *(update(number, chat=ID, text="canary") for number in (1, 2, 3))]
    await database.updates.add(bot_id=BOT, updates=given, worker="a", capacity=10)
    for number in (1, 4):
        key: dict[str, Any] = {"bot_id": BOT, "update_id": number}
        await database.updates.fail(**key, worker="a", error="builtins.ValueError", max_failures=1)
    await database.updates.claim(bot_id=BOT, worker="a", capacity=10)


async def test_erase_of_a_person_with_updates(database: Database, database_url: str, psql_binaries: Path) -> None:
    """Nothing of them is left once what is in work has ended, be it quoted in an update that was set aside."""
    await waiting(database)

    await database.users.erase(telegram_user_id=ID)

    assert len(found(dump(psql_binaries, database_url), [ID])) == 1
    assert await database.updates.finish(bot_id=BOT, update_ids=[2], worker="a") == [2]
    assert found(dump(psql_binaries, database_url), [ID, "canary"]) == []
    stored = [await database.updates.get(bot_id=BOT, update_id=number) for number in range(1, 5)]
    assert [each.state for each in stored if each] == ["done"] * 4


async def test_erase_of_a_person_leaves_updates_of_others(database: Database) -> None:
    """Whoever else waits, goes on waiting, or stays set aside."""
    others = [update(1, chat=8), update(2, chat=8), update(3, chat=70_001_234_571)]
    await database.updates.add(bot_id=BOT, updates=others, worker="a", capacity=1)
    await database.updates.fail(bot_id=BOT, update_id=1, worker="a", error="x", max_failures=1)

    await database.users.erase(telegram_user_id=ID)

    stored = [await database.updates.get(bot_id=BOT, update_id=number) for number in (1, 2, 3)]
    assert [(each.state, bool(each.payload)) for each in stored if each] == [
        *(("failed", True), ("pending", True), ("pending", True)),
    ]


async def test_kept_counts_updates(database: Database) -> None:
    """Those that wait, are in work or were set aside count; none after an erasure."""
    await waiting(database)

    before = await database.users.kept(telegram_user_id=ID)
    await database.users.erase(telegram_user_id=ID)
    await database.updates.finish(bot_id=BOT, update_ids=[2], worker="a")
    after = await database.users.kept(telegram_user_id=ID)

    assert (before.updates, after.updates) == (3, 0)


async def test_export_has_updates(database: Database) -> None:
    """What a person sent and is not handled yet is in their export, in order, and nobody else's."""
    await waiting(database)

    rows = [row async for row in database.users.export(telegram_user_id=ID)]

    assert [row.update_id for row in rows if isinstance(row, Update)] == [1, 2, 3]
