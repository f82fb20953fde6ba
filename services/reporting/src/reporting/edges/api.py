"""Reports over HTTP: read only, one shop, days of that shop."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from plumbing.clock import business_now
from reporting.app.effect_report import RuleEffect, Span, effect_report
from reporting.app.people import people
from reporting.app.summary_report import CellCount, DecisionCount, MessageCount, summary_report
from reporting.domain.effect import Effect
from reporting.domain.money import exponent
from reporting.domain.periods import BadPeriod, Period, period
from reporting.edges.report_store import ReportStore, ShopRow
from reporting.errors import NoSuchPeriod, UnknownShop
from web.auth import ShopId, require
from web.pages import Limit, decode_cursor, encode_cursor
from web.shop_session import Engine, shop_tx

SERVICE = "reporting"

router = APIRouter(prefix="/v1/shops/{shop_id}/reports", tags=["reports"])
read = Depends(require("reports:read"))

First = Annotated[
    date | None, Query(alias="from", description="first day; by default 30 before `until`")
]
Until = Annotated[date | None, Query(description="the day after the last one; by default tomorrow")]
RuleId = Annotated[str, Query(min_length=1, max_length=128)]


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


@router.get("/effect", operation_id="report_effect", dependencies=[read])
async def report_effect(
    shop_id: ShopId,
    engine: Engine,
    rule_id: RuleId | None = None,
    first: First = None,
    until: Until = None,
) -> EffectReport:
    """Tell what the messages sent in the period cost and brought, per rule."""
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        frame, span = await _open(conn, shop_id, first, until)
        report = await effect_report(ReportStore(conn), span, rule_id)
    return EffectReport(
        **frame,
        rules=[_rule(one) for one in report.rules],
        total=EffectAnswer(**_fields(report.total)),
    )


@router.get("/summary", operation_id="report_summary", dependencies=[read])
async def report_summary(
    shop_id: ShopId, engine: Engine, first: First = None, until: Until = None
) -> SummaryReport:
    """Tell what came in, what was sent and why not, and what it earned."""
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        frame, span = await _open(conn, shop_id, first, until)
        found = await summary_report(ReportStore(conn), span)
    return SummaryReport(
        **frame,
        orders=OrdersAnswer.model_validate(found.orders, from_attributes=True),
        segment_changes=found.segment_changes,
        cells=[_cell(one) for one in found.cells],
        messages=[_message(one) for one in found.messages],
        decisions=[_decision(one) for one in found.decisions],
        cancelled_by_payment=found.cancelled_by_payment,
        effect=EffectAnswer(**_fields(found.effect)),
    )


@router.get("/people", operation_id="report_people", dependencies=[read])
async def report_people(  # noqa: PLR0913, PLR0917 - each one is a part of the query
    shop_id: ShopId,
    engine: Engine,
    rule_id: RuleId,
    side: Side = Side.PAID,
    first: First = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> PeopleReport:
    """List who is behind a rule's fields: those who paid, or those who did not."""
    after = decode_cursor(cursor, str)
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        frame, span = await _open(conn, shop_id, first, until)
        found = await people(ReportStore(conn), span, rule_id, paid=side == Side.PAID)
    rest = [one for one in found if after is None or one.customer_id > str(after[0])]
    page = rest[:limit]
    return PeopleReport(
        **frame,
        rule_id=rule_id,
        side=side,
        people=[PersonAnswer.model_validate(one, from_attributes=True) for one in page],
        next_cursor=encode_cursor(page[-1].customer_id) if len(rest) > limit else None,
    )


async def _open(
    conn: AsyncConnection, shop_id: str, first: date | None, until: date | None
) -> tuple[dict[str, object], Span]:
    """Return what a report begins with, and what it is about."""
    shop = await ReportStore(conn).shop(shop_id)
    if shop is None:
        raise UnknownShop("no such shop")
    now = await business_now(conn)
    try:
        days = period(first, until, shop.zone, now)
    except BadPeriod as error:
        raise NoSuchPeriod(str(error)) from None
    return _frame(shop, days, now), Span(shop_id, shop.currency, days.starts_at, days.ends_at)


def _frame(shop: ShopRow, days: Period, now: datetime) -> dict[str, object]:
    return {
        "shop_id": shop.shop_id,
        "shop_name": shop.name,
        "currency": shop.currency,
        "exponent": exponent(shop.currency),
        "zone": shop.zone,
        "first": days.first,
        "until": days.until,
        "as_of": now,
    }


def _fields(effect: Effect) -> dict[str, object]:
    return {
        "paid_amount_minor": effect.paid_minor,
        "unpaid_amount_minor": effect.unpaid_minor,
        "paid_orders": effect.paid_orders,
        "unpaid_orders": effect.unpaid_orders,
        "paid_people": effect.paid_people,
        "unpaid_people": effect.unpaid_people,
        "people_reached": effect.people_reached,
        "pieces_sent": effect.pieces_sent,
        "cost_micros": effect.cost_micros,
        "roi": effect.roi,
        "roi_as_ratio": None if effect.roi is None else f"1:{effect.roi}",
        "conversion": effect.conversion,
        "order_conversion": effect.order_conversion,
        "mark": effect.mark,
        "messages_sent": effect.messages_sent,
        "messages_reached": effect.messages_reached,
        "cost_in_other_currencies_micros": dict(effect.foreign_micros),
    }


def _rule(one: RuleEffect) -> RuleAnswer:
    label = one.rule
    return RuleAnswer(
        rule_id=label.rule_id,
        kind=label.kind,
        message_class=label.message_class,
        goal=label.goal,
        **_fields(one.effect),
    )


def _cell(one: CellCount) -> CellAnswer:
    return CellAnswer.model_validate(one, from_attributes=True)


def _message(one: MessageCount) -> MessageAnswer:
    return MessageAnswer.model_validate(one, from_attributes=True)


def _decision(one: DecisionCount) -> DecisionAnswer:
    return DecisionAnswer.model_validate(one, from_attributes=True)
