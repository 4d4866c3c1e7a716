"""db.updates: what Telegram delivers is stored once, given to workers in each chat's order, and done once."""

import json
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, Update
from tests.factories import update

BOT = 42


async def add(database: Database, *updates: dict[str, Any], capacity: int = 0) -> list[Update]:
    """Stores them; gives those that worker "a" has at once."""
    return await database.updates.add(bot_id=BOT, updates=updates, worker="a", capacity=capacity)


async def claim(database: Database, worker: str = "b", **changes: Any) -> list[Update]:
    """What the worker is given."""
    values: dict[str, Any] = {"bot_id": BOT, "worker": worker, "capacity": 10}
    return await database.updates.claim(**values | changes)


def numbers(updates: list[Update]) -> list[int]:
    """The updates' numbers."""
    return [each.update_id for each in updates]


def age(connection: psycopg.Connection, seconds: int = 60) -> None:
    """Makes every lease and every wait so much older."""
    connection.execute("UPDATE updates SET due_at = due_at - make_interval(secs => %s)", [seconds])
    connection.execute("UPDATE pollers SET until = until - make_interval(secs => %s)", [seconds])


async def test_add_keeps_what_came(database: Database) -> None:
    """An update is stored as it is, with NUL, lone surrogates and all, and knows whose turn it is."""
    given = update(1, text='a\0b\ud800 "{\\}"')

    await add(database, given)

    stored = await database.updates.get(bot_id=BOT, update_id=1)
    assert stored
    assert stored.payload
    assert json.loads(stored.payload) == given
    assert (stored.state, stored.telegram_chat_id, stored.telegram_user_id) == ("pending", 7, 7)
    assert (stored.attempts, stored.failures, stored.sends, stored.error) == (0, 0, 0, None)


async def test_add_again(database: Database) -> None:
    """A known update_id changes nothing, whatever its state, be it twice in one batch."""
    await add(database, update(1), update(2, chat=8), update(1, text="again"))
    await claim(database)
    await database.updates.finish(bot_id=BOT, update_ids=[1], worker="b")

    assert await add(database, update(1), update(2, chat=8), capacity=10) == []

    states = [await database.updates.get(bot_id=BOT, update_id=number) for number in (1, 2)]
    assert [each.state for each in states if each] == ["done", "running"]


async def test_add_gives_whose_turn_it_is(database: Database) -> None:
    """The worker has the first update of each idle chat at once, as far as it can; the others wait."""
    given = await add(database, update(3), update(1), update(2, chat=8), update(4, chat=9), capacity=2)

    assert numbers(given) == [1, 2]
    assert {(each.state, each.worker, each.attempts) for each in given} == {("running", "a", 1)}
    assert numbers(await claim(database)) == [4]
    assert await add(database, update(5), capacity=10) == []


async def test_add_nothing(database: Database) -> None:
    """An empty batch is none; and nobody can be given anything."""
    assert await add(database) == []
    with pytest.raises(InvalidInput, match=r"^worker: "):
        await database.updates.add(bot_id=BOT, updates=[update(1)], capacity=1)


@pytest.mark.parametrize(
    "given",
    [
        *({}, [], {"update_id": None}, {"update_id": "1"}, {"update_id": True}, {"update_id": 1.0}),
        *({"update_id": 2**63}, {"update_id": 2**70}, {"update_id": 1, "x": float("nan")}, {"update_id": 1, "x": b""}),
    ],
)
async def test_add_no_update(database: Database, given: Any) -> None:
    """What is no update is refused by its place, and nothing of the batch is stored."""
    with pytest.raises(InvalidInput, match=r"^updates\[1\]"):
        await add(database, update(1), given)

    assert await claim(database) == []


@pytest.mark.parametrize(
    ("event", "chat", "person"),
    [
        ({"message": {"chat": {"id": -100}, "from": {"id": 7}}}, -100, 7),
        ({"channel_post": {"chat": {"id": -100}}}, -100, 0),
        ({"callback_query": {"from": {"id": 7}, "message": {"chat": {"id": -100}}}}, -100, 7),
        ({"inline_query": {"from": {"id": 7}}}, 7, 7),
        ({"message_reaction": {"chat": {"id": -100}, "user": {"id": 7}}}, -100, 7),
        ({"business_connection": {"user": {"id": 7}}}, 7, 7),
        ({"poll": {"id": "7"}}, 0, 0),
        ({"message": {"chat": {"id": 2**70}, "from": {"id": "7"}}}, 0, 0),
        ({"message": 7, "nonsense": None}, 0, 0),
        ({}, 0, 0),
    ],
)
async def test_add_of_any_kind(database: Database, event: dict[str, Any], chat: int, person: int) -> None:
    """The chat's id orders, else the person's; what has neither is kept apart."""
    await add(database, {"update_id": 1, **event})

    [stored] = await claim(database)
    assert (stored.telegram_chat_id, stored.telegram_user_id) == (chat, person)


async def test_claim_in_order(database: Database) -> None:
    """Of a chat there is one in work, the lowest number first; other chats go on."""
    await add(database, update(2), update(1), update(4, chat=8))

    first = await claim(database, "b")
    second = await claim(database, "c")
    await database.updates.finish(bot_id=BOT, update_ids=[1], worker="b")
    third = await claim(database, "c")

    assert (numbers(first), numbers(second), numbers(third)) == ([1, 4], [], [2])


async def test_claim_on_from_a_chat(database: Database) -> None:
    """Chats are given in turn, the last one's id being where the next begin."""
    await add(database, *(update(number, chat=-number) for number in range(1, 6)))

    first = await claim(database, capacity=2)
    second = await claim(database, capacity=2, after_chat_id=first[-1].telegram_chat_id)

    assert [each.telegram_chat_id for each in first + second] == [-5, -4, -3, -2]


