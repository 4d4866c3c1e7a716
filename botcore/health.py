"""Whether a service can do its work: what is looked at once for all who ask at a time, and told within a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from time import monotonic, perf_counter
from typing import Final, Literal

import psycopg
from psycopg.rows import scalar_row
from psycopg_pool import PoolClosed

from botcore import pool
from botcore.connection import Connection
from botcore.errors import BotcoreError, Unavailable, from_psycopg
from botcore.executor import Executor
from botcore.pool import Pool

DEADLINE_SECONDS: Final = 0.8
"""Until an answer, whatever the server does: Kubernetes gives a probe 1 s."""

_KEPT_SECONDS: Final = 1.0
# many short calls later; the rest of the time is for a connection beside the pool
_PATIENCE_SECONDS: Final = 0.25
_NO_ANSWER: Final = f"no answer in {DEADLINE_SECONDS} s"
_READ_ONLY: Final = "the server takes no writes, it is a standby or was made read-only"
# A pool that leads to a standby is told to look for the primary anew, at each write that fails and else so often
_RENEWAL_SECONDS: Final = 10.0
_REFUSED: Final = "the server has no connection to spare"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, how long that took, and where it is not as it should be the reason.

    The reason may be read by strangers: no address, no user, no secret. What is not essential the work goes on without.
    """

    name: str
    is_ok: bool
    milliseconds: float
    reason: str | None = None
    is_essential: bool = True


Checks = tuple[Check, ...]
Found = dict[str, Check]


def status(checks: Iterable[Check]) -> Literal["ok", "degraded", "failed"]:
    """`failed` where something essential is not as it should be, `degraded` where something else is not."""
    wrong = [check for check in checks if not check.is_ok]
    if any(check.is_essential for check in wrong):
        return "failed"
    return "degraded" if wrong else "ok"


def milliseconds_since(began: float) -> float:
    """What has passed since that reading of `perf_counter`."""
    return round((perf_counter() - began) * 1e3, 1)


class Shared:
    """Checks that are made once for all who ask at a time, and kept for a moment: a storm of probes costs nothing.

    `look` puts what it finds in place of the `names`, and has bounds of its own; what it has not found within
    DEADLINE_SECONDS is told to have given no answer. For `stale_seconds` what was found last is told at once, while
    somebody looks anew.
    """

    def __init__(
        self,
        look: Callable[[Found], Awaitable[None]],
        *names: str,
        is_essential: bool = True,
        kept_seconds: float = _KEPT_SECONDS,
        stale_seconds: float = 0.0,
    ) -> None:
        self._look = look
        self._silent = [Check(name, False, DEADLINE_SECONDS * 1e3, _NO_ANSWER, is_essential) for name in names]
        self._kept_seconds = kept_seconds
        self._stale_seconds = stale_seconds
        self._looking: asyncio.Task[None] | None = None
        self._answer: asyncio.Task[Checks] | None = None
        self._last: Checks = ()
        self._kept_until = self._stale_from = 0.0

    async def checks(self) -> Checks:
        """What is known, or found out now, within DEADLINE_SECONDS."""
        now = monotonic()
        if self._looking is None or self._answer is None or self._looking.done():
            if now < self._kept_until:
                return self._last
            found = {check.name: check for check in self._silent}
            self._looking = asyncio.create_task(self._look_anew(found))
            self._answer = asyncio.create_task(self._answer_with(found, self._looking))
        if now < self._stale_from:
            return self._last
        answer = self._answer
        # not cancelled with the one who waits: it is for the others, too
        await asyncio.wait({answer})
        return tuple(self._silent) if answer.cancelled() else answer.result()

    async def close(self) -> None:
        """Ends what is under way."""
        if self._looking and self._answer:
            self._looking.cancel()
            await asyncio.wait({self._looking, self._answer})

    async def _look_anew(self, found: Found) -> None:
        await self._look(found)
        self._last = tuple(found.values())
        self._kept_until = monotonic() + self._kept_seconds
        self._stale_from = monotonic() + self._stale_seconds

    @staticmethod
    async def _answer_with(found: Found, looking: asyncio.Task[None]) -> Checks:
        """One for all who wait, of whom some wake later than others while there is still something found."""
        await asyncio.wait({looking}, timeout=DEADLINE_SECONDS)
        return tuple(found.values())


class Health(Shared):
    """The server behind a pool, its schema, and whether the pool has a connection to spare.

    A pool that has none is not an outage: it works as fast as it can, and who took its load away from it would give it
    to others. Whether the server answers is then asked on a connection beside it.
    """

    def __init__(self, connections: Pool, url: str) -> None:
        super().__init__(self._ask, "database", "schema", "pool")
        self._pool = connections
        self._url = url
        self._renewal_from = 0.0

    async def _ask(self, found: Found) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE_SECONDS):
                if not await self._ask_through_the_pool(found):
                    await self._ask_beside_it(found)

    async def _ask_through_the_pool(self, found: Found) -> bool:
        began = perf_counter()
        try:
            async with self._pool.connection(_PATIENCE_SECONDS) as connection:
                found["pool"] = Check("pool", True, milliseconds_since(began), is_essential=False)
                takes_writes = await _ask(connection, found)
                if not takes_writes and monotonic() >= self._renewal_from:
                    self._renewal_from = monotonic() + _RENEWAL_SECONDS
                    # the pool hears that, and makes its connections anew
                    raise Unavailable(_READ_ONLY, retry_is_safe=True, sqlstate="25006")
                return takes_writes
        except (psycopg.Error, BotcoreError) as error:
            if not found["pool"].is_ok:
                is_over = isinstance(error, PoolClosed)
                found["pool"] = Check("pool", False, milliseconds_since(began), _reason(error), is_essential=is_over)
            return False

    async def _ask_beside_it(self, found: Found) -> None:
        began = perf_counter()
        try:
            async with await pool.connect(self._url) as connection:
                if not await _ask(connection, found):
                    raise Unavailable(_READ_ONLY)
        except (psycopg.Error, BotcoreError) as error:
            reason = _reason(error)
            # that is an answer, too: there are as many connections as may be, and they work
            is_there = reason == _REFUSED
            found["database"] = Check("database", is_there, milliseconds_since(began), reason)
            found["schema"] = Check("schema", is_there, 0.0, "not known, as the database does not tell")


async def _ask(connection: Connection, found: Found) -> bool:
    """Whether the server takes writes; only of one that does anything is found."""
    from botcore import migrations

    executor = Executor(lambda: nullcontext(connection))
    began = perf_counter()
    if not await executor.one("database/health", scalar_row):
        return False
    found["database"] = Check("database", True, milliseconds_since(began))
    began = perf_counter()
    try:
        revision = await migrations.revision_of(executor)
        wrong = None if revision == _head() else migrations.mismatch(revision)
    except Unavailable:
        raise
    except BotcoreError as error:
        found["schema"] = Check("schema", False, milliseconds_since(began), _reason(error))
    else:
        reason = str(wrong) if wrong else None
        # one that is ahead is a newer release's, which this code runs on until it is replaced
        is_essential = wrong is None or wrong.is_behind
        found["schema"] = Check("schema", wrong is None, milliseconds_since(began), reason, is_essential)
    return True


@cache
def _head() -> str:
    """Of this code, which does not change while it runs."""
    from botcore import migrations

    return migrations.head()


def _reason(error: psycopg.Error | BotcoreError) -> str:
    """What stands behind the query or the address, which is not for strangers."""
    ours = from_psycopg(error, "pool") if isinstance(error, psycopg.Error) else error
    return str(ours).rpartition(": ")[2]
