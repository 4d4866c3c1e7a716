"""From the stored update to its handler: each chat in order, several chats at once, tried again where that can help."""

import asyncio
import logging
import os
import platform
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Any, Final

from aiogram import Bot, Dispatcher
from aiogram.types import Update as Event
from structlog.contextvars import bound_contextvars

from botcli import decoding
from botcli.journal import Handling
from botcli.metrics import BotMetrics
from botcli.refusals import is_about_the_chat
from botcli.retries import LONGEST_SECONDS, postponed
from botcli.stops import Stops, drafts_stopped
from botcore import BotcoreError, ClaimLost, Database, InvalidInput, Update, tracing

# where nobody tells: a retry that is due, what a vanished process left, a server behind a pooler without LISTEN
_IDLE_SECONDS: Final = 1.0
_DOWN_SECONDS: Final = 1.0
# hosts do not wait for long
_NOTE_SECONDS: Final = 2.0
# Telegram delivers again for 24 hours
_KEPT: Final = timedelta(days=2)
_PURGE_SECONDS: Final = 3_600.0
_ENOUGH: Final = 100

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """The settings UPDATE_CONCURRENCY, UPDATE_LEASE_SECONDS, GRACE_SECONDS and RESEND_UNCONFIRMED."""

    concurrency: int = 16
    lease_seconds: int = 10
    # hosts kill 10 s after SIGTERM (docker stop, Railway); closing the sessions takes up to a second
    grace_seconds: float = 5.0
    resend: bool = False


