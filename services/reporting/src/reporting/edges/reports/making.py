"""From what is asked to the finished answer, on a connection that sees one shop."""

from datetime import date, datetime
from typing import assert_never

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from care.currency import exponent
from plumbing.clock import business_now
from reporting.app.effect_report import RuleEffect, Span, effect_report
from reporting.app.people import people
from reporting.app.summary_report import CellCount, DecisionCount, MessageCount, summary_report
from reporting.domain.effect import Effect
from reporting.domain.periods import BadPeriod, Period, period
from reporting.edges.report_store import SERVICE, ReportStore, ShopRow
from reporting.edges.reports.answers import (
    CellAnswer,
    DecisionAnswer,
    EffectAnswer,
    EffectReport,
    MessageAnswer,
    OrdersAnswer,
    PeopleReport,
    PersonAnswer,
    RuleAnswer,
    Side,
    SummaryReport,
)
from reporting.edges.reports.wire import Ask, EffectOf, PeopleOf, SummaryOf
from reporting.errors import NoSuchPeriod, UnknownShop
from web.pages import encode_cursor
from web.shop_session import shop_tx


async def make(engine: AsyncEngine, ask: Ask) -> BaseModel:
    """Return the report.

    Raises:
        ReportingError: There is no such shop or period.
    """
    async with shop_tx(engine, SERVICE, ask.shop_id) as conn:
        frame, span = await _open(conn, ask.shop_id, ask.first, ask.until)
        store = ReportStore(conn)
        match ask:
            case EffectOf():
                return await _effect(store, frame, span, ask)
            case SummaryOf():
                return await _summary(store, frame, span)
            case PeopleOf():
                return await _people(store, frame, span, ask)
            case _:
                assert_never(ask)


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


async def _effect(
    store: ReportStore, frame: dict[str, object], span: Span, ask: EffectOf
) -> EffectReport:
    report = await effect_report(store, span, ask.rule_id)
    return EffectReport(
        **frame,
        rules=[_rule(one) for one in report.rules],
        total=EffectAnswer(**_fields(report.total)),
    )


async def _summary(store: ReportStore, frame: dict[str, object], span: Span) -> SummaryReport:
    found = await summary_report(store, span)
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


async def _people(
    store: ReportStore, frame: dict[str, object], span: Span, ask: PeopleOf
) -> PeopleReport:
    found = await people(store, span, ask.rule_id, paid=ask.side == Side.PAID)
    rest = [one for one in found if ask.after is None or one.customer_id > ask.after]
    page = rest[: ask.limit]
    return PeopleReport(
        **frame,
        rule_id=ask.rule_id,
        side=ask.side,
        people=[PersonAnswer.model_validate(one, from_attributes=True) for one in page],
        next_cursor=encode_cursor(page[-1].customer_id) if len(rest) > ask.limit else None,
    )


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
