import threading

from prometheus_client import CollectorRegistry

from plumbing.metrics import ConsumerMetrics
from plumbing.watchdog import Watchdog


def test_a_duty_that_falls_silent_ends_the_process_and_is_counted() -> None:
    ended = threading.Event()
    registry = CollectorRegistry()
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    with Watchdog(0.05, metrics=ConsumerMetrics(registry), end=end) as watch:
        watch.progress("grp/orders.v1/0")
        assert ended.wait(5)
        assert watch.complaint() == "no progress: grp/orders.v1/0"

    assert codes == [1]
    assert registry.get_sample_value("huiliu_stuck_detected_total") == 1


def test_a_duty_that_is_forgotten_or_never_begun_is_nobodys_business() -> None:
    ended = threading.Event()
    with Watchdog(0.02, end=lambda _: ended.set()) as watch:
        watch.progress("a")
        watch.forget("a")

        assert not ended.wait(0.08)
        assert watch.complaint() is None
