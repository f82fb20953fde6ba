"""What plumbing counts. Tests of faults name the counters that must have moved."""

import time
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

BATCH_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _OnePerRegistry(type):
    """Asked again for the same registry, a class returns what it made before.

    A name can be registered once; tests bring several services into one process.
    """

    @override
    def __call__(cls, registry: CollectorRegistry = REGISTRY) -> Any:
        known = _MADE.setdefault(registry, {})
        if cls not in known:
            known[cls] = super().__call__(registry)
        return known[cls]


_MADE: WeakKeyDictionary[CollectorRegistry, dict[type, Any]] = WeakKeyDictionary()


class ConsumerMetrics(metaclass=_OnePerRegistry):
    """Of all that a process reads. Stops and lag are told of the partitions that it owns."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.records = Counter(
            "huiliu_consumer_records_total", "Records handled", ["topic"], registry=registry
        )
        self.batch = Histogram(
            "huiliu_consumer_batch_seconds",
            "From the fence to the answer to COMMIT",
            ["topic"],
            buckets=BATCH_BUCKETS_S,
            registry=registry,
        )
        self.lag = Gauge(
            "huiliu_consumer_lag_records",
            "Records of an owned partition that are not handled yet",
            ["topic", "part"],
            registry=registry,
        )
        # By consumer group: a process may have several, and two of them read one topic.
        self._lags: dict[str, Mapping[tuple[str, str], int]] = {}
        self._shown: dict[str, set[tuple[str, str, str]]] = {}
        self._stopped = Gauge(
            "huiliu_consumer_stopped_info",
            "1 for an owned partition that needs a person; the reason says what for",
            ["topic", "part", "reason"],
            registry=registry,
        )
        self.parked = Counter(
            "huiliu_parked_total", "Records put away as dead letters", ["topic"], registry=registry
        )
        self.replayed = Counter(
            "huiliu_replayed_total", "Dead letters that went through", ["topic"], registry=registry
        )
        self.fence_rejects = _plain(
            "huiliu_fence_rejects_total", "Batches refused: the partition had moved on", registry
        )
        self.commit_unknown = _plain(
            "huiliu_commit_unknown_total", "COMMITs whose answer did not come", registry
        )
        self.not_ready = _plain(
            "huiliu_not_ready_total", "Batches put off: what they need is not known yet", registry
        )
        self.log_lost = _plain(
            "huiliu_log_lost_total", "Partitions whose log lacks what was to be read", registry
        )
        self.stuck_detected = _plain(
            "huiliu_stuck_detected_total", "Duties without progress; the process ends", registry
        )

    def expect(self, topics: Iterable[str]) -> None:
        """Show *topics* at nought: who sees a counter appear with a 1 does not see it rise."""
        for topic in topics:
            for one in (self.records, self.batch, self.parked, self.replayed):
                one.labels(topic)

    def show_lag(self, grp: str, lags: Mapping[tuple[str, str], int]) -> None:
        """Show *grp*'s lag by (topic, partition); of several groups the one furthest behind."""
        self._lags[grp] = lags
        self.lag.clear()
        for labels in {one for held in self._lags.values() for one in held}:
            self.lag.labels(*labels).set(max(held.get(labels, 0) for held in self._lags.values()))

    def show_stopped(self, grp: str, stopped: set[tuple[str, str, str]]) -> None:
        """Show these (topic, partition, reason) of *grp* and no others of it."""
        if stopped == self._shown.get(grp, set()):
            return
        self._shown[grp] = stopped
        self._stopped.clear()
        for labels in {one for held in self._shown.values() for one in held}:
            self._stopped.labels(*labels).set(1)


class OutboxMetrics(metaclass=_OnePerRegistry):
    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.published = Counter(
            "huiliu_outbox_published_total", "Events published", ["topic"], registry=registry
        )
        self.relay_resends = _plain(
            "huiliu_relay_resends_total",
            "Events published again, after an outcome that is not known",
            registry,
        )
        self.producer_rebuilds = _plain(
            "huiliu_producer_rebuilds_total", "Producers given up after an error", registry
        )
        self.rows = Gauge("huiliu_outbox_rows", "Events that wait", registry=registry)
        self.oldest = Gauge(
            "huiliu_outbox_oldest_seconds", "Age of the event that waits longest", registry=registry
        )
        self.longest_transaction = Gauge(
            "huiliu_database_transaction_seconds",
            "Age of the oldest open transaction of this login",
            registry=registry,
        )


class Silence:
    """For how long somebody has not answered: asked for when scraped, told by who asks."""

    def __init__(self) -> None:
        self._since: float | None = None

    def broken(self) -> None:
        """An answer came, or nobody asks any more."""
        self._since = None

    def kept(self) -> None:
        """No answer came."""
        if self._since is None:
            self._since = time.monotonic()

    def seconds(self) -> float:
        return 0.0 if self._since is None else time.monotonic() - self._since


class AwayMetrics(metaclass=_OnePerRegistry):
    """What this process needs and cannot reach. An alert about it silences those that follow."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.kafka = Silence()
        self.postgres = Silence()
        away = Gauge(
            "huiliu_away_seconds",
            "For how long Kafka or Postgres has not answered this process; 0 while it does",
            ["what"],
            registry=registry,
        )
        away.labels("kafka").set_function(self.kafka.seconds)
        away.labels("postgres").set_function(self.postgres.seconds)


class DatabaseMetrics(metaclass=_OnePerRegistry):
    """How much of the pool is in use; asked for when scraped."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._used = Gauge(
            "huiliu_database_pool_used_ratio",
            "Share of the pool's connections that is in use",
            registry=registry,
        )

    def watch(self, engine: AsyncEngine) -> None:
        """Show *engine*'s pool from now on."""

        def ratio() -> float:
            pool = engine.pool
            if not isinstance(pool, QueuePool):
                return 0.0
            return pool.checkedout() / pool.size()

        self._used.set_function(ratio)


def _plain(name: str, text: str, registry: CollectorRegistry) -> Counter:
    return Counter(name, text, registry=registry)
