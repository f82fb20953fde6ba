"""The table of topics holds what other parts rely on."""

from contracts.topics import TOPICS


def test_compacted_topics_remember_erasure_for_thirty_days() -> None:
    compacted = {t.name: t.config for t in TOPICS if t.config.get("cleanup.policy") == "compact"}

    assert set(compacted) == {"customers.v1", "catalog.v1", "shops.v1", "rules.v1"}
    assert all(int(c["delete.retention.ms"]) >= 30 * 86_400_000 for c in compacted.values())
    assert all(int(c["max.compaction.lag.ms"]) <= 86_400_000 for c in compacted.values())


def test_what_rebuilds_state_is_kept_without_a_limit_of_time() -> None:
    kept = {t.name for t in TOPICS if t.config.get("retention.ms") == "-1"}

    assert kept == {"orders.v1", "shipments.v1", "reviews.v1", "carts.v1"}
