"""The bot behind a pooler: what its settings say reaches the database, and migrations go past it."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from botcli.cli import db
from botcli.database import open_database
from botcli.settings import BotSettings
from botcore import InvalidInput, Unavailable, migrations
from tests.poolers import BINARY, pgbouncer

pytestmark = [
    pytest.mark.usefixtures("settings"),
    pytest.mark.skipif(BINARY is None, reason="there is no pgbouncer here"),
]


@pytest.fixture
def pooled_url(server: dict[str, Any], empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A pooler of transactions in front of an empty database, which DATABASE_URL leads to."""
    with pgbouncer(server, pool_mode="transaction", default_pool_size=2) as opened:
        url = opened.url(empty_database_url)
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("DATABASE_POOLER", "transaction-unprepared")
        yield url


async def test_upgrade_goes_past_the_pooler(
    pooled_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through it there is no upgrade; with the direct URL there is one, and the bot works behind the pooler."""
    with pytest.raises((InvalidInput, Unavailable), match="DATABASE_DIRECT_URL"):
        await db.upgrade()
    monkeypatch.setenv("DATABASE_DIRECT_URL", empty_database_url)

    await db.upgrade()

    await migrations.check(pooled_url)
    async with open_database(BotSettings()) as database:
        await database.ping()
        payloads = database.listen("updates")
        assert await anext(payloads) == ""
        with psycopg.connect(empty_database_url) as connection:
            connection.execute("NOTIFY updates, 'one'")
        assert await anext(payloads) == "one"
        await payloads.aclose()


async def test_open_database_names_the_setting(
    pooled_url: str, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the word for the pooler nothing opens."""
    await migrations.upgrade(empty_database_url)
    monkeypatch.delenv("DATABASE_POOLER")

    with pytest.raises(Unavailable, match="DATABASE_POOLER"):
        async with open_database(BotSettings()):
            pass

    await migrations.check(pooled_url)
