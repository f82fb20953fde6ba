"""What reporting counts."""

from prometheus_client import Counter, Gauge, Histogram

from plumbing.metrics import ConsumerMetrics

CONSUMER = ConsumerMetrics()
FACTS = Counter("huiliu_reporting_facts_total", "Events merged into reports", ["kind"])
REPORT_TIME = Histogram(
    "huiliu_reporting_report_seconds",
    "From when a report is begun to when it is made or broken off, by what is asked for",
    ["operation"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0),
)
WAITING = Gauge(
    "huiliu_reporting_waiting_ratio", "Share of the places for reports that wait that is taken"
)
REFUSED = Counter(
    "huiliu_reporting_refused_total", "Reports that could not be had, by the reason", ["reason"]
)
