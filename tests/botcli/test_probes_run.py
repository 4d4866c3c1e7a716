"""The probes of `botcli run`: while it waits for its database, works and ends."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Start
from tests.botcli.probing import SECRET, told, until_told
from tests.botcli.updates import message

# each starts the bot as a process, some twice
pytestmark = pytest.mark.slow


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
