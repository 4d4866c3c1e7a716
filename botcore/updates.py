"""What Telegram delivers: stored before it is confirmed, handed to workers in each chat's order, done once."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.rows import scalar_row

from botcore.errors import Conflict, InvalidInput
from botcore.executor import Executor, repeatable
from botcore.rows import Backlog, Failure, Update, UpdateState, row_of

MAX_FAILURES: Final = 5
LEASE_SECONDS: Final = 10

_BEFORE_ALL: Final = -(2**63)
_BIGINT: Final = range(-(2**63), 2**63)
_IN_WORK: Final = "uq_updates_bot_id_telegram_chat_id"

_update = row_of(Update)


class Updates:
    """Queries of sql/updates/, one method a file.

    A worker is a name that no other process has. What it is given is its own for `lease_seconds`, or for as long as
    it renews that; of a chat there is never more than one in work, be the workers as many as they like.
    """

    CHANNEL: Final = "botcore_updates"
    """What `announce` and `stop` notify, for `Database.listen`; the payload is the bot's id, of `stop` all three."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def add(
        self,
        *,
        bot_id: int,
        updates: Sequence[Mapping[str, Any]],
        worker: str = "",
        capacity: int = 0,
        lease_seconds: int = LEASE_SECONDS,
    ) -> list[Update]:
        """Stores a batch of updates, each once, as Telegram's JSON has them; confirm them when this has returned.

        One statement for up to 1,000. Gives the `worker` at once, as `claim` would, those whose turn it is.
        Raises InvalidInput for what is no update, before any is stored.
        """
        if not updates:
            return []
        if capacity and not worker:
            raise InvalidInput("worker", "is needed with a capacity")
        values = {
            "update_ids": [_number(update, place) for place, update in enumerate(updates)],
            "telegram_chat_ids": [chat for chat, _ in map(_whose, updates)],
            "telegram_user_ids": [person for _, person in map(_whose, updates)],
            "payloads": [_payload(update, place) for place, update in enumerate(updates)],
        }
        key = {"bot_id": bot_id, "worker": worker, "lease_seconds": lease_seconds}
        try:
            return await self._executor.all("updates/add", _update, **key, **values, capacity=capacity)
        except Conflict as error:
            if error.constraint != _IN_WORK:
                raise
            # another process stored one of the same chat at this moment, and has it in work
            return await self._executor.all("updates/add", _update, **key, **values, capacity=0)

    async def claim(
        self,
        *,
        bot_id: int,
        worker: str,
        capacity: int,
        lease_seconds: int = LEASE_SECONDS,
        max_failures: int = MAX_FAILURES,
        after_chat_id: int | None = None,
    ) -> list[Update]:
        """Gives the worker at most `capacity` updates, 1..1000, each of another chat, by the chats' ids.

        Go on with the last one's chat as `after_chat_id` where there may be more, so that every chat has its turn. What
        another worker kept beyond its lease is among them; one that was so too often comes as failed, to be logged.
        """
        try:
            claimed = await self._executor.all(
                "updates/claim",
                _update,
                bot_id=bot_id,
                worker=worker,
                capacity=capacity,
                lease_seconds=lease_seconds,
                max_failures=max_failures,
                after_chat_id=_BEFORE_ALL if after_chat_id is None else after_chat_id,
            )
        except Conflict as error:
            if error.constraint != _IN_WORK:
                raise
            # a late update with a lower number: another worker took one of its chat at this moment
            return []
        return sorted(claimed, key=lambda update: update.telegram_chat_id)

    @repeatable()
    async def renew(
        self, *, bot_id: int, update_ids: list[int], worker: str, lease_seconds: int = LEASE_SECONDS
    ) -> list[int]:
        """Keeps what the worker has in work for longer; what is missing in the answer was lost to another worker."""
        return await self._executor.all(
            "updates/renew",
            scalar_row,
            bot_id=bot_id,
            update_ids=update_ids,
            worker=worker,
            lease_seconds=lease_seconds,
        )

    @repeatable()
    async def finish(self, *, bot_id: int, update_ids: list[int], worker: str) -> list[int]:
        """Notes that updates were handled; what is missing in the answer was lost to another worker."""
        return await self._executor.all(
            "updates/finish", scalar_row, bot_id=bot_id, update_ids=update_ids, worker=worker
        )

    async def fail(
        self,
        *,
        bot_id: int,
        update_id: int,
        worker: str,
        error: str,
        sqlstate: str | None = None,
        max_failures: int = MAX_FAILURES,
        delay_seconds: int = 0,
    ) -> UpdateState | None:
        """Has an update wait for another attempt, or sets it aside; gives which, None where another worker has it.

        `error` is the class of what was raised, never its text. While the update waits, so does its chat.
        """
        return await self._executor.one(
            "updates/fail",
            scalar_row,
            bot_id=bot_id,
            update_id=update_id,
            worker=worker,
            error=error,
            sqlstate=sqlstate,
            max_failures=max_failures,
            delay_seconds=delay_seconds,
        )

    @repeatable()
    async def release(self, *, bot_id: int, update_ids: list[int], worker: str, delay_seconds: int = 0) -> list[int]:
        """Gives updates back, unfinished and for no fault of theirs; the answer is as that of `finish`."""
        return await self._executor.all(
            "updates/release",
            scalar_row,
            bot_id=bot_id,
            update_ids=update_ids,
            worker=worker,
            delay_seconds=delay_seconds,
        )

    @repeatable()
    async def note_sends(self, *, bot_id: int, update_id: int, worker: str, sends: int, arrived: int = 0) -> bool:
        """Notes how many sends the handling has begun, and how many arrived; False where another has the update.

        Call it before each send: after a crash those that had arrived are left out, and only the last one is in doubt.
        """
        noted = await self._executor.one(
            "updates/note_sends",
            scalar_row,
            bot_id=bot_id,
            update_id=update_id,
            worker=worker,
            sends=sends,
            arrived=arrived,
        )
        return noted is not None

    async def announce(self, *, bot_id: int) -> None:
        """Wakes the processes that listen on `CHANNEL`."""
        await self._executor.one("updates/announce", scalar_row, bot_id=bot_id)

    async def stop(self, *, bot_id: int, telegram_chat_id: int, draft_id: int) -> None:
        """Tells the processes that listen on `CHANNEL` that a person stopped an answer, which has the chat's turn."""
        await self._executor.one(
            "updates/stop", scalar_row, bot_id=bot_id, telegram_chat_id=telegram_chat_id, draft_id=draft_id
        )

    @repeatable()
    async def lease_polling(self, *, bot_id: int, worker: str, lease_seconds: int = LEASE_SECONDS) -> bool:
        """Whether the worker is the one that asks Telegram for the bot's updates, for so long from now."""
        leased = await self._executor.one(
            "updates/lease_polling", scalar_row, bot_id=bot_id, worker=worker, lease_seconds=lease_seconds
        )
        return leased is not None

    @repeatable()
    async def end_polling(self, *, bot_id: int, worker: str) -> bool:
        """Lets another worker poll at once; False when this one did not."""
        return await self._executor.one("updates/end_polling", scalar_row, bot_id=bot_id, worker=worker) is not None

    async def get(self, *, bot_id: int, update_id: int) -> Update | None:
        """The update, done or not."""
        return await self._executor.one("updates/get", _update, bot_id=bot_id, update_id=update_id)

    async def page(self, *, state: UpdateState, after: Update | None = None, page_size: int = 100) -> list[Update]:
        """Updates of all bots in a state but done, by number; page on with the last one. `page_size` is 1..1000."""
        return await self._executor.all(
            "updates/page",
            _update,
            state=state,
            after_bot_id=after.bot_id if after else 0,
            after_update_id=after.update_id if after else 0,
            page_size=page_size,
        )

    async def backlog(self, *, bot_id: int, most: int = 100_000) -> Backlog:
        """What there is to do for the bot: 100,000 that wait are counted in 0.15 s, and at most `most` of them are."""
        [backlog] = await self._executor.all("updates/backlog", row_of(Backlog), bot_id=bot_id, most=most)
        return backlog

    async def failures(self, *, bot_id: int, page_size: int = 10) -> list[Failure]:
        """What set the bot's updates aside, by class, the most frequent first; `page_size` is 1..100."""
        return await self._executor.all("updates/failures", row_of(Failure), bot_id=bot_id, page_size=page_size)

    async def retry(self, *, bot_id: int, update_id: int) -> bool:
        """Puts an update that was set aside back among those that wait; False when it was not set aside."""
        return await self._executor.one("updates/retry", scalar_row, bot_id=bot_id, update_id=update_id) is not None

    async def drop(self, *, bot_id: int, update_id: int) -> bool:
        """Gives up an update that waits or was set aside; False for one that is in work, done or unknown."""
        return await self._executor.one("updates/drop", scalar_row, bot_id=bot_id, update_id=update_id) is not None

    @repeatable()
    async def purge(self, *, bot_id: int, before: datetime, batch_size: int = 5_000) -> int:
        """Removes for good the numbers of what was done before that time, one batch, and gives how many those were.

        Telegram delivers again for 24 hours, and counts anew after a week: https://core.telegram.org/bots/api#update
        """
        purged = await self._executor.all(
            "updates/purge", scalar_row, bot_id=bot_id, before=before, dry_run="no", batch_size=batch_size
        )
        return len(purged)


def _number(update: Mapping[str, Any], place: int) -> int:
    number = update.get("update_id") if isinstance(update, Mapping) else None
    if not _is_id(number):
        raise InvalidInput(f"updates[{place}].update_id", "must be an int of 64 bits")
    return int(number)  # type: ignore[arg-type]


def _payload(update: Mapping[str, Any], place: int) -> str:
    try:
        # in ASCII, where NUL and a lone surrogate are escapes as any other
        return json.dumps(update, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(f"updates[{place}]", "is no JSON") from None


def _whose(update: Mapping[str, Any]) -> tuple[int, int]:
    """Telegram's ids of the chat and of the person, of whatever kind the update is; 0 for none."""
    event = next((value for value in update.values() if isinstance(value, dict)), {})
    person = _id(event.get("from")) or _id(event.get("user"))
    # a button's message stands one step below
    message = event.get("message")
    chat = _id(event.get("chat")) or _id(message.get("chat") if isinstance(message, dict) else None)
    return chat or person, person


def _id(given: object) -> int:
    found = given.get("id") if isinstance(given, dict) else None
    return found if _is_id(found) else 0  # type: ignore[return-value]


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in _BIGINT
