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
