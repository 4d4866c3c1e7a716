"""What aiogram's own tests of storages ask of PostgresStorage: `.ci/run aiogram_storages` runs them with this plugin.

They name no storage of ours: it goes where they ask for the one in memory.
"""

import pytest
from aiogram.fsm.storage.base import BaseStorage, StorageKey

from botcli.fsm import PostgresStorage
from botcore import Database


@pytest.fixture
def memory_storage(database: Database) -> BaseStorage:
    """Ours."""
    return PostgresStorage(database)


@pytest.fixture
def storage(request: pytest.FixtureRequest) -> BaseStorage:
    """The one that the test is told to take."""
    found: BaseStorage = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def storage_key() -> StorageKey:
    """A person in a group."""
    return StorageKey(bot_id=42, chat_id=-42, user_id=42)
