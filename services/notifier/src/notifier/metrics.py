"""What notifier counts, beside what plumbing and web count for every service."""

from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from plumbing.metrics import ConsumerMetrics, OutboxMetrics

CONSUMER: Final = ConsumerMetrics(REGISTRY)
OUTBOX: Final = OutboxMetrics(REGISTRY)

PLANNED: Final = Gauge(
    "huiliu_notifier_planned_rows", "Messages that wait to be sent, counted up to 100,000"
)
DUE: Final = Gauge(
    "huiliu_notifier_due_rows",
    "Messages whose turn has come, none of which a gate holds; counted up to 10,000",
)
OLDEST_DUE: Final = Gauge(
    "huiliu_notifier_oldest_due_seconds",
    "For how long a message whose turn has come has not been looked at, the longest",
)
UNSETTLED: Final = Gauge(
    "huiliu_notifier_unsettled_rows", "Requests under way, and those whose outcome is not known"
)
WATERMARK_AGE: Final = Gauge(
    "huiliu_notifier_watermark_age_seconds",
    "Age of the oldest partition's news of payments; unpaid reminders are held above 1 s",
)
HELD: Final = Counter(
    "huiliu_held_total", "Messages that the gate put off, by the gate that did", ["reason"]
)
STOPPED: Final = Counter(
    "huiliu_notifier_stopped_total", "Messages that will not be sent, by how they ended", ["state"]
)
SENDS: Final = Counter(
    "huiliu_notifier_sends_total", "Requests to gateways by outcome", ["channel", "outcome"]
)
UNKNOWN_SENDS: Final = Counter(
    "huiliu_unknown_sends_total", "Requests of which nobody knows yet whether they were accepted"
)
REQUEST: Final = Histogram(
    "huiliu_notifier_request_seconds",
    "From the claim's COMMIT to the gateway's answer",
    ["channel"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0),
)
LATE_STARTS: Final = Counter(
    "huiliu_notifier_late_starts_total",
    "Claims given back since the payments known at the gate were too old by then",
)
NEWS: Final = Counter(
    "huiliu_notifier_gateway_news_total",
    "What gateways reported, by kind of gateway and by what came of it",
    ["gateway", "result"],
)
PARKED_AGE: Final = Gauge(
    "huiliu_notifier_parked_receipt_age_seconds",
    "For how long a receipt has waited for its message, the longest; given up after a day",
)
RECONCILED: Final = Counter("huiliu_notifier_reconciled_total", "Messages moved by waiting alone")

# At nought from the beginning: who sees a counter appear with a 1 does not see it rise.
for _outcome in ("accepted", "refused", "unsure"):
    SENDS.labels("sms", _outcome)
    SENDS.labels("email", _outcome)
for _reason in ("capped", "freshness", "no_address", "quiet", "rule_unknown"):
    HELD.labels(_reason)
for _state in ("expire", "suppress"):
    STOPPED.labels(_state)