class Delivery:
    """Takes in what Telegram delivers and has it handled; every process of a bot has one, under a name of its own."""

    def __init__(self, bot: Bot, database: Database, dispatcher: Dispatcher, terms: Terms, metrics: BotMetrics) -> None:
        self.worker: Final = f"{platform.node()}:{os.getpid()}:{secrets.token_hex(4)}"
        self.lease_seconds: Final = terms.lease_seconds
        self._bot = bot
        self._database = database
        self._updates = database.updates
        self._dispatcher = dispatcher
        self._stops: Stops = dispatcher["stops"]
        self._terms = terms
        self._metrics = metrics
        self._tracer = tracing.tracer("botcli")
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._handlings: dict[int, Handling] = {}
        self._handled: list[int] = []
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        # places for updates on their way from the database
        self._asked_for = 0
        self._after_chat_id: int | None = None

    async def store(self, updates: Sequence[dict[str, Any]]) -> None:
        """Stores updates, and begins with those whose turn it is; confirm them when this has returned.

        Raises InvalidInput for what is no update, and Unavailable.
        """
        elsewhere = [draft for draft in drafts_stopped(updates) if not self._stops.stop(draft)]
        with self._places(len(updates)) as places:
            storing = self._updates.add(
                bot_id=self._bot.id,
                updates=updates,
                worker=self.worker,
                capacity=places,
                lease_seconds=self.lease_seconds,
            )
            self._begin(await self._metrics.storing(updates, storing))
        for draft in elsewhere:
            await self._updates.stop(bot_id=self._bot.id, **draft._asdict())
        if places < len(updates):
            # this process need not hear of it, which it does not behind a pooler
            self._wake.set()
            await self._updates.announce(bot_id=self._bot.id)

    async def run(self) -> None:
        """Works until `stop`; then what is in work ends within the grace time, and the rest is given back."""
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(work()) for work in (self._renew, self._listen, self._purge)]
            working = tasks.create_task(self._work())
            await self._stop.wait()
            await self._finish(working)
            for task in background:
                task.cancel()

    def stop(self) -> None:
        """Begins nothing more, and lets `run` come to its end."""
        self._stop.set()
        self._wake.set()

    async def _finish(self, working: asyncio.Task[None]) -> None:
        deadline = monotonic() + self._terms.grace_seconds
        # what was asked for may be on its way: nothing is begun after this
        await asyncio.wait({working}, timeout=self._terms.grace_seconds)
        working.cancel()
        await asyncio.wait({working})
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=max(0.0, deadline - monotonic()))
        unfinished, handlings = dict(self._tasks), dict(self._handlings)
        for task in unfinished.values():
            task.cancel()
        await asyncio.gather(*unfinished.values(), return_exceptions=True)
        try:
            async with asyncio.timeout(_NOTE_SECONDS):
                for number in unfinished:
                    with suppress(ClaimLost):
                        await handlings[number].settle()
                await self._note_handled()
                if unfinished:
                    await self._updates.release(bot_id=self._bot.id, update_ids=list(unfinished), worker=self.worker)
        except (BotcoreError, TimeoutError) as error:
            _log.warning("not noted what was done: it is looked at again", exc_info=error)

    @contextmanager
    def _places(self, wanted: int) -> Iterator[int]:
        """Keeps places free for what is asked for now; how many those are."""
        free = 0 if self._stop.is_set() else max(0, self._terms.concurrency - len(self._tasks) - self._asked_for)
        places = min(wanted, free)
        self._asked_for += places
        try:
            yield places
        finally:
            self._asked_for -= places

    async def _work(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                await self._note_handled()
                is_more = await self._claim()
            except BotcoreError as error:
                _log.warning("no updates from the database", exc_info=error)
                await asyncio.sleep(_DOWN_SECONDS)
                continue
            if not (is_more or self._stop.is_set()):
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), _IDLE_SECONDS)

    async def _claim(self) -> bool:
        """Begins with what there is; whether the walk over the chats ended before the first of them was looked at."""
        with self._places(self._terms.concurrency) as places:
            if not places:
                return False
            given = await self._updates.claim(
                bot_id=self._bot.id,
                worker=self.worker,
                capacity=places,
                lease_seconds=self.lease_seconds,
                after_chat_id=self._after_chat_id,
            )
            self._begin(given)
        began_after, is_full = self._after_chat_id, len(given) == places
        self._after_chat_id = given[-1].telegram_chat_id if is_full else None
        return began_after is not None and not is_full

    def _begin(self, given: Sequence[Update]) -> None:
        for update in given:
            if update.state == "failed":
                self._set_aside(update)
            # one that this process had for longer than its lease goes on
            elif update.update_id not in self._tasks:
                handling = Handling(self._database, update, self.lease_seconds, resend=self._terms.resend)
                self._handlings[update.update_id] = handling
                task = self._tasks[update.update_id] = asyncio.create_task(self._handle(handling))
                task.add_done_callback(partial(self._end, update.update_id))

    def _end(self, update_id: int, _: asyncio.Task[None]) -> None:
        del self._tasks[update_id], self._handlings[update_id]
        self._wake.set()

    async def _handle(self, handling: Handling) -> None:
        update = handling.update
        handling.enter()
        try:
            event = await self._metrics.attempt(self._feed(handling))
        except ClaimLost:
            self._metrics.attempted("lost")
            _log.warning("another process has this update by now", extra={"update_id": update.update_id})
        except Exception as error:  # noqa: BLE001 - whatever a handler raises
            await self._fail(handling, error)
        else:
            self._done(update, event)

    async def _feed(self, handling: Handling) -> Event | None:
        update = handling.update
        # its person was erased meanwhile
        if not update.payload:
            return None
        told = {"botcli.update_id": update.update_id, "botcli.update_attempts": update.attempts}
        with tracing.span(self._tracer, "update", "CONSUMER", told):
            event = Event.model_validate(decoding.loads(update.payload), context={"bot": self._bot})
            await self._dispatcher.feed_update(self._bot, event, handling=handling)
            return event

    def _done(self, update: Update, event: Event | None = None) -> None:
        self._handled.append(update.update_id)
        self._metrics.handled(update, event)

    async def _fail(self, handling: Handling, error: Exception) -> None:
        update = handling.update
        if is_about_the_chat(error):
            # who blocked the bot is not answered, and that is all
            self._done(update)
            return
        with bound_contextvars(update_id=update.update_id, telegram_chat_id=update.telegram_chat_id):
            try:
                await handling.settle()
                await self._note_failure(update, error)
            except BotcoreError as failed:
                # once the lease is over it is tried again
                self._metrics.attempted("lost")
                _log.warning("not noted that an update failed", exc_info=failed)

    async def _note_failure(self, update: Update, error: Exception) -> None:
        key: dict[str, Any] = {"bot_id": update.bot_id, "worker": self.worker}
        if (seconds := postponed(error, update)) is not None:
            _log.warning("update postponed", exc_info=error, extra={"seconds": seconds})
            await self._updates.release(**key, update_ids=[update.update_id], delay_seconds=seconds)
            self._metrics.attempted("postponed")
            return
        _log.error("update failed", exc_info=error, extra={"attempts": update.attempts})
        # what is forged or malformed today is so tomorrow
        limit: dict[str, Any] = {"max_failures": 1} if isinstance(error, InvalidInput) else {}
        state = await self._updates.fail(
            **key,
            update_id=update.update_id,
            error=f"{type(error).__module__}.{type(error).__qualname__}",
            sqlstate=getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None),
            delay_seconds=min(LONGEST_SECONDS, 1 << update.failures),
            **limit,
        )
        if state == "failed":
            self._set_aside(update)
        else:
            self._metrics.attempted("failed" if state else "lost")

    def _set_aside(self, update: Update) -> None:
        self._metrics.attempted("set_aside")
        _log.error("update set aside: see botcli updates show", extra={"update_id": update.update_id})

    async def _note_handled(self) -> None:
        while batch := self._handled[:_ENOUGH]:
            await self._updates.finish(bot_id=self._bot.id, update_ids=batch, worker=self.worker)
            # cut off before this it is noted twice, which changes nothing
            del self._handled[: len(batch)]

    async def _renew(self) -> None:
        """Keeps what is in work, and ends the work on what another process has by now."""
        while True:
            await asyncio.sleep(self.lease_seconds / 3)
            # and nothing else that was given to it: an answer of the database can get lost
            if not (had := [*self._tasks, *self._handled]):
                continue
            try:
                kept = await self._updates.renew(
                    bot_id=self._bot.id, update_ids=had, worker=self.worker, lease_seconds=self.lease_seconds
                )
            except BotcoreError as error:
                _log.warning("leases not renewed", exc_info=error)
                continue
            for number in set(had).difference(kept, self._handled) & self._tasks.keys():
                self._tasks[number].cancel()

    async def _listen(self) -> None:
        """Wakes up when another process has more than it can take."""
        async for payload in self._database.listen(self._updates.CHANNEL):
            self._stops.told(self._bot.id, payload)
            self._wake.set()

    async def _purge(self) -> None:
        """Removes the numbers of what was done long ago."""
        while True:
            before = datetime.now(UTC) - _KEPT
            with suppress(BotcoreError):
                while await self._updates.purge(bot_id=self._bot.id, before=before):
                    pass
            await asyncio.sleep(_PURGE_SECONDS)
