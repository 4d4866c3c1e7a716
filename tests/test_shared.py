"""One look for all who want to know at a time: a question that hangs, and callers that leave."""

import asyncio
import gc
import time
from contextlib import suppress

import pytest

from botcore.standby import Shared


async def test_answer_behind_a_question_that_hangs() -> None:
    """A question that is never answered holds those who come after it up for about a second, and no longer."""
    first = asyncio.Event()

    async def ask() -> int:
        if not first.is_set():
            first.set()
            await asyncio.Event().wait()
        return 1

    shared = Shared[int](ask)
    hanging = asyncio.create_task(shared.answer())
    await first.wait()

    started = time.monotonic()
    async with asyncio.timeout(5):
        found = await asyncio.gather(*(shared.answer() for _ in range(10)))
    took = time.monotonic() - started
    hanging.cancel()

    assert found == [1] * 10
    assert took < 2


async def test_answer_that_nobody_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    """Where all have left, an error with which the question ends is not told anybody."""

    async def ask() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError from None

    shared = Shared[None](ask)

    await _leave(shared)
    await asyncio.sleep(0.01)
    gc.collect()

    assert not caplog.records


async def _leave(shared: Shared[None]) -> None:
    # of its own: what holds the error's traceback holds the task, which tells at its end
    with suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await shared.answer()
