"""A server that each test may break, and what the tests measure for docs/reliability.md."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path

import pytest

from botcore import embedded, migrations
from tests.conftest import POSTGRES_VERSION
from tests.faults.proxy import Proxy, proxy
from tests.faults.servers import Server

_numbers = count(1)


@pytest.fixture(scope="session")
def own_server() -> Iterator[Server]:
    """The server; reachable for its own user, which runs it when the tests are root's."""
    data_dir = Path(tempfile.mkdtemp(prefix="botcore-faults-"))
    data_dir.chmod(0o711)
    with embedded.serve(data_dir, version=POSTGRES_VERSION) as url:
        yield Server(data_dir, url)
    shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture
def faulty(own_server: Server) -> Iterator[Server]:
    """That server, which runs before the test and after it."""
    own_server.start()
    yield own_server
    own_server.thaw()
    own_server.start()


@pytest.fixture
async def url(faulty: Server) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database on it."""
    name = f"faults_{next(_numbers)}"
    faulty.execute(f"CREATE DATABASE {name}")
    url = faulty.database_url(name)
    await migrations.upgrade(url)
    yield url
    faulty.thaw()
    faulty.start()
    faulty.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def network(faulty: Server) -> AsyncIterator[Proxy]:
    """A network in front of it."""
    async with proxy(faulty.socket) as opened:
        yield opened


@pytest.fixture
def proxied_url(url: str, network: Proxy) -> str:
    """That database through the network."""
    database = url.partition("?")[0].rpartition("/")[2]
    return f"postgresql://postgres@127.0.0.1:{network.port}/{database}?sslmode=disable"
