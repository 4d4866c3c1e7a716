"""A server that is not there yet, or not for us: either said at once, or waited for."""

import asyncio
import time

import pytest

from botcore import Database, Unavailable
from tests.conftest import Measured
from tests.faults.servers import Server

NO_SERVER = "nothing listens there; is the server running"


@pytest.mark.fault("the server is down at start, and for a while")
async def test_connect_without_a_server_says_why_and_heals(url: str, faulty: Server, measured: Measured) -> None:
    """On request it opens; each call says why it cannot be, and one made after the server is back works within 2 s."""
    faulty.stop()
    with pytest.raises(Unavailable, match=NO_SERVER):
        await Database.connect(url).__aenter__()
    async with Database.connect(url, require_server=False, timeout_seconds=0.3) as database:
        for _ in range(3):
            with pytest.raises(Unavailable, match=NO_SERVER) as refused:
                await database.ping()
            assert refused.value.retry_is_safe
        await asyncio.to_thread(faulty.start)

        measured("healed", await healing(database))


@pytest.mark.slow
@pytest.mark.fault("the server is down for 35 s")
async def test_outage_is_over_for_a_call_that_waits_when_the_server_is_back(
    url: str, faulty: Server, measured: Measured
) -> None:
    """However long it was, a call that waited through it works within 2 s of the server, though nobody else calls."""
    async with Database.connect(url, max_size=1, timeout_seconds=60) as database:
        await database.ping()
        faulty.stop()
        waiting = asyncio.create_task(database.ping())
        # with pauses that double, as the pool's own, the next attempt would come 30 s later
        await asyncio.sleep(35)
        await asyncio.to_thread(faulty.start)

        started = time.monotonic()
        await waiting
        took = time.monotonic() - started

    assert took < 2
    measured("healed", took)


@pytest.mark.fault("a wrong password or database at start")
async def test_wrong_password_and_wrong_database_are_named(url: str, faulty: Server, measured: Measured) -> None:
    """Both are said at once, or by each call where no server was required; and both heal once they are mended."""
    faulty.execute("DROP ROLE IF EXISTS stranger")
    faulty.execute("CREATE ROLE stranger LOGIN PASSWORD 'other'")
    faulty.ask_for_password("stranger")
    stranger = url.replace("postgres@", "stranger:canary@")
    elsewhere = faulty.database_url("nowhere")
    for wrong, reason, mend in (
        (stranger, "wrong user or password", "ALTER ROLE stranger PASSWORD 'canary'"),
        (elsewhere, "no such database or user", "CREATE DATABASE nowhere"),
    ):
        with pytest.raises(Unavailable, match=reason):
            await Database.connect(wrong).__aenter__()
        async with Database.connect(wrong, require_server=False, timeout_seconds=0.3) as database:
            with pytest.raises(Unavailable, match=reason) as refused:
                await database.ping()
            faulty.execute(mend)
            measured("healed", await healing(database))
        assert "canary" not in str(refused.value)
    faulty.execute("DROP DATABASE nowhere WITH (FORCE)")


async def healing(database: Database) -> float:
    """How long it takes until a call works, which is less than 2 s."""
    started = time.monotonic()
    while True:
        try:
            await database.ping()
        except Unavailable:
            assert time.monotonic() - started < 2
        else:
            return time.monotonic() - started
