"""What the API answers of goods."""

from datetime import date
from typing import Self

from pydantic import BaseModel, Field

from segmenter.app.expect import Expected
from segmenter.app.recommend import Basis, Suggestion
from segmenter.domain.replenish import Basis as CycleBasis


class FiguresAnswer(BaseModel):
    """Buyers of the 365 days up to the eve of `pairs_of`."""

    buyers: int = Field(description="of the item that it goes with, A")
    buyers_of_other: int = Field(description="of the suggested item, B")
    buyers_of_both: int = Field(description="at most 30 days apart")
    buyers_of_any: int
    support: float = Field(description="buyers of both over buyers of anything")
    confidence: float = Field(description="P(B|A): buyers of both over buyers of A")
    lift: float = Field(description="P(AB) / (P(A) P(B))")


class SuggestionAnswer(BaseModel):
    sku: str
    title: str
    because: str = Field(description="the item that it goes with")
    basis: Basis
    figures: FiguresAnswer | None = Field(description="null: the catalogue names it")

    @classmethod
    def of(cls, one: Suggestion) -> Self:
        figures = one.figures
        return cls(
            sku=one.sku,
            title=one.title,
            because=one.because,
            basis=one.basis,
            figures=None
            if figures is None
            else FiguresAnswer(
                **figures._asdict(),
                support=figures.support,
                confidence=figures.confidence,
                lift=figures.lift,
            ),
        )


class SuggestionsAnswer(BaseModel):
    pairs_of: date | None = Field(description="the day of the last count; null: none yet")
    season: str | None
    suggestions: list[SuggestionAnswer] = Field(description="best first")


class ExpectedAnswer(BaseModel):
    customer_id: str
    sku: str
    title: str
    in_stock: bool
    expected_day: date = Field(description="when what was bought last is used up")
    last_day: date = Field(description="on which it was paid")
    signed_day: date | None = Field(description="from which it is counted; null: from last_day")
    quantity: int
    cycle_days: int = Field(description="how long one piece lasts")
    basis: CycleBasis

    @classmethod
    def of(cls, one: Expected) -> Self:
        return cls(
            customer_id=one.last.customer_id,
            sku=one.last.sku,
            title=one.last.title,
            in_stock=one.last.in_stock,
            expected_day=one.day,
            last_day=one.last.bought.day,
            signed_day=one.last.bought.signed_day,
            quantity=one.last.bought.quantity,
            cycle_days=one.cycle.days,
            basis=one.cycle.basis,
        )


class ExpectedListAnswer(BaseModel):
    expected: list[ExpectedAnswer] = Field(description="by day, customer, item")
    cursor: str | None = Field(description="where the next page begins; null: this is the last")


class CohortsAnswer(BaseModel):
    as_of: date
    items: int = Field(description="with a last season, of those that the query describes")
    buyers: int = Field(description="in that season; the sum of the following")
    early: int = Field(description="bought in [L, L + 14 days)")
    multi: int = Field(description="bought two pieces or more in [L, H), and are not early")
    sale_only: int = Field(description="paid every order in a large sale, and are neither")
    others: int
    customers: list[str] = Field(description="of the cohort asked for, by id")
    cursor: str | None = Field(description="where the next page begins; null: this is the last")
