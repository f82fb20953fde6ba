"""What reporting counts."""

from prometheus_client import Counter

from plumbing.metrics import ConsumerMetrics

CONSUMER = ConsumerMetrics()
FACTS = Counter("huiliu_reporting_facts_total", "Events merged into reports", ["kind"])
