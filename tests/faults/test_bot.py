"""Faults around a running bot: it is stopped, its sister dies, Telegram fails, strangers post."""

import asyncio
import signal
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from botcore import Database
from tests.botcli.bot_api import RESET, TOKEN, broken, flood, refused
from tests.conftest import Measured
from tests.faults.bots import CANARY, Bots, Repeating
from tests.faults.servers import Server

GRACE_SECONDS = 2
SECRET = "canary-secret_0"  # noqa: S105 - a canary


@pytest.mark.slow
@pytest.mark.fault("SIGTERM under load: 300 updates")
async def test_sigterm_under_load(url: str, tmp_path: Path, measured: Measured) -> None:
    """The bot takes nothing more, ends with 0 within its grace time, and the next start answers the rest, each once."""
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path, GRACE_SECONDS="5") as bots:
        process = await bots.start()
        for number in range(1, 301):
            api.say(number, chats=50)
        await api.until(lambda: len(api.sent) >= 20)
        stopped = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = await process.wait()
        seconds = time.monotonic() - stopped
        answered = len(api.sent)
        await bots.start()
        await api.until(lambda: len(api.answers()) == 300)

    measured("ended after", seconds)
    measured("answered before", answered)
    assert code == 0
    # closing the sessions takes up to a second
    assert seconds < 5 + 2
    assert set(api.answers().values()) == {1}
    assert bots.unconfirmed() == set()
    assert all(order == sorted(order) for order in api.orders())


@pytest.mark.slow
@pytest.mark.fault("SIGTERM while the server is frozen")
async def test_sigterm_with_a_frozen_server(faulty: Server, url: str, tmp_path: Path, measured: Measured) -> None:
    """The bot ends all the same, with 0, and what it had in work is answered by the next start."""
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path, GRACE_SECONDS=str(GRACE_SECONDS)) as bots:
        process = await bots.start()
        api.say(1, chats=1)
        await api.until(lambda: len(api.sent) == 1)
        faulty.freeze()
        api.say(2, chats=1)
        await asyncio.sleep(0.5)
        stopped = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 30)
        seconds = time.monotonic() - stopped
        faulty.thaw()
        await bots.start()
        await api.until(lambda: len(api.sent) == 2)

    measured("ended after", seconds)
    assert code == 0
    # hosts kill after 10 s
    assert seconds < 10


@pytest.mark.slow
@pytest.mark.fault("two bots on one token, and the one that polls is killed")
async def test_polling_is_taken_over(url: str, tmp_path: Path, measured: Measured) -> None:
    """One of them polls; the other one takes over within 15 s, and what the dead one had in work is answered."""
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path, UPDATE_LEASE_SECONDS="10") as bots:
        first = await bots.start()
        api.say(1, chats=1)
        await api.until(lambda: len(api.sent) == 1)
        await bots.start()
        await asyncio.sleep(3)
        polls = len(api.called("getUpdates"))
        api.say(2, chats=1)
        await api.until(lambda: len(api.sent) == 2)
        first.kill()
        await first.wait()
        killed = time.monotonic()
        api.say(3, chats=1)
        await api.until(lambda: len(api.sent) == 3, timeout_seconds=20)
        seconds = time.monotonic() - killed

    measured("answered after", seconds)
    assert seconds < 15
    # the first one's, which all waited for long
    assert polls < 10
    assert api.orders() == [[1, 2, 3]]


@pytest.mark.slow
@pytest.mark.fault("Telegram answers 429, 502, garbage, a reset, or not at all for a while")
async def test_telegram_fails(url: str, tmp_path: Path) -> None:
    """Polling goes on; a 429 is waited for; what may have arrived is listed as unconfirmed; no log has the token."""
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path) as bots:
        api.fail("getUpdates", RESET, broken(f"<p>{TOKEN}</p>"), refused(500, "Internal"), flood(1))
        api.fail("sendMessage", flood(1), RESET, broken(f"<p>{TOKEN}</p>"), broken("garbage", 200))
        for number in range(1, 11):
            api.say(number, chats=1)
        await bots.start()
        await api.until(lambda: 10 in api.answers(), timeout_seconds=60)

    unconfirmed = {number - 100 for number in bots.unconfirmed()}
    assert len(unconfirmed) == 3
    assert set(api.answers()) == set(range(1, 11)) - unconfirmed
    assert set(api.answers().values()) == {1}
    assert [word for word in (CANARY, TOKEN, TOKEN.partition(":")[2]) if word in bots.log()] == []


@pytest.mark.slow
@pytest.mark.fault("the bot is started before its server")
async def test_bot_before_its_server(faulty: Server, url: str, tmp_path: Path) -> None:
    """It says why and ends, or on request waits, and answers once the server is there."""
    faulty.stop()
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path, WAIT_FOR_DATABASE="true") as bots:
        api.say(1, chats=1)
        await bots.start()
        async with Bots.of(url, api, tmp_path / "other") as others:
            (tmp_path / "other").mkdir()
            process = await others.start()
            code = await process.wait()
        reason = others.log()
        await asyncio.to_thread(faulty.start)
        await api.until(lambda: len(api.sent) == 1)

    assert code == 1
    assert "cannot connect to" in reason
    assert reason.count("\n") == 1


@pytest.mark.slow
@pytest.mark.fault("a hostile webhook: no secret, wrong, non-ASCII, 2 MB, bad JSON, an id of 2^70")
async def test_hostile_webhook(url: str, tmp_path: Path, unused_tcp_port: int) -> None:
    """Strangers get 401, 413 or 400, never a 500, and nothing of theirs is stored; Telegram's update is answered."""
    settings = {
        "WEBHOOK_URL": "https://bot.example.org/telegram",
        "WEBHOOK_SECRET": SECRET,
        "PORT": str(unused_tcp_port),
    }
    header = "X-Telegram-Bot-Api-Secret-Token"
    good = {header: SECRET}
    posts = [
        ({}, b"{}", 401),
        ({header: "wrong"}, b"{}", 401),
        ({header: "gehe\u00edm"}, b"{}", 401),
        (good, b" " * 2 * 1024 * 1024, 413),
        (good, b"{", 400),
        (good, b'{"update_id": %d}' % 2**70, 400),
        (good, b"[" * 100_000, 400),
    ]
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path, **settings) as bots:
        api.say(1, chats=1)
        [update], api.updates = api.updates, []
        await bots.start()
        place = f"http://127.0.0.1:{unused_tcp_port}/telegram"
        async with aiohttp.ClientSession() as session:
            await _ready(session, f"http://127.0.0.1:{unused_tcp_port}/ready")
            codes = [
                (await session.post(place, headers=headers, data=BytesIO(body))).status for headers, body, _ in posts
            ]
            accepted = [(await session.post(place, headers=good, json=update)).status for _ in range(3)]
            await api.until(lambda: len(api.sent) == 1)

    async with Database.connect(url) as database:
        totals = await database.stats.totals(bot_id=42)
    assert codes == [code for _, _, code in posts]
    assert accepted == [200, 200, 200]
    assert (totals.user_messages, totals.assistant_messages, len(api.sent)) == (1, 1, 1)
    assert [word for word in (CANARY, SECRET, TOKEN) if word in bots.log()] == []


async def _ready(session: aiohttp.ClientSession, place: str) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(aiohttp.ClientConnectorError):
                async with session.get(place) as answer:
                    if answer.ok:
                        return
            await asyncio.sleep(0.1)
