"""Whether the database can be used, told at any time: a server that works, a full pool, another schema."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from botcore import Database, health, migrations
from botcore.health import Check, Checks
from tests.conftest import Measured

NAMES = ["database", "schema", "pool"]


def wrong(checks: Checks) -> dict[str, str | None]:
    """The reasons of what is not as it should be."""
    return {check.name: check.reason for check in checks if not check.is_ok}


@asynccontextmanager
async def exhausted(database: Database, connections: int) -> AsyncIterator[None]:
    """Every connection of the pool is in use."""
    async with AsyncExitStack() as stack:
        for _ in range(connections):
            await stack.enter_async_context(database.transaction())
        yield


async def test_health(database: Database, measured: Measured) -> None:
    """All is well, and told within 100 ms."""
    await database.ping()

    seconds = 1.0
    # the best of some, for this machine does other things as well
    for _ in range(5):
        database._health._kept_until = 0.0
        started = time.perf_counter()
        checks = await database.health()
        seconds = min(seconds, time.perf_counter() - started)

    assert [(check.name, check.is_ok, check.reason) for check in checks] == [(name, True, None) for name in NAMES]
    assert health.status(checks) == "ok"
    assert seconds < 0.1
    assert all(0 <= check.milliseconds < 1_000 for check in checks)
    measured("told after", seconds)


async def test_health_for_many(database: Database, connection: psycopg.Connection[Any]) -> None:
    """A thousand who ask at a time are told the same, which was looked at once, and who asks a moment later, too."""
    looks = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"

    def commits() -> int:
        connection.execute("SELECT pg_stat_force_next_flush()")
        return int(connection.execute(looks).fetchone()[0])  # type: ignore[index]

    await database.ping()
    answers = await asyncio.gather(*(database.health() for _ in range(1_000)))
    answers.append(await database.health())

    assert len(set(answers)) == 1
    before = commits()
    started = time.perf_counter()
    for _ in range(1_000):
        await database.health()
    assert time.perf_counter() - started < 0.5
    assert commits() - before < 20


async def test_checks_at_the_deadline() -> None:
    """Who asks while something is still being found is told at the deadline what all others are told."""

    async def look(found: health.Found) -> None:
        for number in itertools.count():
            found["it"] = Check("it", True, number)
            await asyncio.sleep(0)

    shared = health.Shared(look, "it")
    asking = []
    for _ in range(100):
        asking.append(asyncio.create_task(shared.checks()))
        await asyncio.sleep(0.001)
    answers = await asyncio.gather(*asking)
    answers.append(await shared.checks())
    await shared.close()

    assert len(set(answers)) == 1
    assert answers[0][0].is_ok
    assert answers[0][0].milliseconds > 100


async def test_checks_of_a_task_that_somebody_cancelled() -> None:
    """Who waits is told that there was no answer, and is not cancelled; the next one has it looked at anew."""
    found_out = asyncio.Event()

    async def look(found: health.Found) -> None:
        await found_out.wait()
        found["it"] = Check("it", True, 0.0)

    shared = health.Shared(look, "it")
    asking = [asyncio.create_task(shared.checks()) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in asyncio.all_tasks() - {*asking, asyncio.current_task()}:
        task.cancel()

    assert [checks[0].is_ok for checks in await asyncio.gather(*asking)] == [False] * 3
    found_out.set()
    assert [check.is_ok for check in await shared.checks()] == [True]
    await shared.close()


@pytest.mark.role("superuser")  # there are no roles in its database
async def test_health_anew(empty_database_url: str) -> None:
    """What was found is told for a second, and no longer."""
    await migrations.upgrade(empty_database_url)
    async with Database.connect(empty_database_url) as database:
        assert wrong(await database.health()) == {}
        await migrations.downgrade(empty_database_url, "base")

        assert wrong(await database.health()) == {}
        await asyncio.sleep(1.05)
        assert list(wrong(await database.health())) == ["schema"]


async def test_health_whose_asker_left(database: Database) -> None:
    """Who is cancelled takes nothing from the others."""
    async with asyncio.TaskGroup() as tasks:
        leaving = tasks.create_task(database.health())
        staying = tasks.create_task(database.health())
        await asyncio.sleep(0)
        leaving.cancel()

    assert leaving.cancelled()
    assert wrong(staying.result()) == {}


async def test_health_with_an_exhausted_pool(database_url: str) -> None:
    """A full pool says so within the deadline and fails nothing, since the server answers beside it."""
    async with Database.connect(database_url, max_size=2, timeout_seconds=5) as database, exhausted(database, 2):
        started = time.perf_counter()
        checks = await database.health()
        seconds = time.perf_counter() - started

    assert wrong(checks) == {"pool": "no connection came free in time"}
    assert health.status(checks) == "degraded"
    assert seconds < health.DEADLINE_SECONDS + 0.5


async def test_health_with_callers_that_are_refused(database_url: str) -> None:
    """Where not even a place to wait is left, that is said, and fails nothing."""
    async with Database.connect(database_url, max_size=1, max_waiting=1, timeout_seconds=5) as database:
        async with exhausted(database, 1):
            waiting = asyncio.create_task(database.ping())
            await asyncio.sleep(0.01)
            checks = await database.health()
        await waiting

    assert wrong(checks) == {"pool": "too many calls wait for a connection already"}
    assert health.status(checks) == "degraded"


async def test_health_with_a_full_server(database_url: str, connection: psycopg.Connection[Any]) -> None:
    """A server that has no connection more than those in use has answered: nothing fails."""
    role = f"limited_to_{conninfo_to_dict(database_url)['dbname']}"
    connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'canary' CONNECTION LIMIT 1")
    connection.execute(f"GRANT CONNECT ON DATABASE {connection.info.dbname} TO {role}")
    connection.execute(f"GRANT SELECT ON alembic_version TO {role}")
    url = make_conninfo(database_url, user=role, password="canary")  # noqa: S106 - a canary
    try:
        async with Database.connect(url, max_size=1) as database, exhausted(database, 1):
            checks = await database.health()
    finally:
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")

    assert list(wrong(checks)) == ["pool"]
    assert health.status(checks) == "degraded"
    assert checks[0].reason == "the server has no connection to spare"


async def test_health_holds_no_connection(database_url: str) -> None:
    """A pool of one connection serves its callers while everybody asks how it is."""
    async with Database.connect(database_url, max_size=1) as database:
        stop = asyncio.Event()

        async def ask() -> None:
            while not stop.is_set():
                assert wrong(await database.health()) == {}
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            for _ in range(10):
                tasks.create_task(ask())
            for _ in range(200):
                async with asyncio.timeout(1):
                    await database.ping()
            stop.set()


async def test_health_behind(empty_database_url: str) -> None:
    """A schema that the code cannot work with fails, with the command that helps; the server itself is well."""
    async with Database.connect(empty_database_url) as database:
        checks = await database.health()

    assert wrong(checks) == {"schema": "the database has no schema yet: run `botcli db upgrade`"}
    assert health.status(checks) == "failed"


async def test_health_of_a_server_that_takes_no_writes(database_url: str, connection: psycopg.Connection[Any]) -> None:
    """One that was set aside fails, with the reason; and once it is not, nothing does, though nobody tried to write."""
    name = connection.info.dbname
    connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    async with Database.connect(database_url) as demoted:
        checks = await demoted.health()
        connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
        async with asyncio.timeout(10):
            while health.status(await demoted.health()) != "ok":  # noqa: ASYNC110 - polled, as by probes
                await asyncio.sleep(0.1)

    assert wrong(checks) == {
        "database": "the server takes no writes, it is a standby or was made read-only",
        "schema": "not known, as the database does not tell",
    }
    assert health.status(checks) == "failed"


async def test_health_leaves_the_pool_of_a_server_that_takes_no_writes_alone(
    database_url: str, connection: psycopg.Connection[Any]
) -> None:
    """Its connections are made anew by the first look, and not by each one that follows within ten seconds."""
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on".encode())
    async with Database.connect(database_url) as database:
        await database.health()
        renewed_at = database._health._pool._renewed_at
        await asyncio.sleep(1.1)
        assert health.status(await database.health()) == "failed"

        assert 0 < renewed_at == database._health._pool._renewed_at


async def test_health_ahead(database_url: str, connection: psycopg.Connection[Any]) -> None:
    """The next release's schema is no reason to stop: this code works on it until it is replaced."""
    connection.execute("UPDATE alembic_version SET version_num = '9999'")

    async with Database.connect(database_url) as database:
        checks = await database.health()

    assert "9999, which this botcore" in str(wrong(checks)["schema"])
    assert health.status(checks) == "degraded"


