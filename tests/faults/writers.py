"""Sixteen writers that go on through whatever happens, and what has to be so afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import psycopg

from botcore import Database, Message, Unavailable
from tests.conftest import Measured
from tests.factories import dialogue, said

WRITERS: Final = 16


class Writers:
    """Half of them store what has a Telegram id until it is stored, half what has none, and never twice."""

    def __init__(self, database: Database, message: Message) -> None:
        self.database = database
        self.message = message
        self.acknowledged: list[str] = []
        self.began: float | None = None
        self._recent: set[int] = set()
        self._numbers = count(1_000)

    def count_from_now(self) -> None:
        """Until all write again, be it before the end of the block."""
        self.began = time.monotonic()

    async def write(self, writer: int) -> None:
        """Goes on until it is cancelled."""
        while True:
            number = next(self._numbers)
            await (self._keyed(number) if writer % 2 else self._unkeyed(number))
            self._recent.add(writer)

    async def all_write(self) -> None:
        """Returns once each of them has written again, or after 20 s."""
        self._recent.clear()
        deadline = time.monotonic() + 20
        while len(self._recent) < WRITERS and time.monotonic() < deadline:  # noqa: ASYNC110 - polled, as a reader does
            await asyncio.sleep(0.01)

    async def _keyed(self, number: int) -> None:
        while True:
            try:
                await said(self.database, telegram_message_id=number, content=f"keyed {number}")
            except Unavailable:
                continue
            self.acknowledged.append(f"keyed {number}")
            return

    async def _unkeyed(self, number: int) -> None:
        key = dialogue(self.message) | {"role": "assistant", "content": f"unkeyed {number}"}
        while True:
            try:
                await self.database.messages.add(**key)
            except Unavailable as error:
                if error.retry_is_safe:
                    continue
                return
            self.acknowledged.append(f"unkeyed {number}")
            return


@asynccontextmanager
async def writing(database: Database, url: str, measured: Measured) -> AsyncIterator[Writers]:
    """They write while the block runs, and after it all of them write again in under 10 s.

    What was acknowledged is then in the database of the URL, once.
    """
    writers = Writers(database, (await said(database)).message)
    tasks = [asyncio.create_task(writers.write(writer)) for writer in range(WRITERS)]
    try:
        await asyncio.sleep(0.5)
        yield writers
        began = writers.began or time.monotonic()
        await writers.all_write()
        resumed = time.monotonic() - began
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    with psycopg.connect(url) as connection:
        stored = [content for (content,) in connection.execute("SELECT content FROM messages").fetchall()]

    assert set(writers.acknowledged) <= set(stored)
    assert len(set(stored)) == len(stored)
    assert resumed < 10
    measured("all writing again", resumed)
    measured("acknowledged rows", len(writers.acknowledged))
