"""What a process of the bot does, for Prometheus at /metrics; no label has an id, a token or a text."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, perf_counter
from typing import Final, Literal, TypeVar, get_args

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramAPIError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import TelegramMethod
from aiogram.methods.base import Response, TelegramType
from aiogram.types import Update as Event
from aiohttp import web
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.aiohttp import make_aiohttp_handler
from prometheus_client.core import GaugeMetricFamily, Metric

from botcli.replies import Heard, Kind, NoReply, Replier, Reply, Tokens, ignore
from botcore import Backlog, BotcoreError, Database, Message, Metrics, Update, health

Result = TypeVar("Result")

Outcome = Literal["handled", "postponed", "failed", "set_aside", "lost"]
"""Of an attempt at an update; a lost one is another process's by now, or could not be noted."""

_BACKLOG_SECONDS: Final = 5.0
_BACKLOG_PATIENCE_SECONDS: Final = 1.0

# a model takes seconds, a long poll twenty; Telegram's dates are whole seconds
_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_LAG_SECONDS: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0, 86_400.0)

# of each counter and histogram they would double what is said: when it was made, which is when the process was
disable_created_metrics()  # type: ignore[no-untyped-call]


class BotMetrics:
    """Counts in a registry of its own; `database` is for `Database.connect`, so that all is told together."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.database: Final = Metrics(registry)
        self._received = Counter("botcli_updates_received", "Updates that came from Telegram.", registry=registry)
        self._stored = Counter(
            "botcli_updates_stored", "Of those, updates that are in the database, new or known.", registry=registry
        )
        self._attempts = Counter(
            "botcli_update_attempts", "Attempts at an update, by what came of it.", ["outcome"], registry=registry
        )
        for outcome in get_args(Outcome):
            # an increase from nothing to one would not be seen
            self._attempts.labels(outcome)
        self._attempt_seconds = Histogram(
            "botcli_update_duration_seconds", "Attempts at an update.", buckets=_SECONDS, registry=registry
        )
        self._lag = Histogram(
            "botcli_update_lag_seconds",
            "From Telegram's date of a message, or else from when the update was stored, until it was handled.",
            buckets=_LAG_SECONDS,
            registry=registry,
        )
        self._replies = Histogram(
            "botcli_reply_duration_seconds", "Answers in the making.", buckets=_SECONDS, registry=registry
        )
        self._reply_errors = Counter(
            "botcli_reply_errors", "Answers that could not be made, by why.", ["kind"], registry=registry
        )
        for kind in (*get_args(Kind), "error"):
            self._reply_errors.labels(kind)
        self._reply_tokens = Counter(
            "botcli_reply_tokens",
            "What a model read and wrote, as its server counted.",
            ["direction"],
            registry=registry,
        )
        for direction in ("read", "written"):
            self._reply_tokens.labels(direction)
        self.requests: Final = Requests(registry)
        self._database: Database | None = None
        self._bot_id = 0
        self._is_ready = False
        self._backlog: Backlog | None = None
        self._ask_at = 0.0
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        registry.register(self)
        self._expose = make_aiohttp_handler(registry)

    async def storing(self, updates: Sequence[object], storing: Awaitable[Result]) -> Result:
        """The result of what stores the updates, which are counted."""
        self._received.inc(len(updates))
        result = await storing
        self._stored.inc(len(updates))
        return result

    def attempted(self, outcome: Outcome) -> None:
        """Counts an attempt at an update."""
        self._attempts.labels(outcome).inc()

    def handled(self, update: Update, event: Event | None) -> None:
        """Counts an update that was handled, and how long after it was sent that is."""
        self.attempted("handled")
        said = event and (event.message or event.business_message or event.channel_post)
        since = said.date if said else update.received_at
        # clocks differ
        self._lag.observe(max(0.0, (datetime.now(UTC) - since).total_seconds()))

    async def attempt(self, attempt: Awaitable[Result]) -> Result:
        """The result of an attempt at an update, which is timed."""
        with self._attempt_seconds.time():
            return await attempt

    def timed(self, replier: Replier) -> Replier:
        """The replier, whose answers are timed and counted."""
        return _Timed(replier, self._replies, self._reply_errors, self._reply_tokens)

    @contextmanager
    def of(self, database: Database, bot: Bot) -> Iterator[None]:
        """While the block runs the bot's updates in this database are counted."""
        self._database, self._bot_id, self._ask_at = database, bot.id, 0.0
        try:
            yield
        finally:
            self._database = self._backlog = None

    def routes(self) -> list[web.RouteDef]:
        """/metrics, in Prometheus' text format or OpenMetrics as the request accepts, whatever the database does."""
        return [web.get("/metrics", self._answer)]

    def collect(self) -> Iterable[Metric]:
        """What the last look at the database brought; of what could not be found out there is no sample."""
        yield GaugeMetricFamily(
            "botcli_ready",
            "1 where the database and its schema are as the bot needs them, else 0.",
            int(self._is_ready),
        )
        states = GaugeMetricFamily(
            "botcli_updates", "Updates of the bot, of all its processes, at most 100,000.", labels=["state"]
        )
        oldest = GaugeMetricFamily(
            "botcli_oldest_pending_update_age_seconds", "How long the first update that waits does; 0 for none."
        )
        if backlog := self._backlog:
            states.add_metric(["pending"], backlog.pending)
            states.add_metric(["running"], backlog.running)
            states.add_metric(["failed"], backlog.failed)
            oldest.add_metric([], backlog.oldest_seconds)
        yield states
        yield oldest

    # a registry asks for the names at once
    describe = collect

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await self._look()
        try:
            return await self._expose(request)
        except TypeError:
            # prometheus_client compares versions, which `version=x` is none of
            raise web.HTTPNotAcceptable from None

    async def _look(self) -> None:
        database, now = self._database, monotonic()
        self._is_ready = database is not None and health.status(await database.health()) != "failed"
        if now < self._ask_at:
            return
        # who asks meanwhile gets the last figures
        self._ask_at = now + _BACKLOG_SECONDS
        backlog = await self._read_backlog(database) if database and self._is_ready else None
        # it may have been closed meanwhile
        self._backlog = backlog if self._database else None

    async def _read_backlog(self, database: Database) -> Backlog | None:
        try:
            async with asyncio.timeout(_BACKLOG_PATIENCE_SECONDS):
                return await database.updates.backlog(bot_id=self._bot_id)
        except (BotcoreError, TimeoutError):
            return None


