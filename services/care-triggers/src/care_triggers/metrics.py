"""Every figure that care-triggers shows."""

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from plumbing.metrics import ConsumerMetrics, OutboxMetrics

CONSUMER = ConsumerMetrics(REGISTRY)
OUTBOX = OutboxMetrics(REGISTRY)

TIMERS_SETTLED = Counter(
    "huiliu_care_timers_settled_total",
    "Timers that came due, by what was decided",
    ["kind", "result"],
)
TIMER_LATE = Histogram(
    "huiliu_care_timer_late_seconds",
    "From a timer's due instant to its decision, business time",
    buckets=(0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0, 3600.0),
)
TIMERS = Gauge("huiliu_care_timer_rows", "Timers that wait, counted up to 100,000")
TIMERS_DUE = Gauge("huiliu_care_timer_due_rows", "Timers that are due, counted up to 10,000")
OLDEST_DUE = Gauge(
    "huiliu_care_timer_oldest_due_seconds",
    "For how long the same timer has been found due, the longest",
)
RULES_ANNOUNCED = Counter(
    "huiliu_care_rules_announced_total", "Versions of rules that shops were given"
)
