"""A real PostgreSQL for every test: TEST_DATABASE_URL, or the embedded one, migrated once into a template."""

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from pytest_postgresql.janitor import DatabaseJanitor

from botcore import Database, embedded, migrations, partitions, pool
from tests import poolers, redises, roles

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

CreateDatabase = Callable[..., AbstractContextManager[str]]
Measured = Callable[[str, float], None]

POSTGRES_VERSION = int(os.environ.get("TEST_POSTGRES_VERSION", "18"))
"""Of the embedded server: 18 or 16."""

POOLER = os.environ.get("TEST_POOLER")
"""A word of DATABASE_POOLER: every pool of the server goes through a PgBouncer of that kind."""

PARTITIONS = int(os.environ.get("TEST_PARTITIONS", "0"))
"""Into how many the messages of each test's database are partitioned; 0 for not."""

if os.environ.get("DATABASE_JOIN_CALLS") == "false":
    # the bot reads it; here each Database follows that does not say otherwise
    Database.connect.__func__.__wrapped__.__kwdefaults__["join_calls"] = False  # type: ignore[attr-defined]

# the largest databases of two tests at once, and their log
_ENOUGH_BYTES = 6 * 2**30

roles.connect_as_app()


@pytest.fixture(autouse=True)
def _role(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a Database connects as: botcore_app, or the role of the test's own mark."""
    if mark := request.node.get_closest_marker("role"):
        monkeypatch.setattr(roles, "current", mark.args[0])


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, Any]]:
    """What to connect to the server by: host, port, user and perhaps a password."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield _parts(url)
        return
    # reachable for the server's own user, which runs it when the tests are root's
    data_dir = Path(tempfile.mkdtemp(prefix="botcore-", dir=_memory()))
    data_dir.chmod(0o711)
    with embedded.serve(data_dir, version=POSTGRES_VERSION) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            # a database for each test, of which none outlives the server: 0.03 s instead of 0.26 where it is on a disk
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield _parts(url)
    # what still runs there notices that the folder is gone
    shutil.rmtree(data_dir, ignore_errors=True)


def _memory() -> str | None:
    """The folder of files in memory, where a copy of a database takes a fifth of the time, if a million rows fit."""
    folder = "/dev/shm"  # noqa: S108 - mkdtemp makes what is ours in it
    return folder if Path(folder).is_dir() and shutil.disk_usage(folder).free > _ENOUGH_BYTES else None


@pytest.fixture(scope="session", autouse=True)
def _pooled(request: pytest.FixtureRequest) -> Iterator[None]:
    """Sends the pools through PgBouncer where TEST_POOLER asks for it; what arranges and migrates goes past it."""
    if not POOLER:
        yield
        return
    server = request.getfixturevalue("server")
    with poolers.pgbouncer(server, **poolers.MODES[POOLER]) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "create", poolers.through(opened, server, POOLER))
        yield


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leaves out what cannot hold where transactions share connections."""
    if POOLER and POOLER.startswith("transaction") and (mark := item.get_closest_marker("own_session")):
        pytest.skip(mark.args[0])


@pytest.fixture(scope="session")
def psql_binaries() -> Path:
    """The folder of psql, pg_dump and pg_ctl in the embedded server's version."""
    return embedded.binaries(POSTGRES_VERSION)


@pytest.fixture(scope="session")
def create_database(server: dict[str, Any]) -> Iterator[CreateDatabase]:
    """A context that gives the URL of a fresh database: empty, or a copy of a template."""
    names = (f"test_{os.getpid()}_{number}" for number in count())

    @contextmanager
    def create(template: str | None = None, *, as_template: bool = False) -> Iterator[str]:
        with DatabaseJanitor(
            **server, dbname=next(names), template_dbname=template, as_template=as_template
        ) as janitor:
            url = _url(server, janitor.dbname)
            if template:
                # a copy has the tables' rights, and not the database's own
                administration.execute(roles.admission(janitor.dbname))
            yield url

    with psycopg.connect(**server, dbname="postgres", autocommit=True) as administration:
        yield create


@pytest.fixture(scope="session")
def template(create_database: CreateDatabase) -> Iterator[str]:
    """The name of a migrated database, which each test gets a copy of."""
    with create_database(as_template=True) as url:
        roles.create(url)
        asyncio.run(migrate(roles.url_of("migrator", url)))
        yield str(conninfo_to_dict(url)["dbname"])


async def migrate(url: str) -> None:
    """Brings a database to what the tests run on."""
    await migrations.upgrade(url)
    if PARTITIONS:
        await partitions.run(url, partitions=PARTITIONS)
        await partitions.drop_old(url)


@pytest.fixture
def database_url(create_database: CreateDatabase, template: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    with create_database(template) as url:
        yield url


@pytest.fixture
def empty_database_url(create_database: CreateDatabase) -> Iterator[str]:
    """The URL of a fresh database without any table."""
    with create_database() as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open Database on a fresh, migrated database."""
    async with Database.connect(database_url) as opened:
        yield opened


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection]:
    """A plain connection to that database, in autocommit."""
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def redis_server() -> Iterator[redises.Redis]:
    """A Redis, which whoever stops it starts again."""
    with redises.server() as server:
        yield server


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Measured:
    """Notes a figure of this test for the page: seconds as a float, a count as an int."""

    def note(what: str, figure: float) -> None:
        if path := os.environ.get("FAULTS_FIGURES"):
            with Path(path).open("a") as file:
                file.write(json.dumps([request.function.__name__, what, figure]) + "\n")

    return note


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator["InMemorySpanExporter"]:
    """What was traced, by a provider that the program has set; OpenTelemetry itself sets one once and for ever."""
    # other tests are as a program that knows nothing of it
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def until_waiting(connection: psycopg.Connection, sessions: int = 1) -> None:
    """Returns when so many sessions of this database wait for locks."""
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while connection.execute(waiting).rowcount < sessions:
        await asyncio.sleep(0.01)
        # in a transaction the sessions of its first look are all that it shows
        connection.execute("SELECT pg_stat_clear_snapshot()")


def _parts(url: str) -> dict[str, Any]:
    given = conninfo_to_dict(url)
    parts = {"host": given.get("host"), "port": given.get("port", 5432), "user": given.get("user", "postgres")}
    return {name: str(value) for name, value in (parts | {"password": given.get("password")}).items() if value}


def _url(server: dict[str, Any], name: str) -> str:
    login = f"{server['user']}:{quote(server['password'], safe='')}" if "password" in server else server["user"]
    if server["host"].startswith("/"):
        return f"postgresql://{login}@/{name}?host={server['host']}&port={server['port']}"
    return f"postgresql://{login}@{server['host']}:{server['port']}/{name}"
