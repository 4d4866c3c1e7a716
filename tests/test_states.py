"""db.states: where somebody stands in a form, until it ends or expires."""

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, State, StateKey
from tests.dumps import dump, found

ADA = StateKey(bot_id=42, telegram_chat_id=7, telegram_user_id=7)
IN_GROUP = StateKey(bot_id=42, telegram_chat_id=-100, telegram_user_id=7)
BOB = StateKey(bot_id=42, telegram_chat_id=8, telegram_user_id=8)
ELSEWHERE = [
    StateKey(41, 7, 7),
    StateKey(42, -100, 7),
    StateKey(42, 7, 8),
    StateKey(42, 7, 7, message_thread_id=3),
    StateKey(42, 7, 7, business_connection_id="b"),
    StateKey(42, 7, 7, destiny="other"),
]


async def stands(database: Database, key: StateKey = ADA) -> tuple[str | None, Any] | None:
    """The state and what was entered."""
    state = await database.states.get(key)
    return (state.state, json.loads(state.data)) if state else None


def age(connection: psycopg.Connection) -> None:
    """Lets an hour pass."""
    hour = "interval '1 hour'"
    connection.execute(f"UPDATE states SET updated_at = updated_at - {hour}, expires_at = expires_at - {hour}")


async def test_state_and_data_are_set_apart(database: Database) -> None:
    """A state keeps what was entered, and the other way round; None ends the state alone."""
    assert await stands(database) is None

    await database.states.set_state(ADA, "Form:name")
    await database.states.set_data(ADA, {"name": "Ada"})
    assert await stands(database) == ("Form:name", {"name": "Ada"})

    await database.states.set_state(ADA, None)
    assert await stands(database) == (None, {"name": "Ada"})

    await database.states.set_state(ADA, "Form:age")
    await database.states.set_data(ADA, {})
    assert await stands(database) == ("Form:age", {})


async def test_get_knows_each_part_of_the_key(database: Database) -> None:
    """Another bot, chat, person, topic, business connection or destiny is another form."""
    for number, key in enumerate([ADA, *ELSEWHERE]):
        await database.states.set_state(key, str(number))

    states = [await stands(database, key) for key in [ADA, *ELSEWHERE]]

    assert states == [(str(number), {}) for number in range(7)]


async def test_update_data_at_once_loses_nothing(database: Database) -> None:
    """A hundred values entered at the same moment are all there, and each call gives what was there after it."""
    updated = await asyncio.gather(*(database.states.update_data(ADA, {str(n): n}) for n in range(100)))

    everything = {str(n): n for n in range(100)}
    assert await stands(database) == (None, everything)
    assert sorted(len(json.loads(state.data)) for state in updated) == list(range(1, 101))


async def test_update_data_over_the_values_of_the_same_names(database: Database) -> None:
    """The newest value of a name counts; a value that is an object is replaced, not merged."""
    await database.states.set_data(ADA, {"a": 1, "b": {"x": 1}})

    updated = await database.states.update_data(ADA, {"b": {"y": None}, "c": [1, "é\U0001f600"]})

    assert json.loads(updated.data) == {"a": 1, "b": {"y": None}, "c": [1, "é\U0001f600"]}


async def test_state_expires(database: Database, connection: psycopg.Connection) -> None:
    """After its time there is neither state nor data, whatever is set next; a change begins the time anew."""
    await database.states.set_state(ADA, "Form:name", ttl_seconds=5_400)
    age(connection)
    await database.states.set_data(ADA, {"name": "Ada"}, ttl_seconds=5_400)
    age(connection)
    assert await stands(database) == ("Form:name", {"name": "Ada"})

    age(connection)
    assert await stands(database) is None
    await database.states.set_state(ADA, "Form:age", ttl_seconds=10)
    assert await stands(database) == ("Form:age", {})

    age(connection)
    await database.states.set_data(ADA, {"old": 1}, ttl_seconds=10)
    assert await stands(database) == (None, {"old": 1})

    age(connection)
    updated = await database.states.update_data(ADA, {"new": 1})
    assert (updated.state, updated.data, updated.expires_at) == (None, '{"new": 1}', None)


@pytest.mark.parametrize("value", ["\0", "\ud800", math.nan, object(), b"bytes"])
async def test_set_data_refuses_what_is_no_json(database: Database, value: object) -> None:
    """NUL, half a character, NaN and objects are refused, and what was there stays."""
    await database.states.set_data(ADA, {"name": "Ada"})

    with pytest.raises(InvalidInput):
        await database.states.set_data(ADA, {"value": value})
    with pytest.raises(InvalidInput):
        await database.states.update_data(ADA, {"value": value})

    assert await stands(database) == (None, {"name": "Ada"})


async def test_states_in_a_transaction_go_with_it(database: Database) -> None:
    """A state that is set in a transaction is undone with it."""
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await tx.states.set_state(ADA, "Form:name")
            assert await tx.states.get(ADA)
            raise ZeroDivisionError

    assert await stands(database) is None


async def test_purge_takes_what_is_over(database: Database, connection: psycopg.Connection) -> None:
    """What expired, and what is empty, goes after its time in batches; what somebody stands in stays, however old."""
    await database.states.set_state(ADA, "Form:name")
    await database.states.set_data(IN_GROUP, {"name": "Ada"}, ttl_seconds=60)
    for key in ELSEWHERE[3:]:
        await database.states.set_state(key, None)
    hours_ago = datetime.now(UTC) - timedelta(minutes=30)
    assert await database.states.purge(before=hours_ago) == 0
    age(connection)

    purged = [await database.states.purge(before=hours_ago, batch_size=3) for _ in range(3)]

    assert purged == [3, 1, 0]
    assert connection.execute("SELECT state FROM states").fetchall() == [("Form:name",)]


async def test_erase_takes_their_states(database: Database, database_url: str, psql_binaries: Path) -> None:
    """Of an erased person no state is left in a dump, wherever they stood, nor what others entered in their chat."""
    in_their_chat = StateKey(bot_id=42, telegram_chat_id=7, telegram_user_id=900)
    for key in (ADA, IN_GROUP, in_their_chat, BOB):
        await database.states.update_data(key, {"word": f"canary {key.telegram_user_id}"})
    assert (await database.users.kept(telegram_user_id=7)).states == 3

    await database.users.erase(telegram_user_id=7)

    assert (await database.users.kept(telegram_user_id=7)).states == 0
    assert len(found(dump(psql_binaries, database_url), ["canary"])) == 1
    assert await stands(database, BOB) == (None, {"word": "canary 8"})


async def test_export_has_their_states(database: Database, connection: psycopg.Connection) -> None:
    """What a person entered is theirs to have: where they stand, of no one else, and nothing that expired."""
    await database.states.update_data(IN_GROUP, {"name": "Ada"}, ttl_seconds=60)
    age(connection)
    await database.states.update_data(ADA, {"name": "Ada"})
    await database.states.update_data(BOB, {"name": "Bob"})

    rows = [row async for row in database.users.export(telegram_user_id=7)]

    assert [(type(row), row.data) for row in rows if isinstance(row, State)] == [(State, '{"name": "Ada"}')]
