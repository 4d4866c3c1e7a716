"""`botcli dashboard` where the database fails or is slow, and where whoever asked is gone."""

import asyncio
import logging

import aiohttp
import psycopg
import pytest

from botcli import dashboard as page
from botcli import http
from botcli.dashboard import HOST, Dashboard
from botcore import Database
from tests import roles
from tests.botcli.test_dashboard import Served, serving
from tests.test_arrivals_lasting import END_OTHERS


async def test_figures_while_the_database_is_away(
    database_url: str, connection: psycopg.Connection, client: aiohttp.ClientSession
) -> None:
    """It is said, without a password, and is over when the database is back."""
    name = connection.info.dbname
    async with Database.connect(database_url, timeout_seconds=1) as short, serving(short, client) as served:
        connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0".encode())
        connection.execute(END_OTHERS)
        away = await served.figures()
        connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1".encode())
        async with asyncio.timeout(20):
            back = away
            while back[0] != 200:
                await asyncio.sleep(0.1)
                back = await served.figures()

    assert (away[0], list(away[1])) == (503, ["error"])
    assert roles.PASSWORD not in str(away)
    assert back[1]["figures"]["daily"]


async def test_figures_that_others_wait_for(
    database: Database,
    connection: psycopg.Connection,
    client: aiohttp.ClientSession,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who waits has the whole time once it is their turn; for who has gone meanwhile nothing is read."""
    monkeypatch.setattr(page, "_READ_SECONDS", 1.5)
    caplog.set_level(logging.DEBUG, "botcore.queries")
    async with serving(database, client) as served:
        with connection.transaction():
            connection.execute("LOCK TABLE messages")
            first = asyncio.create_task(served.figures())
            await asyncio.sleep(0.3)
            gone, waits = (asyncio.create_task(served.figures()) for _ in range(2))
            await asyncio.sleep(0.3)
            gone.cancel()
            slow, _ = await first
            # by now a time that began with the question is over
            await asyncio.sleep(0.5)
        patient, _ = await waits

    assert (slow, patient) == (503, 200)
    assert gone.cancelled()
    assert queries(caplog).count("stats/roles") == 2


async def test_figures_of_which_one_fails(
    database: Database, connection: psycopg.Connection, client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The ones behind it are not asked for."""
    connection.execute("ALTER TABLE usage RENAME TO used")
    caplog.set_level(logging.DEBUG, "botcore.queries")
    async with serving(database, client) as served:
        status, _ = await served.figures()

    assert status == 503
    assert queries(caplog)[-1] == "stats/tokens"


async def test_figures_that_cannot_be(database: Database, client: aiohttp.ClientSession) -> None:
    """What no second question would mend is another answer than what passes."""
    shown = Dashboard(database, 2**63, "UTC")
    async with http.serve(shown.application(), HOST, 0) as port:
        status, told = await Served(f"http://{HOST}:{port}", shown.key, client).figures()

    assert (status, told) == (400, {"error": "bot_id: does not fit into 64 bits"})


def queries(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was asked of the database, in turn."""
    return [vars(record)["query"] for record in caplog.records if record.getMessage() == "query"]
