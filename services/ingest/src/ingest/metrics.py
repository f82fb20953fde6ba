"""What ingest counts, beside what plumbing and web count for every service."""

from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from plumbing.metrics import ConsumerMetrics, OutboxMetrics, Silence

CONSUMER: Final = ConsumerMetrics(REGISTRY)
OUTBOX: Final = OutboxMetrics(REGISTRY)

FACTS: Final = Counter(
    "huiliu_ingest_facts_total",
    "Facts taken, by source and what became of them",
    ["source", "outcome"],
)
DURABLE: Final = Counter(
    "huiliu_ingest_durable_records_total", "Records made durable, by the way they took", ["path"]
)
DURABLE_TIME: Final = Histogram(
    "huiliu_ingest_durable_seconds",
    "From the wish to keep records to the word that they are kept; of one append, the longest",
    ["path"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5),
)
NOT_DURABLE: Final = Counter(
    "huiliu_ingest_not_durable_total",
    "Requests refused because neither Kafka nor the spool answered",
)
KAFKA_LOST: Final = Counter(
    "huiliu_ingest_kafka_lost_total", "How often Kafka stopped answering and the breaker opened"
)
PUSHES: Final = Counter(
    "huiliu_ingest_pushes_total", "Webhooks, by connector kind and outcome", ["kind", "outcome"]
)
NOTES: Final = Counter(
    "huiliu_ingest_oddities_total",
    "Oddities in bodies: unknown codes, rounded amounts",
    ["kind", "what"],
)
SWEEPS: Final = Counter(
    "huiliu_ingest_sweeps_total",
    "Turns of asking platforms for what was missed, by connector kind and how they ended",
    ["kind", "outcome"],
)
PULLED: Final = Counter(
    "huiliu_ingest_pulled_total",
    "Bodies that platforms were asked for, by connector kind and outcome",
    ["kind", "outcome"],
)
HOOKS_OFF: Final = Gauge(
    "huiliu_ingest_hooks_off_rows", "Connectors whose platform has switched our hook off"
)
IMPORTED: Final = Counter(
    "huiliu_ingest_imported_rows_total", "Rows of files, by what became of them", ["outcome"]
)
IMPORTS: Final = Counter(
    "huiliu_ingest_imports_total", "Files that were taken in, by how that ended", ["state"]
)
MATCHED: Final = Counter(
    "huiliu_ingest_matched_customers_total",
    "Customers of whom it was looked who they are, by whether it must be done again",
    ["outcome"],
)
KAFKA: Final = Silence()
KAFKA_AWAY: Final = Gauge(
    "huiliu_ingest_kafka_away_seconds",
    "For how long everything has gone to the spool since Kafka does not answer; 0 while it does",
)
KAFKA_AWAY.set_function(KAFKA.seconds)
SPOOL: Final = Gauge(
    "huiliu_ingest_spool_rows", "Records that wait in the spool, counted up to 10,000"
)
OLDEST_SPOOLED: Final = Gauge(
    "huiliu_ingest_spool_oldest_seconds", "Age of the record that waits longest in the spool"
)
PARKED: Final = Gauge("huiliu_ingest_parked_rows", "Facts that wait for their order or parcel")
OLDEST_PARKED: Final = Gauge(
    "huiliu_ingest_oldest_parked_seconds", "Age of the oldest fact that waits; alarm at 72 h"
)
TASKS: Final = Gauge(
    "huiliu_ingest_tasks_rows", "What platforms ask of a person, and nobody has put away"
)
OLDEST_TASK: Final = Gauge(
    "huiliu_ingest_oldest_task_seconds", "Age of the oldest of these; the law gives 30 days"
)
WATERMARKS: Final = Counter(
    "huiliu_ingest_watermarks_total", "Watermarks published on the orders topic"
)
HELD: Final = Gauge(
    "huiliu_ingest_watermarks_held_ratio", "Share of partitions whose watermark is held back"
)


def show_no_spool() -> None:
    for gauge in (SPOOL, OLDEST_SPOOLED, HELD):
        gauge.set(0)
