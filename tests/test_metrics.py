"""What a database counts of itself: calls, statements, errors, waits and the pool, under the names of sql/."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from botcore import Conflict, Database, InvalidInput, Metrics, Unavailable
from botcore.pool import PoolSettings
from tests.conftest import until_waiting
from tests.crowds import crowd
from tests.factories import incoming, said

WITHOUT = """
import sys

for name in ("prometheus_client", "opentelemetry"):
    sys.modules[name] = None  # as if it were not installed

import asyncio, botcore


async def main():
    async with botcore.Database.connect(sys.argv[1]) as db:
        await db.ping()


asyncio.run(main())
"""


@pytest.fixture
def metrics() -> Metrics:
    """What counts."""
    return Metrics()


@pytest.fixture
async def database(database_url: str, metrics: Metrics) -> AsyncIterator[Database]:
    """An open database that is counted, on at most two connections."""
    async with Database.connect(database_url, join_calls=True, max_size=2, metrics=metrics) as opened:
        yield opened


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """A sample's value; 0 for one that is not there."""
    return metrics.registry.get_sample_value(name, labels) or 0.0


def counts(metrics: Metrics, name: str) -> Mapping[str, float]:
    """The samples of that name by their query."""
    samples = (sample for metric in metrics.registry.collect() for sample in metric.samples)
    return {sample.labels["query"]: sample.value for sample in samples if sample.name == name}


async def test_metrics_of_a_call(database: Database, metrics: Metrics) -> None:
    """A call is counted and timed under its query's name, as caller and as server see it."""
    await said(database)

    for name in ("botcore_call_duration_seconds", "botcore_statement_duration_seconds"):
        assert counts(metrics, f"{name}_count") == {"messages/record": 1}
        assert value(metrics, f"{name}_bucket", query="messages/record", le="+Inf") == 1
    in_call = value(metrics, "botcore_call_duration_seconds_sum", query="messages/record")
    on_server = value(metrics, "botcore_statement_duration_seconds_sum", query="messages/record")
    assert 0 < on_server < in_call < 1
    assert value(metrics, "botcore_pool_wait_seconds_count", pool="botcore") == 1


async def test_metrics_of_calls_that_join(database: Database, metrics: Metrics) -> None:
    """Each caller counts as a call; what joined them counts as one statement of so many."""
    await crowd(database, 40)

    joined = value(metrics, "botcore_joined_calls_total", query="messages/record_many")
    statements = counts(metrics, "botcore_statement_duration_seconds_count")
    assert value(metrics, "botcore_call_duration_seconds_count", query="messages/record") == 40
    assert joined >= 30
    assert statements["messages/record_many"] < joined / 2


async def test_metrics_of_a_transaction(database: Database, metrics: Metrics) -> None:
    """Its queries count as others do; its one connection was waited for once."""
    async with database.transaction() as transaction:
        await said(transaction)
        await said(transaction, telegram_message_id=101)

    assert counts(metrics, "botcore_call_duration_seconds_count") == {"messages/record": 2}
    assert counts(metrics, "botcore_statement_duration_seconds_count") == {"messages/record": 2}
    assert value(metrics, "botcore_pool_wait_seconds_count", pool="botcore") == 1


async def test_metrics_of_a_refused_call(database: Database, metrics: Metrics, connection: psycopg.Connection) -> None:
    """An error is counted once, under the server's SQLSTATE; what never reached the server is none."""
    connection.execute("ALTER TABLE users ADD CONSTRAINT ck_users_first_name CHECK (first_name <> 'Ada')")

    with pytest.raises(InvalidInput):
        await database.users.get_or_create(telegram_user_id=7, first_name="Ada")
    with pytest.raises(InvalidInput):
        await database.users.get_or_create(telegram_user_id=2**63, first_name="Grace")

    assert value(metrics, "botcore_call_errors_total", query="users/get_or_create", sqlstate="23514") == 1
    assert counts(metrics, "botcore_call_errors_total") == {"users/get_or_create": 1}