class Requests(BaseRequestMiddleware):
    """Counts each request to the Bot API as it goes out, by its method and what came of it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "botcli_requests",
            "Requests to the Bot API, each repetition too, by what came of it.",
            ["method", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "botcli_request_duration_seconds",
            "Requests to the Bot API, on the wire alone.",
            ["method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._retry_after = Counter(
            "botcli_retry_after_seconds", "What the Bot API said to wait, by its 429s.", registry=registry
        )

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """The server's answer."""
        name, started, outcome = method.__api_method__, perf_counter(), "ok"
        try:
            return await make_request(bot, method)
        except BaseException as error:
            outcome = _outcome(error)
            if isinstance(error, TelegramRetryAfter):
                self._retry_after.inc(error.retry_after)
            raise
        finally:
            self._requests.labels(name, outcome).inc()
            self._seconds.labels(name).observe(perf_counter() - started)


def _outcome(error: BaseException) -> str:
    outcomes: dict[type[BaseException], str] = {
        asyncio.CancelledError: "cancelled",
        TelegramRetryAfter: "too_many_requests",
        TelegramNetworkError: "network",
        TelegramServerError: "server",
        TelegramAPIError: "refused",
    }
    # what is left could not be read
    return next((outcome for kind, outcome in outcomes.items() if isinstance(error, kind)), "server")


class _Timed:
    def __init__(self, replier: Replier, seconds: Histogram, errors: Counter, tokens: Counter) -> None:
        self._replier = replier
        self._seconds = seconds
        self._errors = errors
        self._tokens = tokens

    async def reply(self, window: Sequence[Message], heard: Heard = ignore) -> Reply:
        try:
            with self._seconds.time():
                reply = await self._replier.reply(window, heard)
        except Exception as error:
            self._errors.labels(error.kind if isinstance(error, NoReply) else "error").inc()
            self._count(error.tokens if isinstance(error, NoReply) else None)
            raise
        self._count(reply.tokens)
        return reply

    def _count(self, tokens: Tokens | None) -> None:
        if tokens:
            self._tokens.labels("read").inc(tokens.read)
            self._tokens.labels("written").inc(tokens.written)
