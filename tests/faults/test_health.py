"""What is told of a server that stands still or is gone, and when."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from botcore import Database, health
from botcore.health import Checks
from tests.conftest import Measured
from tests.faults.bots import Bots, Repeating
from tests.faults.servers import Server

NO_SERVER = "nothing listens there; is the server running?"


async def told(database: Database, measured: Measured) -> Checks:
    """What a thousand who ask at a time are told, which is one thing, and at the deadline."""
    started = time.perf_counter()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(*(database.health() for _ in range(1_000)))
    seconds = time.perf_counter() - started
    assert len(set(answers)) == 1
    assert seconds < health.DEADLINE_SECONDS + 0.5
    measured("told after", seconds)
    return answers[0]


@pytest.mark.fault("a thousand ask for the health of a frozen server")
@pytest.mark.parametrize("in_use", [0, 2])
async def test_health_of_a_frozen_server(url: str, faulty: Server, measured: Measured, in_use: int) -> None:
    """All are told in 0.8 s, or 0.5 s more, that it does not answer, with a pool or without; thawed, that it does."""
    async with Database.connect(url, max_size=2) as database:
        await database.ping()
        async with AsyncExitStack() as stack:
            for _ in range(in_use):
                await stack.enter_async_context(database.transaction())
            # first at the end, however that comes: a transaction ends by a word of the server
            stack.callback(faulty.thaw)
            faulty.freeze()
            first = await told(database, measured)
            second = await told(database, measured)
        async with asyncio.timeout(5):
            while health.status(await database.health()) != "ok":  # noqa: ASYNC110 - a server thaws without an event
                await asyncio.sleep(0.1)

        faulty.freeze()
        await asyncio.sleep(1)
        asking = asyncio.create_task(database.health())
        await asyncio.sleep(0.1)
        started = time.monotonic()
    closed = time.monotonic() - started

    assert {check.reason for check in first[:2]} == {"no answer in 0.8 s"}
    assert health.status(first) == health.status(second) == "failed"
    # whoever still waits has an answer, and the end does not wait for the server
    assert health.status(await asking) == "failed"
    assert closed < 2


@pytest.mark.fault("the server is restarted, or gone, while its health is asked for")
async def test_health_through_a_restart(url: str, faulty: Server, measured: Measured) -> None:
    """A server that is gone is named as such, and 2 s after it is back, or was restarted, nothing fails."""
    async with Database.connect(url, min_size=2) as database:
        await database.ping()
        faulty.stop()
        await asyncio.to_thread(faulty.start)
        await asyncio.sleep(2)
        restarted = await told(database, measured)

        faulty.kill()
        async with asyncio.timeout(5):
            while (gone := await database.health())[0].reason != NO_SERVER:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.1)
        await asyncio.to_thread(faulty.start)
        await asyncio.sleep(2)
        back = await told(database, measured)

    # a machine that is busy may be slow with a new connection for the pool
    assert health.status(restarted) in {"ok", "degraded"}
    assert health.status(gone) == "failed"
    assert health.status(back) in {"ok", "degraded"}


@pytest.mark.fault("a running bot's server is frozen, while probes come")
async def test_probes_of_a_bot_with_a_frozen_server(
    url: str, faulty: Server, tmp_path: Path, unused_tcp_port: int, measured: Measured
) -> None:
    """/live is answered as ever, /ready by 503 in 0.8 s, or 0.5 s more; 3 s after the thaw it is 200 again."""
    place = f"http://127.0.0.1:{unused_tcp_port}"

    async def probe(session: aiohttp.ClientSession, path: str) -> tuple[int, float]:
        started = time.perf_counter()
        async with session.get(place + path) as response:
            return response.status, time.perf_counter() - started

    async with (
        Repeating.serve() as api,
        Bots.of(url, api, tmp_path, PORT=str(unused_tcp_port)) as bots,
        aiohttp.ClientSession() as session,
    ):
        await bots.start()
        await api.until(lambda: bool(api.called("getUpdates")))
        before = [await probe(session, "/ready") for _ in range(3)]
        faulty.freeze()
        await asyncio.sleep(1.1)
        live, ready = await asyncio.gather(probe(session, "/live"), probe(session, "/ready"))
        faulty.thaw()
        await asyncio.sleep(3)
        after = await probe(session, "/ready")

    assert [status for status, _ in (*before, live, ready, after)] == [200] * 4 + [503, 200]
    assert min(seconds for _, seconds in before) < 0.1
    assert live[1] < 0.5
    assert ready[1] < health.DEADLINE_SECONDS + 0.5
    measured("ready after", max(seconds for _, seconds in before))
    measured("not ready after", ready[1])
