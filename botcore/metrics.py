"""What a database does, as Prometheus counts it: calls, statements, errors and the pool. Needs the extra `metrics`."""

import asyncio
from bisect import bisect_left
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate, product
from time import perf_counter
from typing import Final, TypeVar, get_args

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as CounterMetric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from botcore.caching import QUERIES, Outcome
from botcore.pool import Pool

Result = TypeVar("Result")

# a statement by its key takes half a millisecond, a search through a million messages two seconds
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# mostly none; the longest is the pool's timeout
_WAIT_SECONDS: Final = (0.001, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0)

_POOL: Final = (
    (GaugeMetricFamily, "botcore_pool_max_size", "Connections that the pool may have.", ("pool_max",)),
    (GaugeMetricFamily, "botcore_pool_size", "Connections that the pool has or makes now.", ("pool_size",)),
    (GaugeMetricFamily, "botcore_pool_idle", "Connections that nobody uses now.", ("pool_available",)),
    (GaugeMetricFamily, "botcore_pool_waiting", "Callers that wait for a connection now.", ("requests_waiting",)),
    (CounterMetricFamily, "botcore_pool_queued", "Callers that had to wait for a connection.", ("requests_queued",)),
    (CounterMetricFamily, "botcore_pool_refused", "Callers that got no connection in time.", ("requests_errors",)),
    (CounterMetricFamily, "botcore_pool_connections", "Connections that were tried to make.", ("connections_num",)),
    (
        CounterMetricFamily,
        "botcore_pool_connection_errors",
        "Connections that could not be made.",
        ("connections_errors",),
    ),
    (
        CounterMetricFamily,
        "botcore_pool_connections_lost",
        "Connections that broke, idle or in use.",
        ("connections_lost", "returns_bad"),
    ),
)
"""What is read from psycopg_pool: the name of ours, and of each the sum of which of its figures."""


class Metrics:
    """Give it to `Database.connect`: what the database does then stands in `registry`, by default one of its own.

    A registry takes one of these, which several databases of one event loop may share. It costs about 2 µs a call.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry: Final = CollectorRegistry() if registry is None else registry
        self._calls = _Durations(
            "botcore_call_duration_seconds",
            "What callers of a query waited: in line with others, for a connection, and for the server.",
            "query",
            _SECONDS,
        )
        self._errors = CounterMetric(
            "botcore_call_errors",
            "Calls that raised, by SQLSTATE; none where the server sent no such, cancelled where the caller left.",
            ["query", "sqlstate"],
            registry=self.registry,
        )
        self._statements = _Durations(
            "botcore_statement_duration_seconds",
            "Statements on their connection, without any wait for it; one of many calls has a name of its own.",
            "query",
            _SECONDS,
        )
        self._joined = CounterMetric(
            "botcore_joined_calls",
            "Calls that were part of a statement of many, by the name of that.",
            ["query"],
            registry=self.registry,
        )
        self._cached = CounterMetric(
            "botcore_cached_reads",
            "Reads through the cache: hit, miss, or off while it does not hear of changes.",
            ["query", "outcome"],
            registry=self.registry,
        )
        for query, outcome in product(QUERIES, get_args(Outcome)):
            # an increase from nothing to one would not be seen
            self._cached.labels(query, outcome)
        self._waits = _Durations(
            "botcore_pool_wait_seconds",
            "Waits for a connection, those that were in vain too.",
            "pool",
            _WAIT_SECONDS,
        )
        self._pools: list[Pool] = []
        self.registry.register(self)

    async def call(self, name: str, call: Awaitable[Result]) -> Result:
        """The result of the call of a query, which is timed and counted."""
        started = perf_counter()
        try:
            return await call
        except BaseException as error:
            self.failed(name, error)
            raise
        finally:
            self._calls.observe(name, perf_counter() - started)

    async def statement(self, name: str, statement: Awaitable[Result], calls: int) -> Result:
        """The result of a statement for so many calls, which is timed."""
        if calls > 1:
            self._joined.labels(name).inc(calls)
        started = perf_counter()
        try:
            return await statement
        finally:
            self._statements.observe(name, perf_counter() - started)

    def cached(self, name: str, outcome: Outcome) -> None:
        """Counts a read through the cache, by whether that had it."""
        self._cached.labels(name, outcome).inc()

    def failed(self, name: str, error: BaseException) -> None:
        """Counts what was raised, be it ours or the driver's."""
        sqlstate = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None) or "none"
        is_cancelled = isinstance(error, asyncio.CancelledError)
        self._errors.labels(name, "cancelled" if is_cancelled else sqlstate).inc()

    @contextmanager
    def watch(self, pool: Pool) -> Iterator[None]:
        """Has the pool's figures among the others for as long as the block runs."""
        pool.waited = partial(self._waits.observe, pool.name)
        self._pools.append(pool)
        try:
            yield
        finally:
            self._pools.remove(pool)

    def collect(self) -> Iterable[Metric]:
        """What is not counted by the registry's own means; of pools of one name their sum."""
        yield from (each.collect() for each in (self._calls, self._statements, self._waits))
        pools: dict[str, Counter[str]] = {}
        for pool in self._pools:
            pools.setdefault(pool.name, Counter()).update(pool.get_stats())
        for family, name, documentation, figures in _POOL:
            metric = family(name, documentation, labels=["pool"])
            for pool_name, stats in pools.items():
                metric.add_metric([pool_name], sum(stats[figure] for figure in figures))
            yield metric

    # a registry asks for the names at once
    describe = collect


class _Durations(dict[str, list[float]]):
    """A histogram of seconds for each value of one label; prometheus_client's own takes five times as long to tell."""

    def __init__(self, name: str, documentation: str, label: str, bounds: Sequence[float]) -> None:
        super().__init__()
        self._name = name
        self._documentation = documentation
        self._label = label
        self._bounds = bounds

    def __missing__(self, value: str) -> list[float]:
        # how many were in each bucket, those beyond the last bound, and the sum
        part = self[value] = [0.0] * (len(self._bounds) + 2)
        return part

    def observe(self, value: str, seconds: float) -> None:
        part = self[value]
        part[bisect_left(self._bounds, seconds)] += 1
        part[-1] += seconds

    def collect(self) -> Metric:
        metric = HistogramMetricFamily(self._name, self._documentation, labels=[self._label])
        bounds = [*map(floatToGoString, self._bounds), "+Inf"]
        for value, part in list(self.items()):
            *counts, total = part
            metric.add_metric([value], list(zip(bounds, accumulate(counts), strict=True)), total)
        return metric
