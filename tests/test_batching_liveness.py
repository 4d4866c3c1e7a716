"""Whatever keeps one of the joined calls waiting, the others go on, and who waits for too long is told why."""

import asyncio
import gc
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any

import psycopg
import pytest

from botcore import Database, Message, Recorded, Unavailable, batching
from tests.conftest import until_waiting
from tests.crowds import crowd, ids
from tests.factories import dialogue, person, said


class Kind(str, Enum):  # noqa: UP042 - aiogram's are such, and print otherwise
    """Words as aiogram has them."""

    PRIVATE = "private"
    QUOTED = 'a "b" \\ c'


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database whose calls join, whatever the suite's default."""
    async with Database.connect(database_url, join_calls=True) as opened:
        yield opened


async def test_call_that_waits_alone_keeps_nobody_waiting(database: Database, connection: psycopg.Connection) -> None:
    """The first of all calls waits for a lock; those that come after it do not."""
    for number in (2, 7):
        await said(database, telegram_user_id=number, telegram_message_id=1)
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("SELECT FROM chats WHERE telegram_chat_id = 7 FOR UPDATE")
        alone = asyncio.create_task(said(database, telegram_user_id=7, telegram_message_id=2))
        await until_waiting(connection)
        behind = asyncio.create_task(said(database, telegram_user_id=7, telegram_message_id=3))

        for number in (2, 3, 4):
            await asyncio.wait_for(said(database, telegram_user_id=2, telegram_message_id=number), 2)

        assert not alone.done()
    first, second = await asyncio.gather(alone, behind)
    assert first.message.id < second.message.id


