from prometheus_client import CollectorRegistry

from plumbing.metrics import AwayMetrics, ConsumerMetrics


def test_a_topic_that_is_expected_is_shown_at_nought() -> None:
    registry = CollectorRegistry()

    ConsumerMetrics(registry).expect(["orders.v1"])

    for name in ("consumer_records_total", "parked_total", "replayed_total"):
        assert registry.get_sample_value(f"huiliu_{name}", {"topic": "orders.v1"}) == 0, name


def test_silence_is_shown_from_its_first_question_to_its_first_answer() -> None:
    registry = CollectorRegistry()
    away = AwayMetrics(registry)

    def shown(what: str) -> float:
        return registry.get_sample_value("huiliu_away_seconds", {"what": what}) or 0

    assert (shown("kafka"), shown("postgres")) == (0, 0)
    away.kafka.kept()
    first = shown("kafka")
    away.kafka.kept()
    assert 0 < first < shown("kafka")
    assert shown("postgres") == 0
    away.kafka.broken()
    assert shown("kafka") == 0


def test_of_several_groups_that_read_one_partition_the_one_furthest_behind_is_shown() -> None:
    registry = CollectorRegistry()
    metrics = ConsumerMetrics(registry)
    at = {"topic": "orders.v1", "part": "0"}

    def shown(part: str) -> float | None:
        return registry.get_sample_value("huiliu_consumer_lag_records", {**at, "part": part})

    metrics.show_lag("fast", {("orders.v1", "0"): 2, ("orders.v1", "1"): 5})
    metrics.show_lag("slow", {("orders.v1", "0"): 9})
    assert (shown("0"), shown("1")) == (9, 5)

    metrics.show_lag("slow", {})
    assert (shown("0"), shown("1")) == (2, 5)


def test_what_one_group_stopped_stays_shown_whatever_another_shows() -> None:
    registry = CollectorRegistry()
    metrics = ConsumerMetrics(registry)
    labels = {"topic": "orders.v1", "part": "0", "reason": "letters"}

    def shown() -> float | None:
        return registry.get_sample_value("huiliu_consumer_stopped_info", labels)

    metrics.show_stopped("one", {("orders.v1", "0", "letters")})
    metrics.show_stopped("other", set())
    assert shown() == 1

    metrics.show_stopped("one", set())
    assert shown() is None
