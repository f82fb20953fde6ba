"""Facts that no table could hold are refused before they get there."""

from datetime import UTC, datetime

import pytest

from contracts.events import OrderFacts, OrderLine, RefundFacts, Region
from segmenter.domain.fitness import MAX_AMOUNT_MINOR, unfit

HUGE = MAX_AMOUNT_MINOR + 1


def order(order_id: str = "o", **more: object) -> OrderFacts:
    return OrderFacts("tea", "ann", order_id, 1, **more)  # type: ignore[arg-type]  # the test's own


@pytest.mark.parametrize(
    "fact",
    [
        pytest.param(order(), id="nothing but ids"),
        pytest.param(order(total_minor=MAX_AMOUNT_MINOR), id="a large amount"),
        pytest.param(
            order(
                paid_at=datetime(1997, 1, 1, tzinfo=UTC),
                lines=(OrderLine("s", "not kept: \x00", 1, 5),),
                region=Region("CN", "浙江", "杭州"),
                refunds=(RefundFacts("r", 1, amount_minor=1),),
            ),
            id="everything",
        ),
    ],
)
def test_an_ordinary_fact_is_fit(fact: OrderFacts) -> None:
    assert unfit(fact) is None


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (order(total_minor=HUGE), "an amount is out of range"),
        (order(refunds=(RefundFacts("r", 1, amount_minor=-HUGE),)), "an amount is out of range"),
        (
            order(paid_at=datetime(9999, 12, 31, tzinfo=UTC)),
            "the time of payment is out of range",
        ),
        (order("o\x00"), "a text holds a NUL"),
        (order(currency="\x00"), "a text holds a NUL"),
        (order(refunds=(RefundFacts("\x00", 1),)), "a text holds a NUL"),
    ],
)
def test_an_unfit_fact_is_told_why(fact: OrderFacts, reason: str) -> None:
    assert unfit(fact) == reason
