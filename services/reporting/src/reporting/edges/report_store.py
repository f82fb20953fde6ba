"""What reports read: rows of the one shop that the transaction was opened for."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import Channel, DeliveryState
from reporting.app.effect_report import RuleLabel, Span
from reporting.app.summary_report import CellCount, DecisionCount, MessageCount, OrderCounts
from reporting.domain.attribution import Order, Touch
from reporting.domain.effect import Sent
from reporting.domain.messages import BILLED, RECEIPTS, is_reached
from reporting.edges.tables import rule, shop

SERVICE: Final = "reporting"

_BY_NO_RULE: Final = (timedelta(), False)  # how long it earns, and whether by its own order

_SENT: Final = text(
    """
    select message_id, rule_id, rule_version, customer_id, order_id, sent_at, priority,
           is_marketing, state, gateway, channel, pieces, price_micros, currency
    from message
    where shop_id = :shop and sent_at >= :starts_at and sent_at < :ends_at
      and state = any(cast(:billed as text[])) and customer_id is not null and rule_id is not null
    order by sent_at, message_id
    """
)
_WITH_RECEIPTS: Final = text(
    """
    select distinct gateway from message
    where shop_id = :shop and state = any(cast(:receipts as text[])) and gateway is not null
    """
)
_ORDERS: Final = text(
    """
    select order_id, customer_id, placed_at, paid_at, counted_in, currency, is_unpaid,
           net_minor, total_minor
    from order_fact
    where shop_id = :shop and state is not null
      and (order_id = any(cast(:orders as text[]))
           or (customer_id = any(cast(:customers as text[]))
               and (placed_at >= :starts_at and placed_at < :ends_at
                    or paid_at >= :starts_at and paid_at < :ends_at)))
    """
)
_ORDER_COUNTS: Final = text(
    """
    select coalesce(sum(cardinality(fact_ids)), 0)::bigint as events,
           count(*) as known,
           count(*) filter (where counted_in = :currency) as counted,
           count(*) filter (where is_unpaid) as unpaid,
           count(*) filter (where is_cancelled) as cancelled,
           count(*) filter (where currency <> :currency) as in_other_currency,
           coalesce(sum(net_minor) filter (where counted_in = :currency
                                           and paid_at >= :starts_at and paid_at < :ends_at), 0)
             ::bigint as net_minor
    from order_fact
    where shop_id = :shop and state is not null
      and (placed_at >= :starts_at and placed_at < :ends_at
           or paid_at >= :starts_at and paid_at < :ends_at)
    """
)
_MESSAGE_COUNTS: Final = text(
    """
    select coalesce(kind, '') as kind, state, reason, count(*) as messages
    from message
    where shop_id = :shop and registers is not null
      and coalesce(sent_at, due_at) >= :starts_at and coalesce(sent_at, due_at) < :ends_at
    group by 1, 2, 3 order by 1, 2, 3
    """
)
_DECISION_COUNTS: Final = text(
    """
    select kind, result, reason, count(*) as decisions from decision
    where shop_id = :shop and decided_at >= :starts_at and decided_at < :ends_at
    group by 1, 2, 3 order by 1, 2, 3
    """
)
_SEGMENT_CHANGES: Final = text(
    """
    select count(*) from segment_change c join shop s using (shop_id)
    where shop_id = :shop
      and as_of >= cast(cast(:starts_at as timestamptz) at time zone zone as date)
      and as_of < cast(cast(:ends_at as timestamptz) at time zone zone as date)
    """
)
_CELLS: Final = text(
    """
    select cell, count(*) as customers
    from (select distinct on (customer_id) cell from segment_change
          where shop_id = :shop order by customer_id, revision desc) as newest
    group by cell order by cell
    """
)


@dataclass(frozen=True, slots=True)
class ShopRow:
    shop_id: str
    name: str
    zone: str
    currency: str
    locale: str


class ReportStore:
    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def shop(self, shop_id: str) -> ShopRow | None:
        columns = (shop.c.shop_id, shop.c.name, shop.c.zone, shop.c.currency, shop.c.locale)
        found = await self._conn.execute(select(*columns).where(shop.c.shop_id == shop_id))
        row = found.one_or_none()
        return None if row is None else ShopRow(*row)

    async def longest_window(self, shop_id: str) -> timedelta:
        rules = await self._rules(shop_id)
        return timedelta(seconds=max((one.attribution_window_s for one in rules), default=0))

    async def labels(self, shop_id: str) -> Mapping[str, RuleLabel]:
        """Return each rule as its newest version names it."""
        return {
            one.rule_id: RuleLabel(one.rule_id, one.kind, one.message_class, one.goal)
            for one in await self._rules(shop_id)
        }

    async def sent(self, shop_id: str, starts_at: datetime, ends_at: datetime) -> list[Sent]:
        given = {"shop": shop_id, "starts_at": starts_at, "ends_at": ends_at}
        rows = await self._conn.execute(_SENT, {**given, "billed": sorted(BILLED)})
        receipts = await self._conn.execute(
            _WITH_RECEIPTS, {"shop": shop_id, "receipts": sorted(RECEIPTS)}
        )
        sent = _sent_by(await self._rules(shop_id), frozenset(receipts.scalars()))
        return [sent(*row) for row in rows]

    async def orders_of(
        self, span: Span, customers: Collection[str], orders: Collection[str], ends_at: datetime
    ) -> list[Order]:
        rows = await self._conn.execute(
            _ORDERS,
            {
                "shop": span.shop_id,
                "customers": sorted(customers),
                "orders": sorted(orders),
                "starts_at": span.starts_at,
                "ends_at": ends_at,
            },
        )
        return [
            Order(
                order_id,
                customer_id,
                placed_at,
                paid_at,
                is_counted=counted_in == span.currency,
                is_unpaid=is_unpaid and currency == span.currency,
                net_minor=net_minor,
                total_minor=total_minor,
            )
            for (
                order_id,
                customer_id,
                placed_at,
                paid_at,
                counted_in,
                currency,
                is_unpaid,
                net_minor,
                total_minor,
            ) in rows
        ]

    async def order_counts(self, span: Span) -> OrderCounts:
        given = {**_of(span), "currency": span.currency}
        row = (await self._conn.execute(_ORDER_COUNTS, given)).one()
        return OrderCounts(*row)

    async def message_counts(self, span: Span) -> list[MessageCount]:
        rows = await self._conn.execute(_MESSAGE_COUNTS, _of(span))
        return [MessageCount(*row) for row in rows]

    async def decision_counts(self, span: Span) -> list[DecisionCount]:
        rows = await self._conn.execute(_DECISION_COUNTS, _of(span))
        return [DecisionCount(*row) for row in rows]

    async def segment_changes(self, span: Span) -> int:
        return int((await self._conn.execute(_SEGMENT_CHANGES, _of(span))).scalar_one())

    async def cells(self, shop_id: str) -> list[CellCount]:
        rows = await self._conn.execute(_CELLS, {"shop": shop_id})
        return [CellCount(*row) for row in rows]

    async def _rules(self, shop_id: str) -> list[Row[Any]]:
        """Return every version of every rule, the newest of each last."""
        found = await self._conn.execute(
            select(rule).where(rule.c.shop_id == shop_id).order_by(rule.c.rule_id, rule.c.version)
        )
        return list(found)


def _of(span: Span) -> dict[str, Any]:
    return {"shop": span.shop_id, "starts_at": span.starts_at, "ends_at": span.ends_at}


def _sent_by(rules: Iterable[Row[Any]], with_receipts: Collection[str]) -> Callable[..., Sent]:
    """Return what makes a message of a row of `_SENT`; a hundred thousand of them pass it."""
    versions: dict[tuple[str, int | None], tuple[timedelta, bool]] = {}
    newest: dict[str, tuple[timedelta, bool]] = {}
    for one in rules:
        judged = timedelta(seconds=one.attribution_window_s), one.credits_own_order
        versions[one.rule_id, one.version] = newest[one.rule_id] = judged
    arrived = cache(lambda state, gateway: is_reached(DeliveryState(state), gateway, with_receipts))

    def sent(  # noqa: PLR0913, PLR0917 - the columns, in their order
        message_id: str,
        rule_id: str,
        rule_version: int | None,
        customer_id: str,
        order_id: str | None,
        sent_at: datetime,
        priority: int | None,
        is_marketing: bool,
        state: str,
        gateway: str | None,
        channel: str | None,
        pieces: int,
        price_micros: int,
        currency: str | None,
    ) -> Sent:
        # A version that was compacted away before we read it is judged by the newest.
        window, is_reminder = (
            versions.get((rule_id, rule_version)) or newest.get(rule_id) or _BY_NO_RULE
        )
        touch = Touch(
            message_id,
            rule_id,
            customer_id,
            sent_at,
            window,
            priority or 0,
            is_reminder,
            is_marketing,
            order_id,
        )
        reached = arrived(state, gateway)
        return Sent(touch, reached, pieces, price_micros, currency, channel == Channel.SMS)

    return sent
