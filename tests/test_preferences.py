"""db.preferences: what people chose; db.throttles: how fast they may ask."""

import asyncio
from itertools import count
from typing import Any

import psycopg
import pytest

from botcore import Cost, Database, InvalidInput, Preferences, Throttled
from tests.conftest import until_waiting
from tests.factories import dialogue, person, said

GIVEN = Throttled(refused=0, wait_seconds=0, to_tell=False)

_numbers = count(1)


async def ada(database: Database) -> int:
    """Botcore's id of a person who said something."""
    return person((await said(database)).message)


async def test_set_language_changes_and_takes_back(database: Database) -> None:
    """The newest choice counts, and None is the one that Telegram tells; who chose nothing has no row."""
    user_id = await ada(database)
    before = await database.preferences.get(telegram_user_id=7)

    for language in ("en", "ru"):
        await database.preferences.set_language(telegram_user_id=7, language=language)
    russian = await database.preferences.get(telegram_user_id=7)
    none = await database.preferences.set_language(telegram_user_id=7, language=None)

    assert before is None
    assert russian == Preferences(user_id, "ru", russian.updated_at if russian else None)  # type: ignore[arg-type]
    assert none == await database.preferences.get(telegram_user_id=7)
    assert none
    assert none.language is None


async def test_set_language_of_who_is_not_recorded(database: Database) -> None:
    """Of who is unknown, opted out or hidden nothing is kept, and what is kept of a hidden one is not told."""
    unknown = await database.preferences.set_language(telegram_user_id=7, language="ru")
    user_id = await ada(database)
    await database.preferences.set_language(telegram_user_id=7, language="ru")
    await database.users.opt_out(telegram_user_id=7)
    opted_out = await database.preferences.set_language(telegram_user_id=7, language="en")
    await database.users.opt_in(telegram_user_id=7)
    await database.users.delete(user_id=user_id)
    hidden = await database.preferences.set_language(telegram_user_id=7, language="en")

    assert (unknown, opted_out, hidden) == (None, None, None)
    assert await database.preferences.get(telegram_user_id=7) is None
    await said(database, telegram_message_id=101)
    assert (chosen := await database.preferences.get(telegram_user_id=7))
    assert chosen.language == "ru"


async def test_set_language_of_a_long_text(database: Database) -> None:
    """What is no tag is refused before the server is asked."""
    with pytest.raises(InvalidInput):
        await database.preferences.set_language(telegram_user_id=7, language="x" * 36)


async def take(database: Database, user_id: int, *, message: int = 0, **key: Any) -> Throttled:
    """What comes of one more question, or of that message."""
    ours: dict[str, Any] = {"bot_id": 1, "chat_id": 1, "message_id": message or next(_numbers), "per_minute": 2}
    taken = await database.throttles.take(user_id=user_id, **ours | key)
    assert taken
    return taken


def later(connection: psycopg.Connection, seconds: int) -> None:
    """So much time goes by."""
    back = "UPDATE throttles SET asked_at = ARRAY(SELECT a - make_interval(secs => %s) FROM unnest(asked_at) AS a)"
    connection.execute(back, [seconds])
    connection.commit()


async def test_take_at_once_gives_so_many_places(database: Database) -> None:
    """Forty questions at the same moment have five places, and each refusal another number; other bots are apart."""
    user_id = await ada(database)

    taken = await asyncio.gather(*(take(database, user_id, per_minute=5) for _ in range(40)))

    refused = sorted(each.refused for each in taken)
    assert refused == [*[0] * 5, *range(1, 36)]
    assert {each.wait_seconds in range(50, 61) for each in taken if each.refused} == {True}
    assert [each.refused for each in taken if each.to_tell] == [1]
    assert await take(database, user_id, bot_id=2) == GIVEN


async def test_take_of_one_message_at_once(database: Database, connection: psycopg.Connection) -> None:
    """Attempts at the same moment have one place between them."""
    user_id = await ada(database)
    await take(database, user_id, per_minute=3)
    key: dict[str, Any] = {"user_id": user_id, "bot_id": 1, "chat_id": 1, "message_id": 900, "per_minute": 3}

    with connection.transaction():
        connection.execute("SELECT FROM throttles FOR UPDATE")
        taking = [asyncio.create_task(database.throttles.take(**key)) for _ in range(4)]
        await until_waiting(connection, 4)
    taken = await asyncio.gather(*taking)

    assert {each.refused for each in taken if each} <= {0}
    assert await take(database, user_id, per_minute=3) == GIVEN
    assert (await take(database, user_id, per_minute=3)).refused == 1


