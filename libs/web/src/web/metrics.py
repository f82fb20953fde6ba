"""What the HTTP edge counts. Routes are templates, so the labels are bounded."""

from bisect import bisect_left
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

# An objective must be an edge: 0.5 s (p99 of accepting a push) and 1 s (p99 under overload).
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0)
_EDGES = [*map(str, BUCKETS_S), "+Inf"]


class _Durations:
    """How many requests of a route ended between two edges, and how long all took."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * len(_EDGES)
        self.sum_s = 0.0


class HttpMetrics(Collector):
    """Plain numbers, made into metrics when somebody asks: many ask for an order, few for these.

    The client's own counters lock and check at each step, which is a twentieth of what the
    fastest route costs.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._durations: dict[str, _Durations] = {}
        registry.register(self)

    def note(self, route: str, method: str, status: int, took_s: float) -> None:
        """Count a request that was answered *took_s* after its head came."""
        labels = (route, method, status)
        self._requests[labels] = self._requests.get(labels, 0) + 1
        durations = self._durations.get(route)
        if durations is None:
            durations = self._durations[route] = _Durations()
        durations.counts[bisect_left(BUCKETS_S, took_s)] += 1
        durations.sum_s += took_s

    def describe(self) -> Iterator[Metric]:
        """Return the families: the registry then lets nobody else have their names."""
        return self.collect()

    @override
    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily(
            "huiliu_http_requests_total", "Requests answered", labels=["route", "method", "status"]
        )
        for (route, method, status), count in list(self._requests.items()):
            requests.add_metric([route, method, str(status)], count)
        yield requests
        duration = HistogramMetricFamily(
            "huiliu_http_request_duration_seconds",
            "From the head of the request to the end of the answer",
            labels=["route"],
        )
        for route, one in list(self._durations.items()):
            upto = list(zip(_EDGES, accumulate(one.counts), strict=True))
            duration.add_metric([route], upto, one.sum_s)
        yield duration


@cache
def http_metrics(registry: CollectorRegistry) -> HttpMetrics:
    """Return the metrics of *registry*, which takes each name once, however many apps there are."""
    return HttpMetrics(registry)
