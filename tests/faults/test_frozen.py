"""A server that stands still: every deadline of a caller is kept."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from botcore import Database, Unavailable
from tests.conftest import Measured
from tests.factories import archived, copied, said
from tests.faults.servers import Server

Call = Callable[[Database, Server], Awaitable[object]]


async def plain(database: Database, server: Server) -> None:
    """A statement of its own."""
    server.freeze()
    await database.ping()


async def inside_a_transaction(database: Database, server: Server) -> None:
    """A statement of a transaction, whose rollback is due then."""
    async with database.transaction() as transaction:
        await said(transaction)
        server.freeze()
        await transaction.users.page()


async def between_statements(database: Database, server: Server) -> None:
    """A transaction that waits for something else when its time is over."""
    async with database.transaction() as transaction, transaction.transaction() as inner:
        await said(inner)
        server.freeze()
        await asyncio.sleep(60)


async def copying_in(database: Database, server: Server) -> None:
    """Many messages on their way, frozen somewhere in the midst of it."""
    message = (await said(database)).message
    key = {"chat_id": message.chat_id, "user_id": message.user_id}
    asyncio.get_running_loop().call_later(0.7, server.freeze)
    await copied(database, (archived(number, **key, content="x" * 300) for number in range(200, 100_000)))


async def rolling_back(database: Database, server: Server) -> None:
    """A transaction that failed, and whose rollback is not answered."""
    async with database.transaction() as transaction:
        await said(transaction)
        server.freeze()
        raise ZeroDivisionError


async def committing(database: Database, server: Server) -> None:
    """A commit that is not answered."""
    async with database.transaction() as transaction:
        await said(transaction)
        server.freeze()


async def waiting_for_a_connection(database: Database, server: Server) -> None:
    """One call more than the pool has connections."""
    server.freeze()
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(database.ping())


async def listening(database: Database, server: Server) -> None:
    """A listener to whom nothing comes."""
    payloads = database.listen("updates")
    await anext(payloads)
    server.freeze()
    await anext(payloads)


async def beginning_to_listen(database: Database, server: Server) -> None:
    """A listener without a connection yet."""
    server.freeze()
    await anext(database.listen("updates"))


@pytest.mark.fault("the server is frozen (SIGSTOP)")
@pytest.mark.parametrize(
    "call",
    [
        plain,
        between_statements,
        pytest.param(inside_a_transaction, marks=pytest.mark.slow),
        pytest.param(copying_in, marks=pytest.mark.slow),
        pytest.param(rolling_back, marks=pytest.mark.slow),
        pytest.param(committing, marks=pytest.mark.slow),
        pytest.param(waiting_for_a_connection, marks=pytest.mark.slow),
        pytest.param(listening, marks=pytest.mark.slow),
        pytest.param(beginning_to_listen, marks=pytest.mark.slow),
    ],
)
async def test_frozen_server_holds_no_deadline(call: Call, url: str, faulty: Server, measured: Measured) -> None:
    """A deadline of 1 s ends any call within 0.5 s after it, and the database closes within 2 s; thawed, it works."""
    async with Database.connect(url, max_size=2) as database:
        await database.ping()
        asyncio.get_running_loop().call_later(5, faulty.thaw)  # lest a call that holds a deadline holds this test too
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await call(database, faulty)
        late = time.monotonic() - started - 1
        await asyncio.sleep(0.1)  # the pool is connecting anew by now
        started = time.monotonic()
    closed = time.monotonic() - started
    faulty.thaw()

    async with Database.connect(url) as database:
        await database.ping()
    assert late < 0.5
    assert closed < 2
    measured("late by", late)
    measured("closing", closed)


async def test_first_erasure_of_a_frozen_server_keeps_the_pools_time(url: str, faulty: Server) -> None:
    """Where no server was required the look at where the eraser leads takes no longer than a connection may."""
    async with Database.connect(url, eraser_url=url, require_server=False, timeout_seconds=1) as database:
        faulty.freeze()
        started = time.monotonic()
        erasures = (database.users.erase(telegram_user_id=number) for number in range(1, 6))
        refused = await asyncio.gather(*erasures, return_exceptions=True)
        took = time.monotonic() - started

    assert {type(error) for error in refused} == {Unavailable}
    assert took < 2
