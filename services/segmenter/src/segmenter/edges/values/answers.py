"""What the API says of value and churn. Money is in minor units of the shop's currency."""

from datetime import date
from typing import Literal, Self

from pydantic import BaseModel, Field

from segmenter.app.view_value import Judged, Worth
from segmenter.domain.churn import CLASSES, LEAST_GAPS, Gaps, Risk, Thresholds

State = Literal["fitted", "not_enough_data", "no_fit", "waiting"]


class RiskAnswer(BaseModel):
    """The silence beside the shop's gaps between purchases of people with as many."""

    risk: Risk
    recency_days: int | None = Field(description="since the last counted order; null: none")
    counted_days: int = Field(description="days with counted orders")
    frequency_class: int | None = Field(description="1, 2, or 3 for more; null: never bought")
    share: float | None = Field(description="of the class's gaps, those no longer than the silence")
    gaps: int = Field(description="known in the class")
    needed: int = Field(LEAST_GAPS, description="gaps, for any risk to be told")
    high_from_days: int | None = Field(description="of silence on the risk is high")

    @classmethod
    def of(cls, judged: Judged) -> Self:
        return cls(
            risk=judged.risk,
            recency_days=judged.recency_days,
            counted_days=judged.counted_days,
            frequency_class=judged.frequency_class,
            share=judged.share,
            gaps=judged.gaps,
            high_from_days=judged.high_from_days,
        )


class ValueAnswer(BaseModel):
    shop_id: str
    customer_id: str
    as_of: date
    currency: str
    net_minor: int = Field(description="spent so far, less refunds")
    state: State
    reason: str = Field(description="why there is no fit, or no money to expect")
    have: int | None = Field(description="customers of the shop who came again; null: not counted")
    needed: int | None
    model_of: date | None = Field(description="the day up to which the model knows")
    p_alive: float | None
    expected_purchases_365: float | None = Field(description="days with purchases")
    expected_money_minor_365: int | None
    clv_minor: int | None = Field(
        description="margin of what was spent and is expected in 365 days, less acquisition cost"
    )
    margin_percent: int
    acquisition_cost_minor: int
    churn: RiskAnswer

    @classmethod
    def expected(cls, worth: Worth | None) -> dict[str, float | int | None]:
        """Return what is expected, as fields; none of it without a model."""
        if worth is None:
            return dict.fromkeys(
                ("p_alive", "expected_purchases_365", "expected_money_minor_365", "clv_minor")
            )
        return {
            "p_alive": worth.p_alive,
            "expected_purchases_365": worth.purchases,
            "expected_money_minor_365": worth.money_minor,
            "clv_minor": worth.clv_minor,
        }


class ClassAnswer(BaseModel):
    """A class's gaps, and from how many days of silence on its risk is what."""

    frequency_class: int
    state: Literal["known", "not_enough_data"]
    gaps: int
    needed: int = LEAST_GAPS
    middle_from_days: int | None
    high_from_days: int | None
    very_high_from_days: int | None

    @classmethod
    def of(cls, number: int, gaps: Gaps, bounds: Thresholds | None) -> Self:
        return cls(
            frequency_class=number,
            state="not_enough_data" if bounds is None else "known",
            gaps=gaps.total,
            middle_from_days=None if bounds is None else bounds.middle,
            high_from_days=None if bounds is None else bounds.high,
            very_high_from_days=None if bounds is None else bounds.very_high,
        )


class BuyingAnswer(BaseModel):
    """BG/NBD, in days."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float | None
    calibration: float | None = Field(
        description="repeats that the model expects over those that were; 1 is right"
    )


class SpendingAnswer(BaseModel):
    """Gamma-Gamma, in minor units."""

    p: float
    q: float
    gamma: float
    log_likelihood: float | None


class ChurnGapsAnswer(BaseModel):
    as_of: date | None = Field(description="null: not counted yet")
    percents: list[int] = Field(description="of gaps: where middle, high and very high begin")
    classes: list[ClassAnswer]


class ShopValueAnswer(BaseModel):
    shop_id: str
    state: State
    reason: str
    as_of: date | None
    customers: int | None
    have: int | None = Field(description="customers who came again; null: not counted")
    needed: int | None
    every: int | None = Field(description="of a large shop every so many-th customer is fitted")
    buying: BuyingAnswer | None
    spending: SpendingAnswer | None
    churn: ChurnGapsAnswer


class AtRiskAnswer(BaseModel):
    customer_id: str
    announced_on: date
    churn: RiskAnswer


class ChurnAnswer(BaseModel):
    as_of: date | None
    customers: list[AtRiskAnswer]
    cursor: str | None = Field(description="where the next page begins; null: this is the last")


def classes_of(gaps: dict[int, Gaps], known: dict[int, Thresholds]) -> list[ClassAnswer]:
    return [ClassAnswer.of(one, gaps.get(one, Gaps()), known.get(one)) for one in CLASSES]