async def test_metrics_of_a_commit_that_fails(
    database: Database, metrics: Metrics, connection: psycopg.Connection
) -> None:
    """What only the COMMIT found is an error of the transaction, for no query raised it."""
    connection.execute("ALTER TABLE users ADD CONSTRAINT uq_users_x UNIQUE (first_name) DEFERRABLE INITIALLY DEFERRED")
    await database.users.get_or_create(telegram_user_id=7, first_name="Ada")

    with pytest.raises(Conflict):
        async with database.transaction() as transaction:
            await transaction.users.get_or_create(telegram_user_id=8, first_name="Ada")

    assert counts(metrics, "botcore_call_errors_total") == {"transaction": 1}


async def test_metrics_of_a_pool_without_connections(database_url: str, metrics: Metrics) -> None:
    """Who waits is seen while they wait; who waited in vain is counted, with the time that it took, as no statement."""
    limits: PoolSettings = {"max_size": 2, "timeout_seconds": 1.0}
    async with Database.connect(database_url, metrics=metrics, **limits) as database:
        async with database.transaction(), database.transaction():
            waiting = asyncio.create_task(database.ping())
            await asyncio.sleep(0.05)
            now = {name: value(metrics, f"botcore_pool_{name}", pool="botcore") for name in ("size", "idle", "waiting")}
            with pytest.raises(Unavailable):
                await waiting
        refused = value(metrics, "botcore_pool_refused_total", pool="botcore")

    assert now == {"size": 2, "idle": 0, "waiting": 1}
    assert refused == 1
    assert value(metrics, "botcore_pool_wait_seconds_sum", pool="botcore") >= 1
    assert value(metrics, "botcore_call_errors_total", query="database/ping", sqlstate="none") == 1
    assert counts(metrics, "botcore_statement_duration_seconds_count") == {}


async def test_metrics_of_a_lost_connection(
    database: Database, metrics: Metrics, connection: psycopg.Connection
) -> None:
    """A connection that the server ended under a call is counted as lost, and the repeated read as one call."""
    await said(database)
    connection.execute("BEGIN; LOCK TABLE users")

    reading = asyncio.create_task(database.users.page())
    await until_waiting(connection)
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    connection.execute("ROLLBACK")
    await reading

    assert value(metrics, "botcore_pool_connections_lost_total", pool="botcore") >= 1
    assert value(metrics, "botcore_call_duration_seconds_count", query="users/page") == 1
    assert value(metrics, "botcore_statement_duration_seconds_count", query="users/page") == 2
    assert counts(metrics, "botcore_call_errors_total") == {}


async def test_metrics_of_a_cancelled_call(
    database: Database, metrics: Metrics, connection: psycopg.Connection
) -> None:
    """A caller who leaves is counted as such: where a server hangs and callers have deadlines, these are the errors."""
    connection.execute("BEGIN; LOCK TABLE users")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await database.users.page()

    assert value(metrics, "botcore_call_errors_total", query="users/page", sqlstate="cancelled") == 1
    assert value(metrics, "botcore_call_duration_seconds_sum", query="users/page") >= 0.1


async def test_metrics_of_two_databases(database_url: str) -> None:
    """Two databases share a registry: of pools of one name there is the sum, and nothing is left of a closed one."""
    registry = CollectorRegistry(auto_describe=True)
    metrics = Metrics(registry)
    async with Database.connect(database_url, metrics=metrics, max_size=3):
        async with Database.connect(database_url, metrics=metrics, max_size=4):
            assert value(metrics, "botcore_pool_max_size", pool="botcore") == 7
        assert value(metrics, "botcore_pool_max_size", pool="botcore") == 3

    assert registry.get_sample_value("botcore_pool_max_size", {"pool": "botcore"}) is None


async def test_metrics_hold_no_values(database: Database, metrics: Metrics) -> None:
    """No label has anything of what was asked or stored."""
    await database.messages.record(**incoming(content="canary", first_name="canary", telegram_chat_id=777_777))

    text = str([sample for metric in metrics.registry.collect() for sample in metric.samples])
    assert "canary" not in text
    assert "777777" not in text


def test_connect_without_the_extras(database_url: str) -> None:
    """Neither prometheus_client nor opentelemetry is needed to use the database."""
    subprocess.run([sys.executable, "-W", "error", "-c", WITHOUT, database_url], check=True)
