"""What the API answers for a report."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel


class Side(StrEnum):
    PAID = "paid"
    UNPAID = "unpaid"


class Frame(BaseModel):
    """What every report begins with. Money is in minor units, of which `exponent` is the power."""

    shop_id: str
    shop_name: str
    currency: str
    exponent: int
    zone: str
    first: date
    until: date
    as_of: datetime


class EffectAnswer(BaseModel):
    """The ten fields in their order, then what is derived from them. Cost is in millionths."""

    paid_amount_minor: int
    unpaid_amount_minor: int
    paid_orders: int
    unpaid_orders: int
    paid_people: int
    unpaid_people: int
    people_reached: int
    pieces_sent: int
    cost_micros: int
    roi: str | None
    roi_as_ratio: str | None
    conversion: str | None
    order_conversion: str | None
    mark: str
    messages_sent: int
    messages_reached: int
    cost_in_other_currencies_micros: dict[str, int]


class RuleAnswer(EffectAnswer):
    rule_id: str
    kind: str
    message_class: str
    goal: str


class EffectReport(Frame):
    rules: list[RuleAnswer]
    total: EffectAnswer


class OrdersAnswer(BaseModel):
    events: int
    known: int
    counted: int
    unpaid: int
    cancelled: int
    in_other_currency: int
    net_minor: int


class CellAnswer(BaseModel):
    cell: str
    customers: int


class MessageAnswer(BaseModel):
    kind: str
    state: str
    reason: str
    messages: int


class DecisionAnswer(BaseModel):
    kind: str
    result: str
    reason: str
    decisions: int


class SummaryReport(Frame):
    orders: OrdersAnswer
    segment_changes: int
    cells: list[CellAnswer]
    messages: list[MessageAnswer]
    decisions: list[DecisionAnswer]
    cancelled_by_payment: int
    effect: EffectAnswer


class PersonAnswer(BaseModel):
    customer_id: str
    orders: int
    amount_minor: int


class PeopleReport(Frame):
    rule_id: str
    side: Side
    people: list[PersonAnswer]
    next_cursor: str | None
