"""What the API answers with. Money is in minor units of the shop's currency."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, Field

from contracts.events import Cell
from segmenter.app.view import ListedCustomer
from segmenter.domain.average import Average
from segmenter.domain.rfm import Rfm


class RfmAnswer(BaseModel):
    recency_days: int | None = Field(description="since the last counted order; null: none")
    frequency: int
    monetary_minor: int

    @classmethod
    def of(cls, rfm: Rfm) -> Self:
        return cls(
            recency_days=rfm.recency_days,
            frequency=rfm.frequency,
            monetary_minor=rfm.monetary_minor,
        )


class ScoresAnswer(BaseModel):
    recency: int
    frequency: int
    monetary: int


class AverageAnswer(BaseModel):
    """The average order value: of the 365 days up to the eve, exact as sum and number."""

    orders: int
    sum_minor: int
    rounded_minor: int | None = Field(description="for reading; cells compare exactly")

    @classmethod
    def of(cls, average: Average) -> Self:
        return cls(
            orders=average.orders,
            sum_minor=average.sum_minor,
            rounded_minor=average.rounded_minor,
        )


class TraitsAnswer(BaseModel):
    gender: str
    country: str
    province: str
    city: str
    has_mobile: bool
    customer_class: str


class CustomerAnswer(BaseModel):
    shop_id: str
    customer_id: str = Field(description="of a person with several ids the one that counts")
    aliases: list[str] = Field(description="that person's other ids")
    as_of: date
    live: bool
    revision: int | None = Field(description="changes announced so far; null unless live")
    cell: Cell
    currency: str
    first_day: date | None
    last_day: date | None
    life: RfmAnswer
    windows: dict[str, RfmAnswer] = Field(description="by length in days, as_of included")
    counted_days: int = Field(description="on how many days there were counted orders")
    scores: ScoresAnswer | None = Field(
        description="among the buyers of 365 days, 5 is best; null: not one of them, or too few"
    )
    average: AverageAnswer
    traits: TraitsAnswer | None


class ListedAnswer(BaseModel):
    customer_id: str
    cell: Cell
    life: RfmAnswer
    window: RfmAnswer | None

    @classmethod
    def of(cls, listed: ListedCustomer) -> Self:
        return cls(
            customer_id=listed.customer_id,
            cell=listed.cell,
            life=RfmAnswer.of(listed.life),
            window=None if listed.window is None else RfmAnswer.of(listed.window),
        )


class CustomersAnswer(BaseModel):
    as_of: date
    customers: list[ListedAnswer]
    cursor: str | None = Field(description="where the next page begins; null: this is the last")


class ChangeAnswer(BaseModel):
    revision: int
    as_of: date
    before: Cell
    after: Cell
    reason: str = Field(description="event, time, average or merge")
    recency_days: int | None
    frequency: int
    monetary_minor: int
    announced_at: datetime


class ChangesAnswer(BaseModel):
    changes: list[ChangeAnswer]
    cursor: str | None


class CellAnswer(BaseModel):
    cell: Cell
    customers: int
    orders: int
    monetary_minor: int


class GridAnswer(BaseModel):
    shop_id: str
    as_of: date
    live: bool
    currency: str
    customers: int
    average: AverageAnswer
    cells: list[CellAnswer] = Field(description="all eleven, always in the same order")
