"""New messages as they are committed: found by polling, in the order of their ids, none left out.

Ids are drawn from one sequence and committed in any order, so whoever asks for ids above the last one misses those that
come late. A horizon tells up to which id nothing comes late any more; it costs writers nothing and needs no session.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from psycopg.rows import AsyncRowFactory, args_row

from botcore import inputs, queries
from botcore.errors import InvalidInput, Unavailable
from botcore.executor import Executor, Row
from botcore.rows import Message, row_of

# as `before_id` and as `bot_id`: the highest number stands for none and for all
_NONE: Final = 2**63 - 1
_PAGE: Final = 1_000
# of one statement, where few of the messages are the bot's, or live: none is near a timeout
_REACH: Final = 100_000
_INTERVALS: Final = (0.001, 3_600.0)
# how soon it asks again: at once after a restart, and no storm of questions while the server is down
_FIRST_DELAY_SECONDS: Final = 0.1
_MAX_DELAY_SECONDS: Final = 2.0
# a transaction that stores messages takes milliseconds
_SOON_SECONDS: Final = 0.01
_LONG_SECONDS: Final = 60.0
# a timeout, a full disk or memory: what the server cannot answer now, and may the next time
_PASSING: Final = {"57014", "53100", "53200"}

_message = row_of(Message)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """The newest message, the last id that was drawn, and the transactions that may store messages below the newest.

    The newest is what was given as such, where that is no more and nothing came after it.
    """

    last_id: int
    drawn_id: int
    writers: str


class Arrivals:
    """Those queries of sql/messages/ that read all chats together, in the order of the messages' ids."""

    _executor: Executor

    async def newest(self, *, bot_id: int | None = None, before_id: int = _NONE, page_size: int = 20) -> list[Message]:
        """The newest live messages of all chats, or of one bot's, newest first; `page_size` is 1..1000."""
        bot = _NONE if bot_id is None else bot_id
        return await self._executor.all(
            "messages/newest", _message, bot_id=bot, before_id=before_id, page_size=page_size
        )

    async def position(self) -> int:
        """An id for `listen` to go on from: all that there will ever be up to it can be read now.

        So `recent_in_chat(before_id=position + 1)` and `listen(after_id=position)` together give each message once. It
        waits for the transactions that are storing messages at this moment.
        """
        horizon, delay = _Horizon(), _SOON_SECONDS
        last_id = (await _look(self._executor.primary, horizon)).last_id
        while horizon.id < last_id:
            await asyncio.sleep(delay)
            delay = min(2 * delay, _MAX_DELAY_SECONDS)
            # the first one, unless the ids begin anew
            last_id = min(last_id, (await _look(self._executor.primary, horizon)).last_id)
        return horizon.id

    def listen(
        self,
        *,
        after_id: int | None = None,
        bot_id: int | None = None,
        chat_id: int | None = None,
        interval_seconds: float = 0.25,
    ) -> AsyncGenerator[Message, None]:
        """New live messages of all chats, of one bot's or of one chat, soon after they are committed; without end.

        Each is given once, in ascending order of ids, as it is when it is read. The id of the last one is the
        `after_id` that goes on behind it, in this process or in the next: nothing is left out, in whatever order it was
        committed. Without one it begins with what is stored from its first step on.
        A message is given when all with lower ids are stored or undone, so that a transaction that has stored some, and
        does not end, holds back what others store meanwhile. What is deleted by then is left out; edits and what is
        restored are no new messages.
        It asks every `interval_seconds`, 0.001..3600, holds no connection in between, and goes on asking while the
        server is away. Inside of a transaction, and of a replica, it asks the primary all the same.
        Raises InvalidInput when it is called, for a `bot_id` beside a `chat_id`, too; Unavailable, in a step, once the
        database is closed.
        """
        name, values = _query(bot_id, chat_id)
        values |= {"after_id": after_id or 0, "upto_id": 0, "page_size": _PAGE}
        inputs.check(queries.load(name), values)
        if not _INTERVALS[0] <= interval_seconds <= _INTERVALS[1]:
            raise InvalidInput("interval_seconds", f"must be {_INTERVALS[0]}..{_INTERVALS[1]:g}")
        return _messages(self._executor.primary, name, values, after_id, interval_seconds)


