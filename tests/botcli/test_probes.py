"""/live, /health and /ready over real HTTP: what is told of a bot, and that it costs nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import psycopg
import pytest
from aiogram import Bot

from botcli import http
from botcli.probes import Probes
from botcli.settings import BotSettings
from botcore import Database, health
from tests.botcli.bot_api import RESET, TOKEN, BotApi, broken, refused
from tests.botcli.probing import told


@pytest.fixture
def stop() -> asyncio.Event:
    """What tells the bot to end."""
    return asyncio.Event()


@pytest.fixture
async def probes(bot: Bot, stop: asyncio.Event) -> AsyncIterator[Probes]:
    """The probes of a bot whose database is not open."""
    probes = Probes(bot, stop)
    yield probes
    await probes.close()


@pytest.fixture
async def url(probes: Probes) -> AsyncIterator[str]:
    """Where they are answered."""
    async with http.serve(http.build_application(probes.routes()), "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probe(probes: Probes, database: Database, url: str, client: aiohttp.ClientSession, path: str) -> None:
    """All is well: every part with its milliseconds, within 100 ms."""
    await database.ping()
    with probes.of(database):
        await told(client, url + path)
        seconds = 1.0
        for _ in range(5):
            database._health._kept_until = 0.0
            started = time.perf_counter()
            status, body = await told(client, url + path)
            seconds = min(seconds, time.perf_counter() - started)

    assert (status, body["status"], body["draining"]) == (200, "ok", False)
    assert list(body["checks"]) == ["database", "schema", "pool", "telegram"]
    assert {check["ok"] for check in body["checks"].values()} == {True}
    assert all(0 <= check["milliseconds"] < 1_000 for check in body["checks"].values())
    assert seconds < 0.1


async def test_live(url: str, client: aiohttp.ClientSession) -> None:
    """It asks nobody."""
    assert await told(client, url + "/live") == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/live", "/health", "/ready"])
async def test_probe_by_another_method(
    probes: Probes, database: Database, url: str, client: aiohttp.ClientSession, path: str
) -> None:
    """HEAD is GET without the body; nothing can be changed here."""
    with probes.of(database):
        assert await told(client, url + path, "HEAD") == (200, None)
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            async with client.request(method, url + path, data=b"x") as response:
                assert (response.status, response.headers["Cache-Control"]) == (405, "no-store")


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probe_before_the_database(url: str, client: aiohttp.ClientSession, path: str) -> None:
    """Until it is open nothing can be done, but the process lives."""
    status, body = await told(client, url + path)

    assert (status, body["status"]) == (503, "failed")
    assert body["checks"]["database"]["reason"] == "not open: the log says what it waits for"


async def test_probe_while_it_is_drained(
    probes: Probes, database: Database, url: str, client: aiohttp.ClientSession, stop: asyncio.Event
) -> None:
    """No work is to come any more, though all is well."""
    stop.set()
    with probes.of(database):
        ready, whole, live = [await told(client, url + path) for path in ("/ready", "/health", "/live")]

    assert (ready[0], ready[1]["status"], ready[1]["draining"]) == (503, "draining", True)
    assert (whole[0], whole[1]["status"], whole[1]["draining"]) == (200, "ok", True)
    assert live[0] == 200


async def test_probe_of_another_schema(
    probes: Probes, database: Database, url: str, client: aiohttp.ClientSession, connection: psycopg.Connection[Any]
) -> None:
    """A schema that is behind fails, with the command that helps."""
    connection.execute("DROP TABLE alembic_version")

    with probes.of(database):
        status, body = await told(client, url + "/ready")

    assert (status, body["status"]) == (503, "failed")
    assert body["checks"]["schema"]["reason"] == "the database has no schema yet: run `botcli db upgrade`"


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ([RESET] * 9, "no answer in 0.8 s"),
        ([broken(f"<p>{TOKEN}</p>")] * 9, "no answer in 0.8 s"),
        ([refused(401, f"Unauthorized {TOKEN}")], "BOT_TOKEN: Telegram refuses it: it is wrong or was revoked"),
        ([refused(400, f"Bad Request {TOKEN}")], "Telegram: Bad Request 42:***"),
    ],
)
async def test_probe_without_telegram(
    probes: Probes,
    database: Database,
    url: str,
    client: aiohttp.ClientSession,
    bot_api: BotApi,
    faults: list[Any],
    reason: str,
) -> None:
    """That Telegram does not answer is told at the deadline, without a token; it is no reason to restart a bot."""
    bot_api.fail("getMe", *faults)

    with probes.of(database):
        started = time.perf_counter()
        status, body = await told(client, url + "/ready")
        seconds = time.perf_counter() - started

    assert (status, body["status"]) == (200, "degraded")
    assert body["checks"]["telegram"]["reason"] == reason
    assert seconds < health.DEADLINE_SECONDS + 0.5


async def test_probe_of_telegram_by_many(
    probes: Probes, database: Database, url: str, client: aiohttp.ClientSession, bot_api: BotApi
) -> None:
    """However many ask, Telegram is asked once, and nobody waits for it who came later."""
    bot_api.calls.clear()

    with probes.of(database):
        answers = await asyncio.gather(*(told(client, url + "/health") for _ in range(100)))

    assert len({str(body["checks"]["telegram"]) for _, body in answers}) == 1
    assert len(bot_api.called("getMe")) == 1


async def test_probe_of_telegram_anew(
    probes: Probes, database: Database, url: str, client: aiohttp.ClientSession, bot_api: BotApi
) -> None:
    """What was found some seconds ago is told at once, while Telegram is asked again: the next one hears of that."""
    with probes.of(database):
        assert (await told(client, url + "/health"))[1]["status"] == "ok"
        probes._telegram._kept_until = 0.0
        bot_api.fail("getMe", refused(401, "Unauthorized"))
        assert (await told(client, url + "/health"))[1]["status"] == "ok"
        await asyncio.sleep(0.2)
        assert (await told(client, url + "/health"))[1]["status"] == "degraded"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({}, None),
        ({"port": 9}, ("127.0.0.1", 9)),
        ({"port": 9, "http_host": "0.0.0.0"}, ("0.0.0.0", 9)),
        ({"webhook_url": "https://x"}, ("127.0.0.1", 8080)),
        ({"webhook_url": "https://x", "port": 9}, ("127.0.0.1", 9)),
    ],
)
def test_address(given: dict[str, Any], address: tuple[str, int] | None) -> None:
    """Without a port nobody listens, so that several can poll on one machine; but where Telegram posts, on 8080."""
    assert http.address(BotSettings(**given, _env_file=None)) == address
