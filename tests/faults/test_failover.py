"""A primary that is lost, and the standby that takes over: what was acknowledged is there, and writing goes on."""

import asyncio
from collections.abc import Iterator

import pytest

from botcore import Database, Unavailable, health, migrations
from tests.conftest import Measured
from tests.factories import said
from tests.faults.proxy import proxy
from tests.faults.standbys import Node, pair
from tests.faults.writers import WRITERS, writing


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    """A primary and its standby, which each commit waits for."""
    with pair() as (primary, standby):
        asyncio.run(migrations.upgrade(primary.url()))
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'")
        primary.execute("SELECT pg_reload_conf()")
        primary.until("EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')")
        yield primary, standby


def either(primary: Node, standby: Node) -> str:
    """The URL of whichever of the two takes writes."""
    hosts = f"host={primary.folder},{standby.folder}&port={primary.port},{standby.port}"
    return f"postgresql://postgres@/postgres?{hosts}&target_session_attrs=read-write"


@pytest.mark.fault("the primary is killed under 16 writers, its synchronous standby promoted")
async def test_promoted_standby_has_all_that_was_acknowledged(nodes: tuple[Node, Node], measured: Measured) -> None:
    """Every acknowledged row is there once, and all writers write again within 10 s of the promotion."""
    primary, standby = nodes
    async with Database.connect(either(primary, standby), max_size=WRITERS) as database:
        async with writing(database, standby.url(), measured) as writers:
            primary.kill()
            await asyncio.sleep(0.5)
            before = len(writers.acknowledged)
            writers.count_from_now()
            await asyncio.to_thread(standby.execute, "SELECT pg_promote()")

    assert 0 < before < len(writers.acknowledged)


@pytest.mark.fault("the address leads to a standby for a while (25006)")
async def test_pool_that_met_a_standby_finds_the_primary_again(nodes: tuple[Node, Node]) -> None:
    """Reads work, health fails, a write says that it may be repeated; all is well when the address leads elsewhere."""
    primary, standby = nodes
    async with proxy(f"{standby.folder}/.s.PGSQL.{standby.port}") as address:
        url = f"postgresql://postgres@127.0.0.1:{address.port}/postgres?sslmode=disable"
        async with Database.connect(url, min_size=3) as database:
            assert await database.users.page() == []
            assert health.status(await database.health()) == "failed"
            for call in (said(database), _in_transaction(database)):
                with pytest.raises(Unavailable) as refused:
                    await call
                assert (refused.value.sqlstate, refused.value.retry_is_safe) == ("25006", True)

            address.upstream = f"{primary.folder}/.s.PGSQL.{primary.port}"

            async with asyncio.timeout(5):
                while not await _is_stored(database):  # noqa: ASYNC110 - polled, as a caller does
                    await asyncio.sleep(0.05)
                while health.status(await database.health()) != "ok":  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.05)


async def _is_stored(database: Database) -> bool:
    try:
        return bool(await said(database))
    except Unavailable as error:
        if error.sqlstate != "25006":
            raise
        return False


async def _in_transaction(database: Database) -> None:
    async with database.transaction() as transaction:
        await said(transaction)
