"""Where somebody stands in a form, and what they entered so far: the storage of a finite state machine."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import scalar_row

from botcore.errors import InvalidInput
from botcore.executor import Executor, repeatable
from botcore.rows import State, row_of

_state = row_of(State)


@dataclass(frozen=True, slots=True)
class StateKey:
    """Whose state it is and where, all by Telegram's ids; `destiny` tells several forms apart, as aiogram calls it."""

    bot_id: int
    telegram_chat_id: int
    telegram_user_id: int
    message_thread_id: int = 0
    business_connection_id: str = ""
    destiny: str = "default"


class States:
    """Queries of sql/states/, one method a file.

    A state lives until it expires: `ttl_seconds` after the last change, 0 for never, 3153600000 at most. An expired one
    reads as none, with nothing entered. What is entered is a JSON object: tuples come back as lists, keys as texts in
    another order. Raises InvalidInput for what JSON or PostgreSQL cannot hold, such as NaN and NUL.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get(self, key: StateKey) -> State | None:
        """The state, and what was entered as JSON in `data`; None where there is nothing, or no more."""
        return await self._executor.one("states/get", _state, **asdict(key))

    @repeatable()
    async def set_state(self, key: StateKey, state: str | None, *, ttl_seconds: int = 0) -> None:
        """Puts them to that state of the form, or to none; what they entered stays."""
        await self._executor.one(
            "states/set_state", scalar_row, **asdict(key), state=state or "", ttl_seconds=ttl_seconds
        )

    @repeatable()
    async def set_data(self, key: StateKey, data: Mapping[str, Any], *, ttl_seconds: int = 0) -> None:
        """Replaces what they entered; the state stays."""
        await self._executor.one(
            "states/set_data", scalar_row, **asdict(key), data=_json(data), ttl_seconds=ttl_seconds
        )

    @repeatable()
    async def update_data(self, key: StateKey, data: Mapping[str, Any], *, ttl_seconds: int = 0) -> State:
        """Adds to what they entered, over the values of the same names; several at once lose nothing."""
        [state] = await self._executor.all(
            "states/update_data", _state, **asdict(key), data=_json(data), ttl_seconds=ttl_seconds
        )
        return state

    async def purge(self, *, before: datetime, batch_size: int = 5_000) -> int:
        """Removes for good what expired or ended before that time, one batch, and gives how many those were."""
        purged = await self._executor.all(
            "states/purge", scalar_row, before=before, dry_run="no", batch_size=batch_size
        )
        return len(purged)


def _json(data: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(data), allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput("data", "is no JSON object") from None
