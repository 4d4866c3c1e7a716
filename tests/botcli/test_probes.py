"""/live, /health and /ready over real HTTP: what is told of a bot, and that it costs nothing."""

import asyncio
import json
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
from tests.botcli.conftest import Start
from tests.botcli.updates import message

SECRET = TOKEN.partition(":")[2]


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


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """An orchestrator."""
    async with aiohttp.ClientSession() as session:
        yield session


async def told(client: aiohttp.ClientSession, url: str, method: str = "GET") -> tuple[int, Any]:
    """The status and what the answer says, which nobody may keep and which shows no token."""
    async with client.request(method, url) as response:
        text = await response.text()
        assert response.headers["Cache-Control"] == "no-store"
        assert SECRET not in text + str(response.headers)
        return response.status, json.loads(text or "null")


async def until_told(client: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    """The first answer of a process that starts."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await told(client, url)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.02)


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
        ([refused(401, f"Unauthorized {TOKEN}")], "Telegram refuses BOT_TOKEN: it is wrong or was revoked"),
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


async def test_run_before_its_database(
    start: Start, unused_tcp_port: int, client: aiohttp.ClientSession, bot_api: BotApi
) -> None:
    """While the bot waits for its database it lives, is not ready, and takes no update; SIGTERM ends it at once."""
    url = f"http://127.0.0.1:{unused_tcp_port}"
    process = await start(
        "run",
        PORT=str(unused_tcp_port),
        DATABASE_URL="postgresql://canary:canary@127.0.0.1:1/canary",
        WAIT_FOR_DATABASE="true",
        WEBHOOK_URL="https://bot.example.org/telegram",
        WEBHOOK_SECRET="x",  # noqa: S106 - no secret
    )

    assert await until_told(client, url + "/live") == (200, {"status": "ok"})
    assert (await told(client, url + "/ready"))[0] == 503
    await bot_api.until(lambda: bool(bot_api.called("getWebhookInfo")))
    headers = {"X-Telegram-Bot-Api-Secret-Token": "x"}
    async with client.post(url + "/telegram", json={"update_id": 1}, headers=headers) as response:
        assert response.status == 503
    process.terminate()
    _, log = await asyncio.wait_for(process.communicate(), 5)

    assert process.returncode == 0
    assert SECRET.encode() not in log
    assert b"Traceback" not in log


async def test_run_drained(
    start: Start, unused_tcp_port: int, client: aiohttp.ClientSession, bot_api: BotApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From SIGTERM on the bot is not ready, while it ends what is in work; it lives until then, and then is gone."""
    url, go_on, send = f"http://127.0.0.1:{unused_tcp_port}", asyncio.Event(), bot_api._sendMessage
    sending = asyncio.Event()

    async def slowly(parameters: dict[str, Any]) -> dict[str, Any]:
        sending.set()
        await go_on.wait()
        return await send(parameters)

    monkeypatch.setattr(bot_api, "_sendMessage", slowly)
    process = await start("run", PORT=str(unused_tcp_port), GRACE_SECONDS="9")
    bot_api.deliver(message=message())
    async with asyncio.timeout(30):
        await sending.wait()
    assert (await told(client, url + "/ready"))[1]["status"] == "ok"

    process.terminate()
    started = time.monotonic()
    while (ready := await told(client, url + "/ready"))[0] == 200:
        assert time.monotonic() - started < 1
    for _ in range(10):
        assert [(await told(client, url + path))[0] for path in ("/ready", "/health", "/live")] == [503, 200, 200]
        await asyncio.sleep(0.1)
    go_on.set()
    await asyncio.wait_for(process.communicate(), 20)

    assert ready[1]["status"] == "draining"
    assert (process.returncode, len(bot_api.sent)) == (0, 1)
    with pytest.raises(aiohttp.ClientConnectorError):
        await told(client, url + "/live")


async def test_run_twice_without_a_port(start: Start, bot_api: BotApi) -> None:
    """Two that poll run on one machine, since neither listens."""
    processes = [await start("run", PORT=None) for _ in range(2)]
    await bot_api.until(lambda: len(bot_api.called("getWebhookInfo")) == 2)
    await asyncio.sleep(0.5)

    assert [process.returncode for process in processes] == [None, None]
    for process in processes:
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


async def test_run_where_somebody_listens(start: Start, bot_api: BotApi) -> None:
    """A port that is taken ends it before anybody is asked anything."""
    port = bot_api.url.rpartition(":")[2]

    process = await start("run", PORT=port)
    _, log = await process.communicate()

    assert process.returncode == 1
    assert log.decode() == f"botcli: HTTP_HOST, PORT: cannot listen on 127.0.0.1, {port}: Address already in use\n"
    assert bot_api.calls == []
