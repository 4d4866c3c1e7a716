"""/metrics of a bot at work: what came, what became of it, what was sent, and nothing that anybody said."""

import asyncio
import logging
import re
import tracemalloc
from collections.abc import Sequence

import aiohttp
import pytest
from aiogram import Bot

from botcli import metrics as module
from botcli.metrics import BotMetrics
from botcli.replies import Reply
from botcore import Database, InvalidInput, Message
from tests.botcli.bot_api import BOT_ID, RESET, TOKEN, BotApi, broken, flood, refused
from tests.botcli.conftest import Start, all_done, at_work
from tests.botcli.deliveries import Model, said
from tests.botcli.metrics.scrapes import outcomes, scrape, value
from tests.factories import update


class Refusing:
    """A replier that takes nothing."""

    async def reply(self, window: Sequence[Message], *_: object) -> Reply:
        """Raises."""
        raise InvalidInput("window", f"has {len(window)}")


async def test_metrics_of_a_turn(bot: Bot, bot_api: BotApi, database: Database, metrics: BotMetrics, url: str) -> None:
    """A message that is answered counts as received, stored, handled with its lag, answered and sent."""
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database, metrics=metrics):
        await bot_api.replies(1)
        await all_done(database)

    assert await outcomes(url) == {"handled": 1}
    for name in (
        "botcli_updates_received_total",
        "botcli_updates_stored_total",
        "botcli_update_lag_seconds_count",
        "botcli_update_duration_seconds_count",
        "botcli_reply_duration_seconds_count",
    ):
        assert await value(url, name) == 1, name
    # the message is of long ago
    assert await value(url, "botcli_update_lag_seconds_bucket", le="86400.0") == 0
    assert await value(url, "botcli_requests_total", method="sendMessage", outcome="ok") == 1
    assert await value(url, "botcli_request_duration_seconds_count", method="sendMessage") == 1
    assert await value(url, "botcore_call_duration_seconds_count", query="messages/record") == 1
    assert await value(url, "process_resident_memory_bytes")
    assert await value(url, "python_gc_collections_total", generation="0") is not None


async def test_metrics_of_sends(bot: Bot, bot_api: BotApi, database: Database, metrics: BotMetrics, url: str) -> None:
    """Each request counts as it went out, the repeated ones too, with the seconds that a 429 said."""
    bot_api.fail("sendMessage", flood(1), refused(400, "Bad Request: canary"), broken("canary"), RESET)
    for chat in (1, 2, 3, 4):
        bot_api.deliver(message=said("Hello", chat))

    async with at_work(bot, database, metrics=metrics, concurrency=1, resend=True):
        await bot_api.until(lambda: len(bot_api.called("sendMessage")) >= 4)
        await asyncio.sleep(0.1)

    sent = {
        outcome: await value(url, "botcli_requests_total", method="sendMessage", outcome=outcome)
        for outcome in ("too_many_requests", "refused", "server", "network")
    }
    assert sent == dict.fromkeys(sent, 1)
    assert await value(url, "botcli_retry_after_seconds_total") == 1


@pytest.mark.slow
async def test_metrics_of_failures(
    bot: Bot, bot_api: BotApi, database: Database, metrics: BotMetrics, url: str
) -> None:
    """An attempt that raised is failed, of which the replier's errors are a part; one that has to wait is postponed."""
    bot_api.fail("sendMessage", flood(3_600))
    bot_api.deliver(message=said("Hello", 1))

    async with at_work(bot, database, Model(), metrics):
        await bot_api.until(lambda: bool(bot_api.called("sendMessage")))
        bot_api.deliver(message=said("poison", 2))
        while len(await outcomes(url)) < 2:  # noqa: ASYNC110 - a scrape is all that tells
            await asyncio.sleep(0.02)

    # it may have been tried again by now
    failed = await value(url, "botcli_reply_errors_total", kind="error")
    assert failed
    assert await outcomes(url) == {"postponed": 1, "failed": failed}


