"""Takes updates that Telegram posts: each is stored, then acknowledged; Telegram sends the others again."""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from botcli.http import BODY_BYTES
from botcli.settings import BotSettings
from botcore import InvalidInput, Unavailable

Store = Callable[[Sequence[dict[str, Any]]], Awaitable[object]]

BODY_SECONDS: Final = 10.0
"""Telegram sends a body at once, so who takes longer holds a connection for its own sake."""

RETRY_SECONDS: Final = 5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Telegram posts, and what proves that it is Telegram."""

    url: str
    path: str
    secret: str = field(repr=False)


def endpoint(settings: BotSettings) -> Endpoint:
    """What WEBHOOK_URL and WEBHOOK_SECRET say; raises InvalidInput, which shows neither, where one does not do."""
    if settings.webhook_url is None:
        raise InvalidInput("WEBHOOK_URL", "is not set; it is the https URL where Telegram posts updates")
    if settings.webhook_secret is None:
        raise InvalidInput("WEBHOOK_SECRET", "is not set; without it anybody could post updates")
    secret = settings.webhook_secret.get_secret_value()
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
        raise InvalidInput("WEBHOOK_SECRET", "must be 1 to 256 of A-Z a-z 0-9 _ -")
    # https://core.telegram.org/bots/api#setwebhook; what a path may hold is RFC 3986's
    found = re.fullmatch(r"https://[^/?#\s]+(/[\w.~!$&'()*+,;=:@%/-]*)?", settings.webhook_url, re.ASCII)
    if not found or not _hostname(settings.webhook_url):
        raise InvalidInput("WEBHOOK_URL", "must look like https://bot.example.org/telegram, without ? and #")
    return Endpoint(settings.webhook_url, found[1] or "/", secret)


def _hostname(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname


class Intake:
    """Where updates go: nowhere but from when the bot works until it has ended its work."""

    def __init__(self) -> None:
        self._store: Store | None = None

    @contextmanager
    def into(self, store: Store) -> Iterator[None]:
        """While the block runs updates are stored by this."""
        self._store = store
        try:
            yield
        finally:
            self._store = None

    async def store(self, updates: Sequence[dict[str, Any]]) -> None:
        """Stores them; raises Unavailable while there is nothing to store them by."""
        if self._store is None:
            raise Unavailable("the bot does not work yet, or not any more", retry_is_safe=True)
        await self._store(updates)


def route(store: Store, *, secret: str, path: str) -> web.RouteDef:
    """Answers 200 to an update that `store` has taken, and to every other request what is wrong with it, never 500.

    Without the secret nothing of a body is read. No address of the sender is looked at, so none has to be trusted.
    """

    async def take(request: web.Request) -> web.Response:
        given = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
        if not compare_digest(given.encode("utf-8", "surrogateescape"), secret.encode()):
            raise web.HTTPUnauthorized
        update = _update(await _body(request))
        try:
            await store([update])
        except (InvalidInput, RecursionError):
            raise web.HTTPBadRequest from None
        except Exception as error:  # noqa: BLE001 - Telegram sends it again
            _unavailable(error)
        return web.Response()

    return web.post(path, take)


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > BODY_BYTES:
        raise web.HTTPRequestEntityTooLarge(BODY_BYTES)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (HttpProcessingError, web.RequestPayloadError, ConnectionError):
        # wrong chunks, no gzip where gzip is said, or nobody there any more
        raise web.HTTPBadRequest from None


def _update(body: bytes) -> dict[str, Any]:
    try:
        update = json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest from None
    if not isinstance(update, dict):
        raise web.HTTPBadRequest
    return update


def _refuse(constant: str) -> NoReturn:
    # Python reads NaN and Infinity, JSON and PostgreSQL do not
    raise ValueError(constant)


def _unavailable(error: Exception) -> NoReturn:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    _log.error("update not stored", extra={"error": name, "sqlstate": getattr(error, "sqlstate", None)})
    raise web.HTTPServiceUnavailable(headers={"Retry-After": str(RETRY_SECONDS)}) from None
