"""What the process that tests run in would show on /metrics."""

from prometheus_client import REGISTRY


def shown(name: str, **labels: str) -> float:
    """Return one sample; a metric that nobody made fails the test."""
    value = REGISTRY.get_sample_value(name, labels)
    assert value is not None, f"nobody shows {name} {labels}"
    return value
