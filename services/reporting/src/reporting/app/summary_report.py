"""The summary of a shop: what came in, what was sent, what it earned."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from reporting.app import effect_report
from reporting.app.effect_report import Span
from reporting.domain.effect import Effect, effect

# How care-triggers names a message that a payment made needless.
PAYMENT_REASONS: Final = frozenset({"paid", "balance_paid", "rebought"})
STOPPED: Final = frozenset({"cancelled", "recalled"})


@dataclass(frozen=True, slots=True)
class OrderCounts:
    """Orders placed or paid in the period. `events` counts distinct facts about them."""

    events: int
    known: int
    counted: int
    unpaid: int
    cancelled: int
    in_other_currency: int
    net_minor: int


@dataclass(frozen=True, slots=True)
class MessageCount:
    kind: str
    state: str
    reason: str
    messages: int


@dataclass(frozen=True, slots=True)
class DecisionCount:
    kind: str
    result: str
    reason: str
    decisions: int


@dataclass(frozen=True, slots=True)
class CellCount:
    cell: str
    customers: int


@dataclass(frozen=True, slots=True)
class Summary:
    orders: OrderCounts
    segment_changes: int
    cells: Sequence[CellCount]
    messages: Sequence[MessageCount]
    decisions: Sequence[DecisionCount]
    cancelled_by_payment: int
    effect: Effect


class Store(effect_report.Store, Protocol):
    async def order_counts(self, span: Span) -> OrderCounts: ...

    async def message_counts(self, span: Span) -> list[MessageCount]: ...

    async def decision_counts(self, span: Span) -> list[DecisionCount]: ...

    async def segment_changes(self, span: Span) -> int: ...

    async def cells(self, shop_id: str) -> list[CellCount]: ...


async def summary_report(store: Store, span: Span) -> Summary:
    findings = await effect_report.find(store, span)
    sent, found = findings.of(None)
    decisions = await store.decision_counts(span)
    return Summary(
        orders=await store.order_counts(span),
        segment_changes=await store.segment_changes(span),
        cells=await store.cells(span.shop_id),
        messages=await store.message_counts(span),
        decisions=decisions,
        cancelled_by_payment=sum(
            one.decisions
            for one in decisions
            if one.result in STOPPED and one.reason in PAYMENT_REASONS
        ),
        effect=effect(sent, found, span.currency),
    )