class _Horizon:
    """Up to which id all can be seen that there will ever be of the messages."""

    def __init__(self) -> None:
        self._moved_at = monotonic()
        self.forget()

    def forget(self) -> None:
        """As before the first look: whoever is storing then may store any id."""
        self.id = 0
        self.newest_id = 0
        self._floors: dict[str, int] = {}

    def see(self, position: Position) -> None:
        """Moves to where it is by this: below what any of the writers may store yet."""
        writers = filter(None, position.writers.split(","))
        self._floors = {writer: self._floors.get(writer, self._floor(writer)) for writer in writers}
        self.newest_id = position.last_id
        before, self.id = self.id, min(self._floors.values(), default=position.last_id)
        if self.id != before or self.id >= position.last_id:
            self._moved_at = monotonic()

    def _floor(self, writer: str) -> int:
        """Below what a writer stores who was not there the last time."""
        # a prepared transaction, which a restart of the server renames so: it may have been there
        if writer.startswith("-1/"):
            return self.id
        # any other draws ids above what was the newest then
        return self.newest_id

    def is_held(self) -> bool:
        """Whether one transaction has kept it where it is for long, with messages behind it."""
        return monotonic() - self._moved_at > _LONG_SECONDS


class _Line:
    """To the server: a question is asked until there is an answer, and the log told once of each trouble."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._was_held = False

    async def all(self, name: str, row: AsyncRowFactory[Row], /, **values: Any) -> list[Row]:
        """As the executor's."""
        delay = _FIRST_DELAY_SECONDS
        while True:
            try:
                rows = await self._executor.all(name, row, **values)
            except Unavailable as error:
                if not (error.retry_is_safe or error.sqlstate in _PASSING):
                    raise
                if delay == _FIRST_DELAY_SECONDS:
                    _log.warning("new messages are not heard of for now", extra={"reason": error.reason})
                await asyncio.sleep(delay)
                delay = min(2 * delay, _MAX_DELAY_SECONDS)
            else:
                if delay > _FIRST_DELAY_SECONDS:
                    _log.warning("new messages are heard of again")
                return rows

    def note(self, *, is_held: bool) -> None:
        """Says that the horizon is held, once."""
        if is_held and not self._was_held:
            _log.warning("new messages wait for a transaction that has stored some and does not end")
        self._was_held = is_held


async def _messages(
    executor: Executor, name: str, values: dict[str, int], last_id: int | None, interval_seconds: float
) -> AsyncGenerator[Message, None]:
    line, horizon = _Line(executor), _Horizon()
    while True:
        last_id = _start(last_id, await _look(line, horizon))
        while last_id < horizon.id:
            values |= {"after_id": last_id, "upto_id": min(last_id + _REACH, horizon.id)}
            page = await line.all(name, _message, **values)
            for message in page:
                yield message
            last_id = page[-1].id if len(page) == _PAGE else values["upto_id"]
        line.note(is_held=horizon.is_held())
        await asyncio.sleep(interval_seconds)


def _query(bot_id: int | None, chat_id: int | None) -> tuple[str, dict[str, int]]:
    if chat_id is None:
        return "messages/listen", {"bot_id": _NONE if bot_id is None else bot_id}
    if bot_id is not None:
        raise InvalidInput("bot_id", "must be None beside a chat_id: a chat is one bot's")
    return "messages/listen_in_chat", {"chat_id": chat_id}


def _start(last_id: int | None, position: Position) -> int:
    """Where to go on; at the newest, too, behind an id that was never drawn here, since a backup was restored."""
    if last_id is not None and last_id <= position.drawn_id:
        return last_id
    if last_id is not None:
        _log.warning("after_id was never drawn here: listening to what is new from now on")
    return position.last_id


async def _look(server: Executor | _Line, horizon: _Horizon) -> Position:
    """What the horizon sees now."""
    [position] = await server.all("messages/position", args_row(Position), after_id=horizon.newest_id)
    if position.drawn_id < horizon.newest_id:
        # a standby was promoted that never had the newest: their ids are drawn again
        horizon.forget()
        return await _look(server, horizon)
    horizon.see(position)
    return position
