"""A PgBouncer that dies or stands still between the writers and their server."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict

from botcore import Database, health
from botcore.pool import Pooler
from tests.conftest import Measured
from tests.factories import said
from tests.faults.listeners import listening
from tests.faults.servers import Server
from tests.faults.writers import WRITERS, writing
from tests.poolers import BINARY, MODES, PgBouncer, keeps_prepared, pgbouncer

pytestmark = pytest.mark.skipif(BINARY is None, reason="there is no pgbouncer here")


@pytest.fixture
def kind() -> Pooler:
    """Of transactions, as new as it is."""
    return "transaction" if keeps_prepared() else "transaction-unprepared"


@pytest.fixture
def pooler(kind: Pooler, faulty: Server) -> Iterator[PgBouncer]:
    """In front of the server, with fewer connections than there are writers."""
    given = conninfo_to_dict(faulty.url)
    address = {name: str(given[name]) for name in ("host", "port", "user")}
    with pgbouncer(address, **MODES[kind], default_pool_size=4) as opened:
        yield opened
        # a frozen one does not die
        opened.thaw()


@pytest.mark.fault("PgBouncer is killed under 16 writers, and started again")
async def test_killed_pooler_loses_and_doubles_nothing(
    url: str, pooler: PgBouncer, kind: Pooler, measured: Measured
) -> None:
    """Every acknowledged row is there once, and all writers write again within 10 s."""
    async with Database.connect(pooler.url(url), pooler=kind, max_size=WRITERS) as database:
        async with writing(database, url, measured):
            pooler.kill()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(pooler.start)


@pytest.mark.fault("PgBouncer is killed while a service listens through it, and started again")
async def test_killed_pooler_has_no_message_unheard(
    url: str, pooler: PgBouncer, kind: Pooler, measured: Measured
) -> None:
    """Of what 16 writers store it is given each message once, in the order of ids, and none is missed."""
    pooled = pooler.url(url)
    async with Database.connect(pooled, pooler=kind, max_size=WRITERS) as database:
        async with Database.connect(pooled, pooler=kind) as service, listening(service, url, measured):
            async with writing(database, url, measured):
                pooler.kill()
                await asyncio.sleep(0.5)
                await asyncio.to_thread(pooler.start)


@pytest.mark.fault("PgBouncer is frozen under 16 writers")
async def test_frozen_pooler_holds_no_deadline_and_heals(
    url: str, pooler: PgBouncer, kind: Pooler, measured: Measured
) -> None:
    """A deadline of 1 s ends a call within 0.5 s after it; thawed, all writers write again within 10 s, none lost."""
    async with Database.connect(pooler.url(url), pooler=kind, max_size=WRITERS) as database:
        async with writing(database, url, measured):
            pooler.freeze()
            started = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await said(database, telegram_message_id=5, content="late")
            late = time.monotonic() - started - 1
            checks = await database.health()
            pooler.thaw()

    assert late < 0.5
    assert health.status(checks) == "failed"
    measured("late by", late)