async def test_metrics_of_what_is_set_aside(
    bot: Bot, bot_api: BotApi, database: Database, metrics: BotMetrics, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts once, and stands among what there is until somebody looks at it."""
    monkeypatch.setattr(module, "_BACKLOG_SECONDS", 0.0)
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database, Refusing(), metrics):
        while not await database.updates.page(state="failed"):  # noqa: ASYNC110 - the database has no event for it
            await asyncio.sleep(0.02)
        assert await value(url, "botcli_updates", state="failed") == 1

    assert await outcomes(url) == {"set_aside": 1}


async def test_metrics_of_the_backlog(
    bot: Bot, database: Database, metrics: BotMetrics, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits is asked for every five seconds, however many scrape, and told until the database is closed."""
    with metrics.of(database, bot):
        await asyncio.gather(*(scrape(url) for _ in range(20)))
        await database.updates.add(bot_id=BOT_ID, updates=[update(1), update(2)])
        before = await value(url, "botcli_updates", state="pending")
        monkeypatch.setattr(metrics, "_ask_at", 0.0)
        after = [await value(url, "botcli_updates", state=state) for state in ("pending", "running", "failed")]
        asked = await value(url, "botcore_call_duration_seconds_count", query="updates/backlog")
        age = await value(url, "botcli_oldest_pending_update_age_seconds")
    closed = await value(url, "botcli_updates", state="pending")

    assert (before, after, asked, closed) == (0, [2, 0, 0], 2, None)
    assert age is not None
    assert 0 <= age < 60


async def test_metrics_without_a_database(bot: Bot, metrics: BotMetrics, url: str) -> None:
    """Where no server is, or none yet, the rest is told in time, with no figures from there."""
    before = await value(url, "botcli_ready")
    async with Database.connect(
        "postgresql://postgres@127.0.0.1:1/x", require_server=False, metrics=metrics.database
    ) as database:
        with metrics.of(database, bot):
            async with asyncio.timeout(3):
                without = [await value(url, name) for name in ("botcli_ready", "botcli_updates", "process_open_fds")]

    assert before == 0
    assert without[:2] == [0, None]
    assert without[2]


async def test_metrics_hold_nothing_of_anybody(
    bot: Bot, bot_api: BotApi, database: Database, metrics: BotMetrics, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No id, no text and no token is in what is told, whatever failed."""
    caplog.set_level(logging.CRITICAL)
    bot_api.fail("sendMessage", refused(400, f"Bad Request: canary {TOKEN}"))
    bot_api.deliver(message=said("canary", 777_777, message_id=888_888))

    async with at_work(bot, database, metrics=metrics):
        await bot_api.until(lambda: bool(bot_api.called("sendMessage")))
        text = await scrape(url)

    assert not re.search(rf"canary|777777|888888|{BOT_ID}:|Ada", text)
    assert "127.0.0.1" not in text


@pytest.mark.slow
async def test_run_serves_metrics(start: Start, unused_tcp_port: int, bot_api: BotApi) -> None:
    """`botcli run` tells them where it listens, on the same port as probes."""
    await start("run", PORT=str(unused_tcp_port))
    await bot_api.until(lambda: bool(bot_api.called("getUpdates")))

    assert await value(f"http://127.0.0.1:{unused_tcp_port}/metrics", "botcli_ready") == 1


@pytest.mark.slow
async def test_metrics_a_thousand_times(database: Database, bot: Bot, metrics: BotMetrics, url: str) -> None:
    """Memory is flat under scrapes."""

    async def ask(client: aiohttp.ClientSession, times: int) -> int:
        for _ in range(times):
            async with client.get(url) as response:
                await response.read()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    with metrics.of(database, bot):
        async with aiohttp.ClientSession() as client:
            before = await ask(client, 100)
            after = await ask(client, 1_000)
    tracemalloc.stop()

    assert after - before < 64 * 1024
