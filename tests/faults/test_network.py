"""A network that is slow, silent or rude."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest

from botcore import Database, Message, Unavailable
from tests.conftest import Measured
from tests.factories import edited, said
from tests.faults.proxy import Proxy

Call = Callable[[Database], Awaitable[object]]


@pytest.mark.fault("a black hole: the network takes everything and brings nothing")
async def test_black_hole_holds_no_deadline_and_heals(proxied_url: str, network: Proxy, measured: Measured) -> None:
    """A deadline of 1 s ends a call within 0.5 s after it; with the network back the next call works within 2 s."""
    async with Database.connect(proxied_url) as database:
        await database.ping()
        network.flows.clear()

        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await said(database)
        late = time.monotonic() - started - 1
        network.flows.set()
        started = time.monotonic()
        await database.ping()
        healed = time.monotonic() - started

    assert late < 0.5
    assert healed < 2
    measured("late by", late)
    measured("healed", healed)


@pytest.mark.fault("latency of 50 ms each way")
async def test_latency_is_waited_for_and_a_cancelled_call_keeps_its_connection(
    proxied_url: str, network: Proxy, measured: Measured
) -> None:
    """A call takes its round trip; one that is cancelled leaves a connection that works, for the next."""
    async with Database.connect(proxied_url, max_size=1) as database:
        await database.ping()
        network.latency_seconds = 0.05

        started = time.monotonic()
        await database.ping()
        took = time.monotonic() - started
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await database.ping()
        connections = network.connections
        await database.ping()

    # one more for the cancel itself, and none for the next call
    assert network.connections == connections
    measured("a call", took)


@pytest.mark.fault("every connection is reset")
async def test_reset_of_idle_connections_costs_no_error(proxied_url: str, network: Proxy, measured: Measured) -> None:
    """Idle connections that were reset are replaced before a call notices: reads and writes go on within 1 s."""
    async with Database.connect(proxied_url, min_size=5) as database:
        await asyncio.gather(*(database.ping() for _ in range(5)))
        network.reset()
        await asyncio.sleep(0)

        started = time.monotonic()
        await asyncio.gather(*(said(database, telegram_message_id=None) for _ in range(20)))
        took = time.monotonic() - started

        assert (await database.stats.totals(bot_id=1)).user_messages == 20
    assert took < 1
    measured("20 calls", took)


@pytest.mark.fault("a firewall forgot idle connections, which look alive")
async def test_forgotten_connections_cost_at_most_one_repetition(proxied_url: str, network: Proxy) -> None:
    """The first loss replaces all of them: a read, and a write with a key, succeed though each of five was dead."""
    async with Database.connect(proxied_url, min_size=5) as database:
        for call in (said, read):
            await asyncio.gather(*(database.ping() for _ in range(5)))
            network.forget()

            await call(database)


async def record(database: Database) -> object:
    """One statement."""
    return await said(database, telegram_message_id=2)


async def add(database: Database) -> object:
    """One statement, known again by its Telegram id."""
    return await database.messages.add(chat_id=1, user_id=1, role="assistant", content="Hi", telegram_message_id=3)


async def edit(database: Database) -> object:
    """A transaction."""
    return await database.messages.edit(**edited(5))


async def delete(database: Database) -> object:
    """A transaction."""
    return await database.users.delete(user_id=1)


async def read(database: Database) -> object:
    """One statement that only reads."""
    return await database.messages.recent(chat_id=1, user_id=1)


@pytest.mark.fault("the answer to a commit is a reset")
@pytest.mark.parametrize(
    ("call", "answer", "rows"),
    [
        (record, b"SELECT 1", 2),
        (add, b"SELECT 1", 2),
        (edit, b"COMMIT", 1),
        (delete, b"COMMIT", 1),
        (read, b"SELECT 1", 1),
    ],
)
async def test_commit_answered_by_a_reset_is_asked_again(
    call: Call, answer: bytes, rows: int, proxied_url: str, network: Proxy
) -> None:
    """A read, and what is known again by its key, is asked again by itself: no error, one row."""
    async with Database.connect(proxied_url) as database:
        await said(database)
        network.reset_on = answer

        await call(database)

        assert network.reset_on is None
        assert len(await stored(database)) == rows


@pytest.mark.fault("the answer to a commit is a reset")
async def test_commit_answered_by_a_reset_is_never_asked_again_where_it_would_double(
    proxied_url: str, network: Proxy
) -> None:
    """What has no key is Unavailable and not to be repeated, be it a statement or a transaction; each is there once."""
    async with Database.connect(proxied_url) as database:
        await said(database)
        for answer in (b"SELECT 1", b"COMMIT"):
            network.reset_on = answer
            with pytest.raises(Unavailable, match="the outcome is unknown") as lost:
                async with database.transaction() if answer == b"COMMIT" else nullcontext(database) as either:
                    await either.messages.add(chat_id=1, user_id=1, role="assistant", content="Hi")
            assert not lost.value.retry_is_safe

        assert [message.content for message in await stored(database)] == ["Hi", "Hi", "Hello"]


async def stored(database: Database) -> list[Message]:
    """All messages of the chat, also where their person is deleted."""
    await database.users.restore(user_id=1)
    return await database.messages.recent_in_chat(chat_id=1)
