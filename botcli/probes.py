"""What a process tells of itself by HTTP: whether it lives, how its parts are, and whether to send it work."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from time import perf_counter
from typing import Any, Final

from aiogram import Bot
from aiohttp import web

from botcli.redis_storage import RedisStorage
from botcli.serving import explained
from botcore import BotcoreError, Database, health

# Telegram's state is looked at anew while probes are told the last one, for it can be a second away
_TELEGRAM_KEPT_SECONDS: Final = 10.0
_TELEGRAM_STALE_SECONDS: Final = 60.0
_TELEGRAM_SECONDS: Final = 5.0

_NOT_OPEN: Final = health.Check("database", False, 0.0, "not open: the log says what it waits for")


class Probes:
    """The routes /live, /health and /ready, which answer from before the database is open until after it is closed."""

    def __init__(self, bot: Bot, stop: asyncio.Event, redis: RedisStorage | None = None) -> None:
        self._bot = bot
        self._stop = stop
        self._database: Database | None = None
        self._telegram = health.Shared(
            self._ask_telegram,
            "telegram",
            # its outage is over neither sooner nor later where the bot is started anew or gets no updates
            is_essential=False,
            kept_seconds=_TELEGRAM_KEPT_SECONDS,
            stale_seconds=_TELEGRAM_STALE_SECONDS,
        )

        # without it all goes on but forms
        self._redis = health.Shared(redis.look, "redis", is_essential=False) if redis else None

    @contextmanager
    def of(self, database: Database) -> Iterator[None]:
        """While the block runs this is the database that is looked at."""
        self._database = database
        try:
            yield
        finally:
            self._database = None

    def routes(self) -> list[web.RouteDef]:
        """HEAD is answered as GET is."""
        return [web.get("/live", self._live), web.get("/health", self._health), web.get("/ready", self._ready)]

    async def close(self) -> None:
        """Ends the questions that are under way."""
        for each in filter(None, (self._telegram, self._redis)):
            await each.close()

    async def _live(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _health(self, _: web.Request) -> web.Response:
        checks = await self._checks()
        return self._answer(health.status(checks), checks)

    async def _ready(self, _: web.Request) -> web.Response:
        checks = await self._checks()
        return self._answer("draining" if self._stop.is_set() else health.status(checks), checks)

    async def _checks(self) -> health.Checks:
        others = [each.checks() for each in (self._telegram, self._redis) if each]
        return tuple(chain(*await asyncio.gather(self._of_the_database(), *others)))

    async def _of_the_database(self) -> health.Checks:
        return await self._database.health() if self._database else (_NOT_OPEN,)

    async def _ask_telegram(self, found: health.Found) -> None:
        began, reason = perf_counter(), None
        try:
            async with asyncio.timeout(_TELEGRAM_SECONDS):
                # its address is not for strangers
                with explained(self._bot, "Telegram"):
                    await self._bot.get_me()
        except TimeoutError:
            reason = f"no answer in {_TELEGRAM_SECONDS} s"
        except BotcoreError as error:
            reason = str(error)
        taken = health.milliseconds_since(began)
        found["telegram"] = health.Check("telegram", reason is None, taken, reason, is_essential=False)

    def _answer(self, status: str, checks: health.Checks) -> web.Response:
        body = {
            "status": status,
            "draining": self._stop.is_set(),
            "checks": {check.name: as_json(check) for check in checks},
        }
        return web.json_response(body, status=200 if status in {"ok", "degraded"} else 503)


def as_json(check: health.Check) -> dict[str, Any]:
    """A check for programs, without its name."""
    reason = {"reason": check.reason} if check.reason else {}
    return {"ok": check.is_ok, "milliseconds": check.milliseconds, **reason}
