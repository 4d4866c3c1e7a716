"""db.usage: what a model's answers cost, by person, bot and day."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, Spent, Usage
from tests.factories import dialogue, person, said

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
COST: dict[str, Any] = {"input_tokens": 30, "output_tokens": 5, "input_characters": 100}


async def ada(database: Database) -> dict[str, Any]:
    """Who is answered, and by which bot."""
    return {"user_id": person((await said(database, telegram_message_id=None)).message), "bot_id": 1}


async def test_add_at_once_counts_each(database: Database) -> None:
    """Fifty answers at the same moment, some in transactions of their own, are all counted, once."""
    key = await ada(database)

    async def add_in_a_transaction() -> None:
        async with database.transaction() as tx:
            await tx.usage.add(**key, **COST)

    await asyncio.gather(
        *(database.usage.add(**key, **COST) for _ in range(40)), *(add_in_a_transaction() for _ in range(10))
    )

    assert await database.usage.totals(**key) == Spent(50, 1_500, 250, 50, 1_500, 250, 5_000)


async def test_add_with_its_answer_counts_as_that_is_stored(database: Database) -> None:
    """In the transaction of an answer that is not stored nothing is counted."""
    message = (await said(database)).message
    key: dict[str, Any] = {"user_id": person(message), "bot_id": 1}

    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.messages.add(**dialogue(message), role="assistant", content="Hello")
            assert await tx.usage.add(**key, **COST)
            raise ZeroDivisionError

    assert (await database.usage.totals(**key)).requests == 0


async def test_totals_of_a_day_begin_at_midnight_utc(database: Database) -> None:
    """A second before midnight belongs to the day before, wherever the moment's clock is; other bots are apart."""
    key = await ada(database)
    tokyo = (NOON + timedelta(hours=11, minutes=59, seconds=59)).astimezone(timezone(timedelta(hours=9)))
    for at in (NOON - timedelta(days=1), NOON, tokyo, NOON + timedelta(hours=12)):
        await database.usage.add(**key, **COST, at=at)
    await database.usage.add(**key | {"bot_id": 2}, **COST, at=NOON)

    spent = await database.usage.totals(**key, at=NOON)

    assert spent == Spent(2, 60, 10, 4, 120, 20, 400)
    assert spent.today_tokens == 70
    assert (await database.usage.totals(**key, at=NOON + timedelta(days=1))).today_requests == 1
    assert (await database.usage.totals(**key)).today_requests == 0


async def test_add_for_somebody_who_is_not_recorded(database: Database) -> None:
    """Of who is unknown, hidden or opted out nothing is added, and the call says so."""
    key = await ada(database)
    unknown = await database.usage.add(**key | {"user_id": 999}, **COST)
    await database.users.opt_out(telegram_user_id=7)
    opted_out = await database.usage.add(**key, **COST)
    await database.users.opt_in(telegram_user_id=7)
    await database.users.delete(user_id=key["user_id"])
    hidden = await database.usage.add(**key, **COST)

    assert (unknown, opted_out, hidden) == (False, False, False)
    assert (await database.usage.totals(**key)).requests == 0


@pytest.mark.parametrize("wrong", [{"input_tokens": -1}, {"output_tokens": 2**40}])
async def test_add_of_what_no_server_counts(database: Database, wrong: dict[str, int]) -> None:
    """A number out of range is refused before the server is asked."""
    with pytest.raises(InvalidInput):
        await database.usage.add(**{"user_id": 1, "bot_id": 1, **COST, **wrong})


async def test_erase_takes_their_usage(database: Database, connection: psycopg.Connection) -> None:
    """An erased person's usage goes, with what is being added at that moment, and nobody else's."""
    key = await ada(database)
    bob = person((await said(database, telegram_user_id=8)).message)
    await database.usage.add(user_id=bob, bot_id=1, **COST)
    for bot_id in (1, 2):
        await database.usage.add(**key | {"bot_id": bot_id}, **COST)
    kept = await database.users.kept(telegram_user_id=7)

    await asyncio.gather(
        database.users.erase(telegram_user_id=7), *(database.usage.add(**key, **COST) for _ in range(9))
    )

    assert kept.usage == 2
    assert (await database.users.kept(telegram_user_id=7)).usage == 0
    assert connection.execute("SELECT user_id FROM usage").fetchall() == [(bob,)]


async def test_purge_of_people_takes_their_usage(database: Database, connection: psycopg.Connection) -> None:
    """Who is purged leaves no usage behind, and it keeps nobody from being purged."""
    key = await ada(database)
    await database.usage.add(**key, **COST)
    await database.users.delete(user_id=key["user_id"])
    soon = datetime.now(UTC) + timedelta(minutes=1)
    await database.messages.purge(before=soon, keep_newest=False)

    purged = await database.users.purge(before=soon)

    assert purged.purged == 1
    assert connection.execute("SELECT count(*) FROM usage").fetchone() == (0,)


async def test_export_has_their_usage(database: Database) -> None:
    """What a person used is theirs to have, by bot and day; what a hidden one did is not told."""
    key = await ada(database)
    await database.usage.add(**key, **COST, at=NOON)

    rows = [row async for row in database.users.export(telegram_user_id=7)]
    await database.users.delete(user_id=key["user_id"])

    assert [row for row in rows if isinstance(row, Usage)] == [Usage(key["user_id"], 1, "2026-01-02", 1, 30, 5, 100)]
    assert not [row async for row in database.users.export(telegram_user_id=7) if isinstance(row, Usage)]
