"""One order, as all its facts together tell it, in whatever order and number they came."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple

from care.facts.registers import (
    Instants,
    Json,
    Registers,
    from_us,
    keep_earliest,
    keep_latest,
    registers_from_json,
    registers_to_json,
    to_us,
    value_of,
    write_moments,
    write_registers,
)
from contracts.events import OrderFacts, OrderLine, OrderMoney, RefundFacts, Region

EARLIEST: Final = ("placed_at", "deposit_paid_at", "paid_at", "signed_at", "confirmed_at")
# A payment hint holds for some time from the last one, so the latest counts.
LATEST: Final = ("cancelled_at", "restored_at", "paid_hint_at")
# customer_id is a register too: two sources may name two customers for one order.
PLAIN: Final = (
    "customer_id",
    "currency",
    "total_minor",
    "discount_minor",
    "freight_minor",
    "pay_on_delivery",
    "is_test",
    "is_presale",
)
MOMENTS: Final = ("closes_at", "balance_opens_at", "balance_closes_at", "ship_by")
REFUND_MOMENTS: Final = (
    "opened_at",
    "agreed_at",
    "goods_due_at",
    "refused_at",
    "withdrawn_at",
    "completed_at",
)


class Fields:
    """The fields of an order that a service keeps; what it does not keep, it does not merge."""

    __slots__ = (
        "earliest",
        "earliest_of",
        "instants",
        "instants_of",
        "latest",
        "latest_of",
        "moments",
        "moments_of",
        "plain",
        "plain_of",
        "wide",
    )

    def __init__(
        self,
        earliest: tuple[str, ...],
        latest: tuple[str, ...],
        plain: tuple[str, ...],
        moments: tuple[str, ...] = (),
        *,
        wide: bool = False,
    ) -> None:
        """Name them by how they merge; *wide*: the lines and the region too."""
        self.earliest, self.earliest_of = earliest, _values_of(earliest)
        self.latest, self.latest_of = latest, _values_of(latest)
        self.instants = (*earliest, *latest)
        self.instants_of = _values_of(self.instants)
        self.plain, self.plain_of = plain, _values_of(plain)
        self.moments, self.moments_of = moments, _values_of(moments)
        self.wide = wide


def _values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda facts: tuple(getattr(facts, name) for name in names)


EVERYTHING: Final = Fields(EARLIEST, LATEST, PLAIN, MOMENTS, wide=True)
# What decides whose money an order is, how much, and since when: `contracts.events.OrderMoney`.
MONEY: Final = Fields(
    ("paid_at",),
    ("cancelled_at", "restored_at"),
    ("customer_id", "currency", "total_minor", "is_test"),
)

_refund_moments_of = attrgetter(*REFUND_MOMENTS)


@dataclass(frozen=True, slots=True)
class RefundState:
    """One claim of an order; each of its fields is a register."""

    refund_id: str
    registers: Registers

    @property
    def amount_minor(self) -> int | None:
        return _int(value_of(self.registers, "amount_minor"))

    @property
    def opened_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "opened_at"))

    @property
    def agreed_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "agreed_at"))

    @property
    def goods_due_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "goods_due_at"))

    @property
    def refused_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "refused_at"))

    @property
    def withdrawn_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "withdrawn_at"))

    @property
    def completed_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "completed_at"))

    @property
    def takes_money(self) -> bool:
        """Agreed or completed, and not refused or withdrawn later than that."""
        held = self.registers
        yes = max(_us(held, "agreed_at"), _us(held, "completed_at"))
        no = max(_us(held, "refused_at"), _us(held, "withdrawn_at"))
        return yes != _NEVER and yes >= no


class OrderState(NamedTuple):
    """The merged order. Treat the dictionaries as frozen; `merge_order` copies them."""

    shop_id: str
    order_id: str
    instants: Instants
    registers: Registers
    refunds_by_id: dict[str, Registers]

    @property
    def customer_id(self) -> str:
        return str(self.registers["customer_id"][1])

    @property
    def placed_at(self) -> datetime | None:
        return from_us(self.instants.get("placed_at"))

    @property
    def deposit_paid_at(self) -> datetime | None:
        return from_us(self.instants.get("deposit_paid_at"))

    @property
    def paid_at(self) -> datetime | None:
        """When it was paid in full; for a presale, when the balance was."""
        return from_us(self.instants.get("paid_at"))

    @property
    def signed_at(self) -> datetime | None:
        return from_us(self.instants.get("signed_at"))

    @property
    def confirmed_at(self) -> datetime | None:
        return from_us(self.instants.get("confirmed_at"))

    @property
    def cancelled_at(self) -> datetime | None:
        return from_us(self.instants.get("cancelled_at"))

    @property
    def restored_at(self) -> datetime | None:
        return from_us(self.instants.get("restored_at"))

    @property
    def paid_hint_at(self) -> datetime | None:
        return from_us(self.instants.get("paid_hint_at"))

    @property
    def cancelled(self) -> bool:
        """Cancelled later than it was last restored."""
        cancelled_us = self.instants.get("cancelled_at")
        restored_us = self.instants.get("restored_at")
        return cancelled_us is not None and (restored_us is None or cancelled_us > restored_us)

    @property
    def currency(self) -> str | None:
        held = value_of(self.registers, "currency")
        return None if held is None else str(held)

    @property
    def total_minor(self) -> int | None:
        return _int(value_of(self.registers, "total_minor"))

    @property
    def discount_minor(self) -> int | None:
        return _int(value_of(self.registers, "discount_minor"))

    @property
    def freight_minor(self) -> int | None:
        return _int(value_of(self.registers, "freight_minor"))

    @property
    def pay_on_delivery(self) -> bool:
        return value_of(self.registers, "pay_on_delivery") is True

    @property
    def is_test(self) -> bool:
        return value_of(self.registers, "is_test") is True

    @property
    def is_presale(self) -> bool:
        return value_of(self.registers, "is_presale") is True

    @property
    def closes_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "closes_at"))

    @property
    def balance_opens_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "balance_opens_at"))

    @property
    def balance_closes_at(self) -> datetime | None:
        return from_us(value_of(self.registers, "balance_closes_at"))

    @property
    def ship_by(self) -> datetime | None:
        return from_us(value_of(self.registers, "ship_by"))

    @property
    def lines(self) -> tuple[OrderLine, ...]:
        return tuple(OrderLine(*line) for line in value_of(self.registers, "lines") or ())

    @property
    def region(self) -> Region | None:
        held = value_of(self.registers, "region")
        return None if held is None else Region(*held)

    @property
    def refunds(self) -> tuple[RefundState, ...]:
        """The order's claims, sorted by id."""
        return tuple(RefundState(one, held) for one, held in sorted(self.refunds_by_id.items()))

    @property
    def refunded_minor(self) -> int:
        """The sum of the claims agreed or completed; one of unknown amount takes nothing yet."""
        if not self.refunds_by_id:
            return 0
        return sum(
            refund.amount_minor or 0
            for refund in (RefundState("", held) for held in self.refunds_by_id.values())
            if refund.takes_money
        )

    @property
    def net_minor(self) -> int:
        """The total less the refunds, freight included; below zero if more went back."""
        return (self.total_minor or 0) - self.refunded_minor

    @property
    def is_fully_refunded(self) -> bool:
        return bool(self.refunds_by_id) and self.refunded_minor > 0 >= self.net_minor

    def is_counted(self, shop_currency: str) -> bool:
        """Paid in full, not cancelled, not a test, in the shop's currency, and net above zero."""
        return self.counts_for(shop_currency) is not None

    def counts_for(self, shop_currency: str) -> tuple[int, int] | None:
        """Return when, in microseconds, and how much it counts for; None if it does not count."""
        instants, registers = self.instants, self.registers
        paid_us, currency = instants.get("paid_at"), registers.get("currency")
        if paid_us is None or currency is None or currency[1] != shop_currency:
            return None
        test, total = registers.get("is_test"), registers.get("total_minor")
        if ("cancelled_at" in instants and self.cancelled) or (
            test is not None and test[1] is True
        ):
            return None
        net_minor = (0 if total is None else int(total[1])) - self.refunded_minor
        return (paid_us, net_minor) if net_minor > 0 else None


