"""What the HTTP edge counts. Routes are templates, so the labels are bounded."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

# An objective must be an edge: 0.5 s (p99 of accepting a push) and 1 s (p99 under overload).
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0)


class HttpMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "huiliu_http_requests_total",
            "Requests answered",
            ["route", "method", "status"],
            registry=registry,
        )
        self.duration = Histogram(
            "huiliu_http_request_duration_seconds",
            "From the head of the request to the end of the answer",
            ["route"],
            buckets=BUCKETS_S,
            registry=registry,
        )


@cache
def http_metrics(registry: CollectorRegistry) -> HttpMetrics:
    """Return the metrics of *registry*, which takes each name once, however many apps there are."""
    return HttpMetrics(registry)