async def test_take_a_minute_later(database: Database, connection: psycopg.Connection) -> None:
    """A place is free a minute after it was taken, not before, and the count of refusals begins anew."""
    user_id = await ada(database)
    await take(database, user_id)
    later(connection, 40)
    await take(database, user_id)

    refused = await take(database, user_id)
    later(connection, 21)
    given = await take(database, user_id)
    again = await take(database, user_id)

    assert refused.refused == 1
    assert refused.wait_seconds in range(18, 21)
    assert given == GIVEN
    # the second one, not the first, is the next to be free
    assert again.refused == 1
    assert again.wait_seconds in range(37, 40)


async def test_take_of_a_lower_limit(database: Database) -> None:
    """A limit that was lowered counts from the last places on."""
    user_id = await ada(database)
    for _ in range(3):
        await take(database, user_id, per_minute=3)

    taken = await take(database, user_id, per_minute=1)

    assert taken.refused == 1
    assert taken.wait_seconds in range(58, 61)


async def test_take_again_for_a_message(database: Database, connection: psycopg.Connection) -> None:
    """A message keeps its place and takes no other; one that was refused is refused again, and told what it was."""
    user_id = await ada(database)
    given = [await take(database, user_id, message=-1) for _ in range(3)]
    await take(database, user_id)

    refused = [await take(database, user_id, message=number) for number in (-2, -3, -2, -1)]
    later(connection, 61)
    free = [await take(database, user_id, message=number) for number in (-2, -3, -4)]

    assert given == [GIVEN] * 3
    assert [(each.refused, each.to_tell) for each in refused] == [(1, True), (2, False), (3, True), (0, False)]
    assert [(each.refused, each.to_tell) for each in free] == [(0, False), (0, False), (1, True)]


async def test_take_tells_in_each_chat(database: Database) -> None:
    """The first refusal in each chat is to be told, whichever chat it was in which the places went."""
    user_id = await ada(database)
    for _ in range(2):
        await take(database, user_id)

    told = [(await take(database, user_id, chat_id=chat)).to_tell for chat in (1, 2, 1, 2, 3)]

    assert told == [True, True, False, False, True]


async def test_take_after_a_clock_that_was_ahead(database: Database, connection: psycopg.Connection) -> None:
    """Places of an hour to come, as after a failover, keep nobody waiting until then."""
    user_id = await ada(database)
    for _ in range(2):
        await take(database, user_id)
    later(connection, -3_600)

    taken = [(await take(database, user_id)).refused for _ in range(3)]

    assert taken == [0, 0, 1]


async def test_take_of_nobody(database: Database) -> None:
    """Somebody unknown or hidden has no places, and nothing is kept of them."""
    user_id = await ada(database)
    await database.users.delete(user_id=user_id)

    key: dict[str, Any] = {"bot_id": 1, "chat_id": 1, "message_id": 1, "per_minute": 1}
    assert await database.throttles.take(user_id=user_id, **key) is None
    assert await database.throttles.take(user_id=999, **key) is None


async def test_erase_takes_choices_and_places(database: Database, connection: psycopg.Connection) -> None:
    """What a person chose is exported and counted, and goes with them, as when they asked."""
    user_id = await ada(database)
    chosen = await database.preferences.set_language(telegram_user_id=7, language="ru")
    await take(database, user_id)
    exported = [row async for row in database.users.export(telegram_user_id=7)]
    kept = await database.users.kept(telegram_user_id=7)

    await database.users.erase(telegram_user_id=7)

    assert chosen in exported
    assert (kept.preferences, kept.throttles) == (1, 1)
    assert connection.execute("SELECT FROM preferences UNION ALL SELECT FROM throttles").fetchall() == []


async def test_of_bot_counts_everybody(database: Database) -> None:
    """A bot's day is the sum over people, without other bots."""
    cost: dict[str, Any] = {"input_tokens": 30, "output_tokens": 5}
    for telegram_user_id, bot_id in ((7, 1), (7, 1), (8, 1), (8, 2)):
        message = (await said(database, telegram_user_id=telegram_user_id)).message
        await database.usage.add(user_id=dialogue(message)["user_id"], bot_id=bot_id, **cost)

    assert await database.usage.of_bot(bot_id=1) == Cost(2, 3, 90, 15)
