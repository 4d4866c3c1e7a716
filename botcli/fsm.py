"""aiogram's finite state machine on PostgreSQL: forms go on after a restart, in any process of the bot."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from aiogram.exceptions import DataNotDictLikeError
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey

from botcore import Database, StateKey


class PostgresStorage(BaseStorage):
    """A storage over the pool of a Database, which stays open; give it to a Dispatcher as `storage`.

    With `ttl` a form ends by itself so long after its last change. Every part of the key counts: two topics, two
    business connections and two destinies are different forms. `update_data` is one statement, so that what several
    handlers enter at once is all there.
    """

    def __init__(self, database: Database, *, ttl: timedelta | None = None) -> None:
        self._database = database
        # less than a second is no time for a form, and 0 would be for ever
        self._ttl_seconds = max(1, round(ttl.total_seconds())) if ttl is not None else 0

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Puts the person to that state, or to none."""
        name = state.state if isinstance(state, State) else state
        await self._database.states.set_state(_key(key), name, ttl_seconds=self._ttl_seconds)

    async def get_state(self, key: StorageKey) -> str | None:
        """The name of the state, None for none."""
        found = await self._database.states.get(_key(key))
        return found.state if found else None

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Replaces what the person entered; raises DataNotDictLikeError, and InvalidInput for what is no JSON."""
        await self._database.states.set_data(_key(key), _checked(data), ttl_seconds=self._ttl_seconds)

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """What the person entered so far."""
        found = await self._database.states.get(_key(key))
        return _loaded(found.data) if found else {}

    async def update_data(self, key: StorageKey, data: Mapping[str, Any]) -> dict[str, Any]:
        """Adds to what the person entered, and gives all of it; raises as `set_data` does."""
        updated = await self._database.states.update_data(_key(key), _checked(data), ttl_seconds=self._ttl_seconds)
        return _loaded(updated.data)

    async def close(self) -> None:
        """Nothing: the pool is the Database's."""


def _key(key: StorageKey) -> StateKey:
    return StateKey(
        bot_id=key.bot_id,
        telegram_chat_id=key.chat_id,
        telegram_user_id=key.user_id,
        message_thread_id=key.thread_id or 0,
        business_connection_id=key.business_connection_id or "",
        destiny=key.destiny,
    )


def _checked(data: Mapping[str, Any]) -> Mapping[str, Any]:
    # aiogram's own storages ask the same
    if not isinstance(data, dict):
        raise DataNotDictLikeError(f"Data must be a dict or dict-like object, got {type(data).__name__}")
    return data


def _loaded(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text)
    return loaded
