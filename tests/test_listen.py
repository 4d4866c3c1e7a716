"""Hearing what other sessions notify, across losses of the connection."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from botcore import Database, InvalidInput

CHANNEL = 'Odd "name"; --'
hears = pytest.mark.own_session("no notification passes there without the direct URL")
END_LISTENERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
)


async def heard(payloads: AsyncIterator[str]) -> str:
    """The next payload, which is not waited for without end."""
    return await asyncio.wait_for(anext(payloads), 10)


@hears
async def test_listen_gives_what_is_notified_on_its_channel(database: Database, connection: psycopg.Connection) -> None:
    """First '' for what came before, then each payload in order; other channels are not heard, and any name is one."""
    payloads = database.listen(CHANNEL)
    listening = await heard(payloads)

    for channel, payload in ((CHANNEL, "one"), ("other", "two"), (CHANNEL, "three")):
        connection.execute("SELECT pg_notify(%s, %s)", (channel, payload))

    assert (listening, await heard(payloads), await heard(payloads)) == ("", "one", "three")


@hears
async def test_listen_comes_back_after_a_loss(database: Database, connection: psycopg.Connection) -> None:
    """Its connection ended by the server, it listens anew and says so, since something may have been missed."""
    payloads = database.listen("updates")
    await heard(payloads)

    connection.execute(END_LISTENERS)
    again = await heard(payloads)
    connection.execute("NOTIFY updates, 'after'")

    assert (again, await heard(payloads)) == ("", "after")


@hears
async def test_listen_ends_when_it_is_cancelled(database: Database, connection: psycopg.Connection) -> None:
    """Nothing is swallowed, and its connection goes with it."""
    payloads = database.listen("updates")
    await heard(payloads)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await anext(payloads)

    left = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
    while connection.execute(left).fetchone():  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("channel", ["", "x" * 64, "ä" * 32])
async def test_listen_refuses_what_the_server_would_cut(database: Database, channel: str) -> None:
    """A name beyond 63 bytes would be another channel for the server."""
    with pytest.raises(InvalidInput, match="channel"):
        await heard(database.listen(channel))