def empty_order(shop_id: str, order_id: str) -> OrderState:
    """Return the state of which nothing is known; it has no customer yet."""
    return OrderState(shop_id, order_id, {}, {}, {})


def merge_order(
    state: OrderState | None, facts: OrderFacts | OrderMoney, fields: Fields = EVERYTHING
) -> OrderState:
    """Return *state* with *facts* merged in.

    As a fold it is commutative, associative and idempotent. When *facts* bring nothing new the
    very *state* comes back, so `merged is state` tells that there is nothing to store.

    Args:
        state: What is known; None for nothing.
        facts: What is told now.
        fields: Which of them are kept.
    """
    if state is None:
        return _first(facts, fields)
    version_us = facts.version_us
    instants, registers = dict(state.instants), dict(state.registers)
    changed = keep_earliest(instants, fields.earliest, fields.earliest_of(facts))
    changed |= keep_latest(instants, fields.latest, fields.latest_of(facts))
    changed |= write_registers(registers, version_us, fields.plain, fields.plain_of(facts))
    changed |= write_moments(registers, version_us, fields.moments, fields.moments_of(facts))
    if fields.wide and isinstance(facts, OrderFacts):
        changed |= write_registers(
            registers, version_us, ("lines", "region"), (_lines(facts), _region(facts))
        )
    refunds = state.refunds_by_id
    if facts.refunds:
        refunds = dict(refunds)
        for refund in facts.refunds:
            changed |= _merge_refund(refunds, refund)
    if not changed:
        return state
    return OrderState(state.shop_id, state.order_id, instants, registers, refunds)


