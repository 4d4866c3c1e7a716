"""Servers and sessions that end while there is work: what was acknowledged is there once, and the rest goes on."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psycopg
import pytest

from botcore import Database, Message
from tests.conftest import Measured
from tests.factories import dialogue, said
from tests.faults.listeners import listening
from tests.faults.servers import Server
from tests.faults.writers import WRITERS, writing

BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def kill_server(server: Server, _: str) -> None:
    """Kill -9, and a start."""
    server.kill()
    server.start()


def kill_backend(_: Server, url: str) -> None:
    """Kill -9 of one session, at which the server ends all of them and recovers by itself."""
    with psycopg.connect(url, autocommit=True) as connection:
        # nobody there is an error: 0 would be this process and its relatives
        [[pid]] = connection.execute(f"{BACKENDS} LIMIT 1".encode()).fetchall()
        os.kill(pid, signal.SIGKILL)
        # until it has noticed: all writers could write again before that
        with suppress(psycopg.OperationalError):
            while True:
                connection.execute("SELECT")


@pytest.mark.fault("kill -9 of the server, or of one backend, under 16 writers")
@pytest.mark.parametrize("kill", [kill_server, pytest.param(kill_backend, marks=pytest.mark.slow)])
async def test_killed_server_loses_and_doubles_nothing(
    kill: Callable[[Server, str], None], url: str, faulty: Server, measured: Measured
) -> None:
    """Every acknowledged row is there once, and all writers write again in under 10 s."""
    async with Database.connect(url, max_size=WRITERS) as database, writing(database, url, measured) as writers:
        writers.count_from_now()
        await asyncio.to_thread(kill, faulty, url)


@pytest.mark.fault("kill -9 of the server, or of one backend, while a service listens")
@pytest.mark.parametrize("kill", [kill_server, pytest.param(kill_backend, marks=pytest.mark.slow)])
async def test_killed_server_has_no_message_unheard(
    kill: Callable[[Server, str], None], url: str, faulty: Server, measured: Measured
) -> None:
    """Of what 16 writers store it is given each message once, in the order of ids, and none is missed."""
    async with Database.connect(url, max_size=WRITERS) as database, Database.connect(url) as service:
        async with listening(service, url, measured), writing(database, url, measured):
            await asyncio.to_thread(kill, faulty, url)


async def read(database: Database, message: Message) -> object:
    """A statement that only reads."""
    return await database.messages.recent(**dialogue(message))


async def record(database: Database, _: Message) -> object:
    """A write that can be repeated."""
    return await said(database, telegram_message_id=2)


async def add(database: Database, message: Message) -> object:
    """A write that must not be repeated."""
    return await database.messages.add(**dialogue(message), role="assistant", content="Hi")


async def transact(database: Database, message: Message) -> object:
    """A transaction."""
    async with database.transaction() as transaction:
        return await add(transaction, message)  # type: ignore[arg-type]


@pytest.mark.fault("a clean restart under an idle pool of 10")
@pytest.mark.parametrize("call", [read, record, add, transact])
async def test_first_call_after_a_restart_is_quick(
    call: Callable[[Database, Message], Awaitable[object]], url: str, faulty: Server, measured: Measured
) -> None:
    """The first call after it, whatever it is, succeeds in under 1 s and stores one row."""
    async with Database.connect(url, min_size=10) as database:
        message = (await said(database)).message
        await until_connected(url, 10)
        await asyncio.to_thread(faulty.stop)
        await asyncio.to_thread(faulty.start)

        started = time.monotonic()
        await call(database, message)
        took = time.monotonic() - started

        assert took < 1
        assert len(await database.messages.recent(**dialogue(message))) == (1 if call is read else 2)
    measured("first call", took)


async def test_sessions_ended_under_an_idle_pool_cost_nobody_an_error(url: str) -> None:
    """What the server ended while it was idle is not given to anybody, however many at once ask."""
    async with Database.connect(url, min_size=10) as database:
        await until_connected(url, 10)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM ({BACKENDS}) AS backends".encode())
            while connection.execute(BACKENDS.encode()).fetchone():  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.01)

        await asyncio.gather(*(said(database, telegram_message_id=None) for _ in range(20)))

        assert (await database.stats.totals(bot_id=1)).user_messages == 20


async def until_connected(url: str, sessions: int) -> None:
    """Returns when that many sessions are in the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        while len(connection.execute(BACKENDS.encode()).fetchall()) < sessions:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)
