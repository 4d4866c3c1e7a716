"""A bot that is counted, and where it tells."""

from collections.abc import AsyncIterator

import pytest

from botcli import http
from botcli.metrics import BotMetrics
from botcore import Database


@pytest.fixture
def metrics() -> BotMetrics:
    """What counts."""
    return BotMetrics()


@pytest.fixture
async def database(database_url: str, metrics: BotMetrics) -> AsyncIterator[Database]:
    """The bot's database, which is counted."""
    async with Database.connect(database_url, join_calls=True, metrics=metrics.database) as opened:
        yield opened


@pytest.fixture
async def url(metrics: BotMetrics) -> AsyncIterator[str]:
    """Where Prometheus asks."""
    async with http.serve(http.build_application(metrics.routes()), "127.0.0.1", 0) as port:
        yield f"http://127.0.0.1:{port}/metrics"
