"""A round: tasks that call one after another until the time is over, and what that cost whom."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import quantiles
from time import perf_counter, process_time, time_ns
from typing import Any, Final, TypeVar

from benchmarks.cpu import Server

Place = TypeVar("Place")
Call = Callable[[Place, int], Coroutine[Any, Any, object]]

WARM_UP: Final = 0.25
"""Of a round's time, before it."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a round asks for."""

    operation: str
    tasks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Round:
    """Of one contender: operations a second, how long one took, and CPU time for one; None where nobody can tell."""

    per_second: float
    p50_ms: float
    p99_ms: float
    client_cpu_ms: float
    server_cpu_ms: float | None


def first_number() -> int:
    """Telegram's id for a message, above all that were given before: no round stores one a microsecond."""
    return time_ns() // 1000


def percentiles(times: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    if len(times) == 1:
        return times[0], times[0]
    cuts = quantiles(times, n=100, method="inclusive")
    return cuts[49], cuts[98]


async def measure(call: Call[Place], url: str, chats: Sequence[Place], work: Work) -> Round:
    """Warms up and measures; each task goes round the chats that are its own, so that none waits for another."""
    server = Server(url)
    await _run(call, chats, work.tasks, work.seconds * WARM_UP)
    server_cpu, client_cpu, began = server.cpu_seconds(), process_time(), perf_counter()
    times = await _run(call, chats, work.tasks, work.seconds)
    elapsed, client_cpu = perf_counter() - began, process_time() - client_cpu
    p50, p99 = percentiles(times)
    return Round(
        per_second=len(times) / elapsed,
        p50_ms=p50 * 1e3,
        p99_ms=p99 * 1e3,
        client_cpu_ms=client_cpu / len(times) * 1e3,
        server_cpu_ms=server.cpu_ms_since(server_cpu, len(times)),
    )


async def _run(call: Call[Place], chats: Sequence[Place], tasks: int, seconds: float) -> list[float]:
    """Seconds of each call."""
    # a turn takes two
    numbers = count(first_number(), 2)
    end = perf_counter() + seconds
    times: list[float] = []

    async def work(own: Sequence[Place]) -> None:
        began = perf_counter()
        while began < end:
            for chat in own:
                await call(chat, next(numbers))
                now = perf_counter()
                times.append(now - began)
                began = now
                if began >= end:
                    return

    await asyncio.gather(*(work(chats[task::tasks]) for task in range(tasks)))
    return times
