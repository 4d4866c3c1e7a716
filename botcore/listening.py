"""Hears NOTIFY: a connection of its own that comes back after every loss."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import psycopg
from psycopg import sql

from botcore import pool
from botcore.errors import InvalidInput, Unavailable

# How soon it connects again: at once after a restart, and no storm of attempts while the server is down
_FIRST_DELAY_SECONDS: Final = 0.1
_MAX_DELAY_SECONDS: Final = 2.0
# NAMEDATALEN - 1: the server cuts what is longer, and nothing that is sent arrives
_MAX_CHANNEL_BYTES: Final = 63

_log = logging.getLogger(__name__)


async def payloads(url: str | None, channel: str) -> AsyncGenerator[str, None]:
    """What `Database.listen` gives; without a URL that can hear, '' and then nothing."""
    if not 0 < len(channel.encode()) <= _MAX_CHANNEL_BYTES:
        raise InvalidInput("channel", f"must have 1..{_MAX_CHANNEL_BYTES} bytes")
    if url is None:
        _log.info("no notifications through this pooler: set DATABASE_DIRECT_URL", extra={"channel": channel})
        yield ""
        await asyncio.Event().wait()
        return
    delay = _FIRST_DELAY_SECONDS
    while True:
        try:
            async with aclosing(_until_lost(url, channel)) as heard:
                async for payload in heard:
                    delay = _FIRST_DELAY_SECONDS
                    yield payload
        except (psycopg.Error, Unavailable) as error:
            # the class only: a driver's text can quote anything
            _log.info("not listening for now", extra={"channel": channel, "error": type(error).__name__})
        await asyncio.sleep(delay)
        delay = min(2 * delay, _MAX_DELAY_SECONDS)


async def _until_lost(url: str, channel: str) -> AsyncGenerator[str, None]:
    connection = await pool.connect(url)
    try:
        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        yield ""
        async with aclosing(connection.notifies()) as notifies:
            async for notify in notifies:
                yield notify.payload
    finally:
        # not by its own context, which would end a transaction and wait for the server
        await connection.close()