async def test_claim_of_another_bot(database: Database) -> None:
    """A bot's updates are its own."""
    await add(database, update(1))

    assert await claim(database, bot_id=43) == []


async def test_claim_what_a_worker_left(database: Database, connection: psycopg.Connection) -> None:
    """What is kept beyond its lease is given again, as a failure; the one before cannot touch it any more."""
    await add(database, update(1), update(2), capacity=1)
    assert await claim(database) == []
    age(connection)

    [taken] = await claim(database)

    assert (taken.update_id, taken.worker, taken.attempts, taken.failures) == (1, "b", 2, 1)
    assert taken.error == "the worker vanished"
    assert await database.updates.finish(bot_id=BOT, update_ids=[1], worker="a") == []
    assert await database.updates.release(bot_id=BOT, update_ids=[1], worker="a") == []
    assert not await database.updates.note_sends(bot_id=BOT, update_id=1, worker="a", sends=1)
    assert await database.updates.fail(bot_id=BOT, update_id=1, worker="a", error="x") is None
    assert await database.updates.renew(bot_id=BOT, update_ids=[1], worker="a") == []


async def test_claim_what_makes_workers_vanish(database: Database, connection: psycopg.Connection) -> None:
    """An update in whose handling the worker vanishes again and again is set aside, and its chat goes on."""
    await add(database, update(1), update(2))
    states = []
    for _ in range(4):
        states += [(each.update_id, each.state) for each in await claim(database, max_failures=3)]
        age(connection)

    assert states == [(1, "running"), (1, "running"), (1, "running"), (1, "failed")]
    assert numbers(await claim(database)) == [2]


async def test_renew_keeps(database: Database, connection: psycopg.Connection) -> None:
    """A worker keeps what it names; what it does not know that it has goes on to another."""
    await add(database, update(1), update(2, chat=8), update(3, chat=9), capacity=3)
    age(connection)

    renewed = await database.updates.renew(bot_id=BOT, update_ids=[1, 2, 4], worker="a")

    assert sorted(renewed) == [1, 2]
    assert numbers(await claim(database)) == [3]


async def test_claim_of_what_may_kill(database: Database, connection: psycopg.Connection) -> None:
    """What vanished with a worker twice is tried one at a time, so that its innocent neighbours come through."""
    await add(database, *(update(number, chat=number) for number in (1, 2, 3)), capacity=3)
    for _ in range(2):
        age(connection)
        assert numbers(await claim(database)) == [1, 2, 3]
    age(connection)

    one = await claim(database)
    none = await claim(database)
    await database.updates.finish(bot_id=BOT, update_ids=[1], worker="b")
    another = await claim(database)

    assert (numbers(one), none, numbers(another)) == ([1], [], [2])


async def test_finish_leaves_a_number(database: Database) -> None:
    """Of a done update its number and times stay, nothing that somebody said and nobody's id."""
    await add(database, update(1), capacity=1)

    assert await database.updates.finish(bot_id=BOT, update_ids=[1], worker="a") == [1]
    assert await database.updates.finish(bot_id=BOT, update_ids=[1], worker="a") == []

    stored = await database.updates.get(bot_id=BOT, update_id=1)
    assert stored
    assert (stored.state, stored.payload, stored.telegram_chat_id, stored.telegram_user_id) == ("done", None, 0, 0)
    assert stored.finished_at


async def test_fail_waits_with_its_chat(database: Database, connection: psycopg.Connection) -> None:
    """A failed update is tried again after its delay, and its chat waits for it; others do not."""
    await add(database, update(1), update(2), update(3, chat=8), capacity=1)

    state = await database.updates.fail(
        bot_id=BOT, update_id=1, worker="a", error="builtins.ValueError", sqlstate="22003", delay_seconds=30
    )

    assert state == "pending"
    assert numbers(await claim(database)) == [3]
    age(connection)
    [again] = await claim(database, worker="c", capacity=1)
    assert (again.update_id, again.failures, again.error, again.sqlstate) == (1, 1, "builtins.ValueError", "22003")


async def test_fail_at_the_limit(database: Database) -> None:
    """At the limit an update is set aside with its error, and its chat goes on; retry and drop take it from there."""
    await add(database, update(1), update(2))
    for state in ("pending", "failed"):
        [given] = await claim(database)
        key: dict[str, Any] = {"bot_id": BOT, "update_id": given.update_id}
        assert await database.updates.fail(**key, worker="b", error="x", max_failures=2) == state

    assert numbers(await database.updates.page(state="failed")) == [1]
    assert numbers(await claim(database)) == [2]
    assert await database.updates.release(bot_id=BOT, update_ids=[2], worker="b") == [2]
    assert await database.updates.retry(**key)
    assert not await database.updates.retry(**key)
    [again] = await claim(database, capacity=1)
    assert (again.update_id, again.attempts, again.failures) == (1, 2, 0)
    assert not await database.updates.drop(**key)
    assert await database.updates.fail(**key, worker="b", error="x", max_failures=1) == "failed"
    assert await database.updates.drop(**key)
    assert not await database.updates.drop(**key)
    assert await database.updates.page(state="failed") == []


async def test_release_is_no_failure(database: Database, connection: psycopg.Connection) -> None:
    """What is given back waits so long, and counts no failure; what it has sent is known."""
    await add(database, update(1), capacity=1)
    await database.updates.note_sends(bot_id=BOT, update_id=1, worker="a", sends=2)

    assert await database.updates.release(bot_id=BOT, update_ids=[1], worker="a", delay_seconds=30) == [1]

    assert await claim(database) == []
    age(connection)
    [again] = await claim(database)
    assert (again.attempts, again.failures, again.sends) == (2, 0, 2)