async def test_halves_are_under_way_at_the_same_moment(
    database: Database, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one does not wait for the first, however long that takes."""
    await crowd(database, chats=100)
    monkeypatch.setattr(batching, "_TURN_SECONDS", 60)
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        calls = [
            asyncio.create_task(said(database, telegram_user_id=n, telegram_message_id=2, content="Well?"))
            for n in ids(100)
        ]
        await asyncio.wait_for(until_waiting(connection, 2), 5)

    assert all(each.is_new for each in await asyncio.gather(*calls))


async def test_calls_behind_one_that_waits_start_next_to_nothing(
    database: Database, connection: psycopg.Connection
) -> None:
    """Until it ends nobody looks for them again and again, neither when they come nor when nobody could be taken."""
    for number in (2, 7):
        await said(database, telegram_user_id=number, telegram_message_id=1)
    loop, started = asyncio.get_running_loop(), list[str]()

    def start(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> "asyncio.Task[Any]":
        started.append(repr(work))
        return asyncio.Task(work, loop=loop, **options)

    with psycopg.connect(connection.info.dsn) as other:
        other.execute("SELECT FROM chats WHERE telegram_chat_id = 7 FOR UPDATE")
        alone = asyncio.create_task(said(database, telegram_user_id=7, telegram_message_id=2))
        await until_waiting(connection)
        loop.set_task_factory(start)
        behind = []
        for number in range(3, 23):
            behind.append(asyncio.create_task(said(database, telegram_user_id=7, telegram_message_id=number)))
            await asyncio.sleep(0.001)
        await said(database, telegram_user_id=2, telegram_message_id=2)
        await asyncio.sleep(0.2)
        loop.set_task_factory(None)

    # the other one's, and a look after each that ended or took long
    assert 0 < sum("Line._fly" in each for each in started) < 8
    recorded = await asyncio.gather(alone, *behind)
    assert [each.message.id for each in recorded] == sorted(each.message.id for each in recorded)


async def test_call_inside_of_a_transaction_that_another_call_waits_for(
    database: Database, connection: psycopg.Connection
) -> None:
    """A call on the database is no deadlock for the transaction around it."""
    message = (await said(database, telegram_user_id=7, telegram_message_id=1)).message
    async with database.transaction() as transaction:
        await transaction.users.delete(user_id=person(message))
        alone = asyncio.create_task(said(database, telegram_user_id=7, telegram_message_id=2))
        await until_waiting(connection)

        await asyncio.wait_for(said(database, telegram_user_id=2, telegram_message_id=1), 2)

    assert (await alone).is_new


async def test_statement_that_waits_for_somebodys_message_is_overtaken(
    database: Database, connection: psycopg.Connection
) -> None:
    """Not by what belongs to a chat that has a message in it: that is stored afterwards."""
    questions = await crowd(database)
    with psycopg.connect(connection.info.dsn) as other:
        other.execute(
            "INSERT INTO messages (chat_id, role, content, telegram_message_id, sent_at)"
            " VALUES (%s, 'user', 'Hello', 5, now())",
            [questions[0].chat_id],
        )
        stuck = [asyncio.create_task(said(database, telegram_user_id=n, telegram_message_id=5)) for n in (1, 2, 3)]
        await until_waiting(connection)
        behind = asyncio.create_task(said(database, telegram_user_id=2, telegram_message_id=4))

        for number in (6, 7, 8):
            calls = [said(database, telegram_user_id=n, telegram_message_id=number) for n in (9, 10)]
            await asyncio.wait_for(asyncio.gather(*calls), 2)

        assert not any(call.done() for call in [*stuck, behind])
    recorded = await asyncio.gather(*stuck, behind)
    assert [each.is_new for each in recorded] == [False, True, True, True]
    assert recorded[1].message.id < recorded[3].message.id


async def test_enum_is_stored_by_its_value(database: Database, connection: psycopg.Connection) -> None:
    """As by a call that comes alone."""
    await crowd(database)

    recorded = await asyncio.gather(
        *(
            said(
                database, telegram_user_id=n, telegram_message_id=2, chat_type=Kind.PRIVATE, media_group_id=Kind.QUOTED
            )
            for n in ids(20)
        )
    )

    assert {each.message.media_group_id for each in recorded} == {Kind.QUOTED.value}
    assert connection.execute("SELECT DISTINCT type FROM chats").fetchall() == [("private",)]


async def test_any_number_may_wait(database_url: str) -> None:
    """With 0 for `max_waiting`, as the pool has it."""
    async with Database.connect(database_url, max_size=1, max_waiting=0, join_calls=True) as database:
        recorded = await asyncio.gather(*(said(database, telegram_user_id=n, telegram_message_id=1) for n in ids(300)))

    assert all(each.is_new for each in recorded)


async def test_callers_of_a_task_that_somebody_cancelled_are_told(
    database: Database, connection: psycopg.Connection
) -> None:
    """What has a Telegram id is tried again, for the rest nobody knows; afterwards the line goes on."""
    questions = await crowd(database)
    keys = [dialogue(each) for each in questions]
    await asyncio.gather(*(database.messages.add(**key, role="user", content="Well?") for key in keys))
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        calls = [asyncio.create_task(database.messages.add(**key, role="assistant", content="Answer")) for key in keys]
        await until_waiting(connection)
        for task in asyncio.all_tasks() - {*calls, asyncio.current_task()}:
            if "Line._fly" in repr(task.get_coro()):
                task.cancel()

        ends = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)

    assert all(isinstance(end, Unavailable) and not end.retry_is_safe for end in ends)
    again = await asyncio.gather(*(said(database, telegram_user_id=n, telegram_message_id=2) for n in ids(20)))
    assert all(isinstance(each, Recorded) for each in again)


@pytest.mark.parametrize("steps", [1, 3])
async def test_callers_of_a_task_that_was_cancelled_before_it_had_any(
    database: Database, connection: psycopg.Connection, steps: int
) -> None:
    """Those who were to go with it go with the next, whether it had begun to wait for its turn or not even that."""
    keys = [dialogue(each) for each in await crowd(database)]
    await asyncio.gather(*(database.messages.add(**key, role="user", content="Well?") for key in keys))
    with psycopg.connect(connection.info.dsn) as other:
        other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        answers = [asyncio.create_task(database.messages.add(**key, role="assistant", content="x")) for key in keys]
        await asyncio.sleep(0)
        pages = [asyncio.create_task(database.messages.recent(**key)) for key in keys]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {*answers, *pages, asyncio.current_task()}:
            if "Line._fly" in repr(task.get_coro()):
                task.cancel()

    found = await asyncio.wait_for(asyncio.gather(*pages), 5)
    assert all({"Hello", "Well?"} <= {each.content for each in page} for page in found)
    ends = await asyncio.wait_for(asyncio.gather(*answers, return_exceptions=True), 5)
    assert {type(end) for end in ends} <= {Message, Unavailable}


async def test_rows_go_without_the_garbage_collector(database: Database) -> None:
    """What nobody holds any more is freed at once: its walks over thousands of rows took a sixth of all."""
    keys = [dialogue(each) for each in await crowd(database)]
    gc.collect()
    gc.disable()
    try:
        for number in (2, 3):
            await asyncio.gather(*(said(database, telegram_user_id=n, telegram_message_id=number) for n in ids(20)))
            pages = await asyncio.gather(*(database.messages.recent(**key) for key in keys))
            assert {len(page) for page in pages} == {number}
            del pages
            # the loop lets go of what it woke this one with
            await asyncio.sleep(0)

        assert not [each for each in gc.get_objects() if type(each) is Message]
    finally:
        gc.enable()


async def test_callers_without_a_server_are_told_the_cause(tmp_path: object) -> None:
    """Those in line, too, and all of them soon after their time."""
    url = f"postgresql://postgres@/none?host={tmp_path}&port=1"
    async with Database.connect(url, require_server=False, timeout_seconds=0.5, join_calls=True) as database:
        ends = await asyncio.wait_for(
            asyncio.gather(
                *(said(database, telegram_user_id=n, telegram_message_id=1) for n in ids(400)), return_exceptions=True
            ),
            5,
        )

    assert {type(end) for end in ends} == {Unavailable}
    assert all("nothing listens there" in str(end) for end in ends)
