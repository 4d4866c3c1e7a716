"""A service that listens to messages through whatever happens, and what it has to have heard in the end."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import psycopg

from botcore import Database
from tests.conftest import Measured


@asynccontextmanager
async def listening(database: Database, url: str, measured: Measured) -> AsyncIterator[None]:
    """It listens while the block runs; by 10 s later it has heard each message in the URL's database once, in order."""
    heard: list[int] = []

    async def listen() -> None:
        async with aclosing(database.messages.listen(after_id=0, interval_seconds=0.001)) as messages:
            async for message in messages:
                heard.append(message.id)  # noqa: PERF401 - each as it comes

    task = asyncio.create_task(listen())
    try:
        yield
        deadline = time.monotonic() + 10
        while heard != (stored := ids(url)) and time.monotonic() < deadline:  # noqa: ASYNC110 - polled, as it does
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.wait({task})

    assert heard == stored
    measured("heard", len(heard))


def ids(url: str) -> list[int]:
    """Of all messages, in order."""
    with psycopg.connect(url) as connection:
        return [id for (id,) in connection.execute("SELECT id FROM messages ORDER BY id").fetchall()]  # noqa: A001
