"""The page of `botcli dashboard`, and the figures that it asks for: for whoever has the key, on this machine."""

import asyncio
import hmac
import json
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from botcli import http, overview
from botcli.overview import Name
from botcore import BotcoreError, InvalidInput, Transaction

HOST: Final = "127.0.0.1"
FIGURES: Final[tuple[Name, ...]] = ("roles", "daily", "active_days", "hours", "answer_times", "tokens", "top_chats")
"""What the page draws."""

DAYS: Final = frozenset({7, 30, 90})
"""The ranges that it offers."""

# a server that is frozen would hold the page, and whoever is next
_READ_SECONDS: Final = 60.0

_PAGE: Final = Path(__file__).parent / "page"
_FILES: Final = {
    "/": ("index.html", "text/html"),
    "/dashboard.js": ("dashboard.js", "text/javascript"),
    "/dashboard.css": ("dashboard.css", "text/css"),
    "/uplot.js": ("uplot/uPlot.iife.min.js", "text/javascript"),
    "/uplot.css": ("uplot/uPlot.min.css", "text/css"),
}
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Dashboard:
    """The figures of one bot, for requests with `key`."""

    def __init__(self, database: Transaction, bot_id: int, time_zone: str) -> None:
        self.key: Final = secrets.token_urlsafe(32)
        self._database = database
        self._bot_id = bot_id
        self._time_zone = time_zone
        self._reading = asyncio.Lock()

    def application(self) -> web.Application:
        """The page, which has no figure, and /figures, which has them all."""
        routes = [web.get(path, _file(*file)) for path, file in _FILES.items()]
        application = http.build_application([*routes, web.get("/figures", self._figures)])
        application.middlewares.append(_only_as_this_machine)
        application.on_response_prepare.append(_harden)
        return application

    async def _figures(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {self.key}".encode()):
            return _refusal(401, "the key of this page is not that of this run of botcli dashboard")
        days = request.query.get("days", "30")
        if days not in map(str, DAYS):
            return _refusal(400, f"days: one of {', '.join(map(str, sorted(DAYS)))}")
        # one after the other, however many pages are open
        async with self._reading:
            if request.transport is None or request.transport.is_closing():
                return _refusal(503, "nobody waits for it any more")
            return await self._answer(int(days))

    async def _answer(self, days: int) -> web.Response:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                return web.json_response(await self._read(days), dumps=_as_json)
        except TimeoutError:
            return _refusal(503, f"the database gave no answer in {_READ_SECONDS:g} s")
        except BotcoreError as error:
            return _refusal(400 if isinstance(error, InvalidInput) else 503, str(error))

    async def _read(self, days: int) -> dict[str, Any]:
        of, began = overview.days(self._bot_id, days, self._time_zone), perf_counter()
        async with self._database.transaction(read_only=True) as transaction:
            figures = await overview.read(transaction, FIGURES, of, at_once=False)
        return {
            **asdict(of),
            "days": days,
            "range": str(of),
            "read_at": datetime.now(UTC),
            "milliseconds": round((perf_counter() - began) * 1_000),
            "figures": {name: [asdict(row) for row in rows] for name, rows in figures.items()},
        }


@web.middleware
async def _only_as_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses whom a name of somebody else's led here: its pages would be of one origin with this one."""
    port = request.transport.get_extra_info("sockname")[1] if request.transport else None
    if request.headers.get("Host", "").removesuffix(f":{port}") not in {HOST, "localhost"}:
        return _refusal(421, f"open it as http://{HOST}:{port}")
    return await handler(request)


async def _harden(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _file(name: str, content_type: str) -> Handler:
    body = (_PAGE / name).read_bytes()

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    return answer


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response({"error": reason}, status=status)


def _as_json(value: object) -> str:
    return json.dumps(value, default=datetime.isoformat)
