"""What aiogram's own tests of storages ask of ours: `.ci/run aiogram_storages` runs them with this plugin.

They name no storage of ours: PostgresStorage goes where they ask for the one in memory, RedisStorage for aiogram's own.
"""

from collections.abc import AsyncIterator

import pytest
from aiogram.fsm.storage.base import BaseStorage, StorageKey

from botcli.fsm import PostgresStorage
from botcli.redis_storage import RedisStorage
from botcore import Database
from tests import redises


@pytest.fixture
def memory_storage(database: Database) -> BaseStorage:
    """Ours on PostgreSQL."""
    return PostgresStorage(database)


@pytest.fixture
async def redis_storage(redis_server: redises.Redis) -> AsyncIterator[BaseStorage]:
    """Ours on it, empty."""
    redis_server.cli("FLUSHALL")
    storage = RedisStorage(redis_server.url)
    yield storage
    await storage.close()


@pytest.fixture
def storage(request: pytest.FixtureRequest) -> BaseStorage:
    """The one that the test is told to take."""
    found: BaseStorage = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def storage_key() -> StorageKey:
    """A person in a group."""
    return StorageKey(bot_id=42, chat_id=-42, user_id=42)