def _first(facts: OrderFacts | OrderMoney, fields: Fields) -> OrderState:
    """Return the state of one fact alone: nothing to compare it with."""
    version_us = facts.version_us
    instants: Instants = {}
    for name, at in zip(fields.instants, fields.instants_of(facts), strict=True):
        if at is not None:
            instants[name] = to_us(at)
    registers: Registers = {
        name: (version_us, value)
        for name, value in zip(fields.plain, fields.plain_of(facts), strict=True)
        if value is not None
    }
    if fields.moments:
        write_moments(registers, version_us, fields.moments, fields.moments_of(facts))
    if fields.wide and isinstance(facts, OrderFacts):
        write_registers(registers, version_us, ("lines", "region"), (_lines(facts), _region(facts)))
    refunds: dict[str, Registers] = {}
    for refund in facts.refunds:
        _merge_refund(refunds, refund)
    return OrderState(facts.shop_id, facts.order_id, instants, registers, refunds)


def order_to_json(state: OrderState) -> Json:
    return {
        "shop": state.shop_id,
        "order": state.order_id,
        "at": state.instants,
        "is": registers_to_json(state.registers),
        "refunds": {one: registers_to_json(held) for one, held in state.refunds_by_id.items()},
    }


def order_from_json(stored: Json) -> OrderState:
    return OrderState(
        stored["shop"],
        stored["order"],
        stored["at"],
        registers_from_json(stored["is"]),
        {one: registers_from_json(held) for one, held in stored["refunds"].items()},
    )


def _merge_refund(into: dict[str, Registers], facts: RefundFacts) -> bool:
    known = into.get(facts.refund_id)
    held: Registers = {} if known is None else dict(known)
    changed = write_registers(held, facts.version_us, ("amount_minor",), (facts.amount_minor,))
    changed |= write_moments(held, facts.version_us, REFUND_MOMENTS, _refund_moments_of(facts))
    # A claim of which only the id is known is a claim: the set is part of the state.
    if known is None or changed:
        into[facts.refund_id] = held
        return True
    return False


def _lines(facts: OrderFacts) -> list[list[str | int]] | None:
    if facts.lines is None:
        return None
    return [[line.sku, line.name, line.quantity, line.price_minor] for line in facts.lines]


def _region(facts: OrderFacts) -> list[str] | None:
    region = facts.region
    return None if region is None else [region.country, region.province, region.city]


_NEVER: Final = -(1 << 62)


def _us(registers: Registers, name: str) -> int:
    held = registers.get(name)
    return _NEVER if held is None else int(held[1])


def _int(value: object) -> int | None:
    return value if isinstance(value, int) else None
