"""The one HTTP server of a process: for the webhook, for probes, for whatever else hands in its routes."""

import logging
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from botcli.settings import BotSettings
from botcore import BotcoreError

BODY_BYTES: Final = 1024 * 1024
"""Updates are some kilobytes; the longest text with all of its entities, and the message it answers, is below 1 MB."""

# Hosts kill 10 s after SIGTERM, and what was not acknowledged comes again
FINISH_SECONDS: Final = 1.0

_WEBHOOK_PORT: Final = 8080

_log = logging.getLogger(__name__)
# for what is no HTTP, which aiohttp would log with its bytes
_silent = logging.getLogger(f"{__name__}.silent")
_silent.setLevel(logging.CRITICAL + 1)


def address(settings: BotSettings) -> tuple[str, int] | None:
    """Host and port to listen on; without PORT none, unless Telegram is to post there: a second process would clash."""
    port = settings.port or (_WEBHOOK_PORT if settings.webhook_url else None)
    return (settings.http_host, port) if port else None


def build_application(routes: Iterable[web.AbstractRouteDef]) -> web.Application:
    """Answers on these routes, and 404 or 405 elsewhere; nobody on the way is to keep an answer."""
    application = web.Application(client_max_size=BODY_BYTES, middlewares=[_told])
    application.add_routes(routes)
    application.on_response_prepare.append(_not_to_be_kept)
    return application


@asynccontextmanager
async def serve(
    application: web.Application, host: str, port: int, *, setting: str = "HTTP_HOST, PORT"
) -> AsyncIterator[int]:
    """Listens for as long as the block runs, and gives the port, for `port` may be 0; at the end requests are finished.

    Raises BotcoreError, which names the setting, when the place is taken, or not this machine's.
    """
    runner = web.AppRunner(application, access_log=None, logger=_silent, shutdown_timeout=FINISH_SECONDS)
    await runner.setup()
    try:
        await _listen(runner, host, port, setting)
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@web.middleware
async def _told(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException:
        raise
    except Exception as error:
        _log.error("a request failed", exc_info=error)
        raise


async def _not_to_be_kept(_: web.Request, response: web.StreamResponse) -> None:
    response.headers["Cache-Control"] = "no-store"


async def _listen(runner: web.AppRunner, host: str, port: int, setting: str) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise BotcoreError(f"{setting}: cannot listen on {host}, {port}: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    # asyncio puts a sentence into strerror, where the system's error is the number's
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror)
