"""/metrics as Prometheus reads it: its formats, its conventions, and what docs/operations.md says of it."""

import asyncio
import re
import shutil
import subprocess
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiogram import Bot
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from botcli.metrics import BotMetrics
from botcore import Database
from tests.botcli.bot_api import BotApi, refused
from tests.botcli.conftest import all_done, at_work
from tests.botcli.deliveries import said
from tests.botcli.metrics.scrapes import families, scrape
from tests.crowds import crowd

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROMTOOL = shutil.which("promtool")


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS, "", "*/*", "text/plain;version=1.0.0;escaping=x"])
async def test_metrics_in_the_format_that_is_accepted(url: str, database: Database, accept: str) -> None:
    """Both formats can be read by Prometheus' own parsers, and tell the same families, each once and with its help."""
    await database.ping()

    text = await scrape(url, accept)

    read = openmetrics.text_string_to_metric_families if accept == OPENMETRICS else text_string_to_metric_families
    found = list(read(text))
    names = [family.name for family in found]
    assert len(names) == len(set(names)) == text.count("# TYPE ") == text.count("# HELP ")
    assert {"botcore_pool_idle", "botcli_ready", "python_info"} <= set(names)
    assert all(family.documentation for family in found)
    assert text.endswith("# EOF\n") == (accept == OPENMETRICS)


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=x", "text/plain;version==", "text/plain; version=1.0.0-ü"]
)
async def test_metrics_in_no_format(url: str, accept: str) -> None:
    """Who accepts what does not exist is told so."""
    async with aiohttp.ClientSession() as client, client.get(url, headers={"Accept": accept}) as response:
        assert response.status == 406


async def test_metrics_keep_to_the_conventions(url: str, database: Database) -> None:
    """Counters end in _total, times are seconds, sizes bytes: https://prometheus.io/docs/practices/naming/."""
    await database.ping()

    for family in await families(url):
        for sample in family.samples:
            is_counter = family.type == "counter"
            assert sample.name.endswith("_total") == is_counter, sample.name
        assert not re.search(r"_(ms|milliseconds|minutes|kb|kilobytes)(_|$)", family.name)
        if family.type == "histogram":
            assert family.name.endswith("_seconds")
        if not family.name.startswith(("process_", "python_")):
            assert re.match(r"bot(core|cli)_[a-z_]+$", family.name)
            assert family.documentation.endswith(".")


async def test_metrics_have_the_labels_of_the_page(
    bot: Bot, bot_api: BotApi, database: Database, metrics: BotMetrics, url: str
) -> None:
    """What docs/operations.md lists as labels is what a bot at work tells."""
    page = (Path(__file__).parents[3] / "docs/operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(bot\w+)` \| \w+ \| (.*?) ?\|", page, re.MULTILINE)
    bot_api.fail("sendMessage", refused(403, "Forbidden"))
    bot_api.deliver(message=said("Hello"))

    async with at_work(bot, database, metrics=metrics):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await database.ping()
        await crowd(database)
        await all_done(database)
        found = await families(url)

    told = {family.name: {*sample.labels} - {"le"} for family in found for sample in family.samples}
    listed = {name.removesuffix("_total"): set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    assert {name: labels for name, labels in told.items() if name in listed} == listed


@pytest.mark.skipif(PROMTOOL is None, reason="Debian's package prometheus has it")
async def test_metrics_pass_promtool(
    bot: Bot, bot_api: BotApi, database: Database, metrics: BotMetrics, url: str
) -> None:
    """Prometheus' own linter has nothing to say about a bot at work."""
    bot_api.deliver(message=said("Hello"))
    async with at_work(bot, database, metrics=metrics):
        await bot_api.replies(1)
        text = await scrape(url)

    assert PROMTOOL
    command = partial(subprocess.run, capture_output=True, text=True, check=False)
    done = await asyncio.to_thread(command, [PROMTOOL, "check", "metrics"], input=text)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")
