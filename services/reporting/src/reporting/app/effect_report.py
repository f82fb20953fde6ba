"""The effect report of a shop's rules over a period."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from reporting.domain.attribution import Order, Touch, credit, index
from reporting.domain.effect import Effect, Orders, Outcome, Sent, effect, outcome


@dataclass(frozen=True, slots=True)
class RuleLabel:
    rule_id: str
    kind: str
    message_class: str
    goal: str


@dataclass(frozen=True, slots=True)
class Span:
    """Messages sent in [starts_at, ends_at) of a shop whose money is *currency*."""

    shop_id: str
    currency: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class RuleEffect:
    rule: RuleLabel
    effect: Effect


@dataclass(frozen=True, slots=True)
class Report:
    """`total` is over all rules: a person or an unpaid order of two rules counts once in it."""

    rules: Sequence[RuleEffect]
    total: Effect


class Store(Protocol):
    async def longest_window(self, shop_id: str) -> timedelta: ...

    async def sent(self, shop_id: str, starts_at: datetime, ends_at: datetime) -> list[Sent]:
        """Return the billed messages of those instants."""

    async def orders_of(
        self, span: Span, customers: Collection[str], orders: Collection[str], ends_at: datetime
    ) -> list[Order]:
        """Return *orders*, and those that *customers* placed or paid from the span's start on."""

    async def labels(self, shop_id: str) -> Mapping[str, RuleLabel]: ...


@dataclass(frozen=True, slots=True)
class Findings:
    """What a report is made of."""

    by_rule: Mapping[str, list[Sent]]
    orders: Orders
    credited: Mapping[str, Touch]

    def of(self, rule_id: str | None) -> tuple[Sequence[Sent], Outcome]:
        """Return the messages of *rule_id*, of all rules when it is `None`, and their outcome."""
        mine = self.sent if rule_id is None else self.by_rule.get(rule_id, [])
        return mine, outcome(mine, self.orders, self.credited)

    @property
    def sent(self) -> list[Sent]:
        return [one for group in self.by_rule.values() for one in group]


async def find(store: Store, span: Span) -> Findings:
    """Return the messages sent in *span* and the orders that they are held to.

    Messages sent after the span are looked at too: a later one may take an order away.
    """
    window = await store.longest_window(span.shop_id)
    rivals = await store.sent(span.shop_id, span.starts_at, span.ends_at + window)
    sent = [one for one in rivals if one.touch.sent_at < span.ends_at]
    reached = [one.touch for one in sent if one.is_reached]
    orders = await store.orders_of(
        span,
        {touch.customer_id for touch in reached},
        {touch.order_id for touch in reached if touch.order_id is not None},
        span.ends_at + window,
    )
    credited = credit(index(one.touch for one in rivals if one.is_reached), orders)
    by_rule: dict[str, list[Sent]] = {}
    for one in sent:
        by_rule.setdefault(one.touch.rule_id, []).append(one)
    return Findings(by_rule, Orders(orders), credited)


async def effect_report(store: Store, span: Span, rule_id: str | None) -> Report:
    """Return the effect of *rule_id*, or of each rule that sent something or is known."""
    findings = await find(store, span)
    labels = await store.labels(span.shop_id)
    known = findings.by_rule.keys() | labels.keys()
    wanted = sorted(known) if rule_id is None else [rule_id]
    rules = []
    for name in wanted:
        mine, found = findings.of(name)
        label = labels.get(name, RuleLabel(name, "", "", ""))
        rules.append(RuleEffect(label, effect(mine, found, span.currency)))
    everything, found = findings.of(rule_id)
    return Report(rules, effect(everything, found, span.currency))