async def test_health_of_nobody() -> None:
    """Without a server the reason is told at once, without its address, its user or a password."""
    url = "postgresql://canary:canary@127.0.0.1:1/canary"
    async with Database.connect(url, require_server=False) as database:
        started = time.perf_counter()
        checks = await database.health()
        seconds = time.perf_counter() - started

    assert wrong(checks)["database"] == "nothing listens there; is the server running?"
    assert "canary" not in str(checks)
    assert health.status(checks) == "failed"
    assert seconds < health.DEADLINE_SECONDS + 0.5


async def test_health_of_a_closed_database(database_url: str) -> None:
    """After the end that is what fails; nothing is raised."""
    async with Database.connect(database_url) as database:
        pass

    checks = await database.health()

    assert wrong(checks) == {"pool": "the database is closed"}
    assert health.status(checks) == "failed"


@pytest.mark.parametrize(
    ("wrong_ones", "expected"),
    [([], "ok"), ([False], "degraded"), ([False, True], "failed"), ([True], "failed")],
)
def test_status(wrong_ones: list[bool], expected: str) -> None:
    """What is essential decides whether it failed, the rest only whether all is well."""
    checks = [Check("x", is_ok=False, milliseconds=0.0, is_essential=is_essential) for is_essential in wrong_ones]

    assert health.status([Check("database", is_ok=True, milliseconds=0.0), *checks]) == expected


async def test_server_version(database: Database, connection: psycopg.Connection[Any]) -> None:
    """It is what the server says."""
    assert await database.server_version() == connection.execute("SHOW server_version").fetchone()[0]  # type: ignore[index]
