"""The numbers of the HTTP edge, as Prometheus reads them."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from web.metrics import HttpMetrics

NAME = "huiliu_http_request_duration_seconds"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_request_is_counted_by_route_method_and_status(registry: CollectorRegistry) -> None:
    metrics = HttpMetrics(registry)
    for status in (200, 200, 503):
        metrics.note("/v1/things", "POST", status, 0.1)

    counted = {
        status: registry.get_sample_value(
            "huiliu_http_requests_total",
            {"route": "/v1/things", "method": "POST", "status": status},
        )
        for status in ("200", "503", "404")
    }
    assert counted == {"200": 2, "503": 1, "404": None}


def test_a_duration_is_in_each_bucket_from_its_edge_on(registry: CollectorRegistry) -> None:
    metrics = HttpMetrics(registry)
    for took_s in (0.0, 0.005, 0.0051, 0.3, 60.0):
        metrics.note("/v1/things", "GET", 200, took_s)

    def upto(edge: str) -> float | None:
        return registry.get_sample_value(f"{NAME}_bucket", {"route": "/v1/things", "le": edge})

    assert [upto(edge) for edge in ("0.005", "0.01", "0.25", "0.5", "1.0", "10.0", "+Inf")] == [
        2, 3, 3, 4, 4, 4, 5,
    ]  # fmt: skip
    assert registry.get_sample_value(f"{NAME}_count", {"route": "/v1/things"}) == 5
    total = registry.get_sample_value(f"{NAME}_sum", {"route": "/v1/things"})
    assert total == pytest.approx(60.3101)


def test_names_are_there_before_the_first_request_and_taken_once(
    registry: CollectorRegistry,
) -> None:
    HttpMetrics(registry)

    assert f"# TYPE {NAME} histogram".encode() in generate_latest(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        HttpMetrics(registry)
