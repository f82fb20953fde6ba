"""Values that the tests of care-triggers' domain begin with, each with its telling fields only."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest

from care.facts import (
    OrderState,
    ParcelState,
    ReviewState,
    merge_order,
    merge_review,
    merge_shipment,
)
from care_triggers.domain.rule import Rule, TaskOrder
from care_triggers.domain.values import Due, Person, Timer
from contracts.events import (
    Channel,
    MessageClass,
    OrderFacts,
    OrderLine,
    ReviewFacts,
    ShipmentFacts,
    Shop,
    Text,
)

T0 = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai
LINE = OrderLine("tea", "Oolong tea", 1, 12_000)

Make: TypeAlias = Callable[..., Any]


@pytest.fixture
def t0() -> datetime:
    return T0


@pytest.fixture
def shop() -> Shop:
    return Shop("tea", 1, "Tea", "Asia/Shanghai", "CNY", "CN", "zh", "茶", same_day_cutoff="13:30")


@pytest.fixture
def order() -> Make:
    def make(**known: Any) -> OrderState:
        facts = {"total_minor": 12_000, "currency": "CNY", "lines": (LINE,), **known}
        return merge_order(
            None, OrderFacts("tea", "ann", facts.pop("order_id", "o-1001"), 1, **facts)
        )

    return make


@pytest.fixture
def parcel() -> Make:
    def make(**known: Any) -> ParcelState:
        name = known.pop("parcel_id", "p1")
        return merge_shipment(None, ShipmentFacts("tea", "ann", "o-1001", name, 1, **known))

    return make


@pytest.fixture
def review() -> Make:
    def make(**known: Any) -> ReviewState:
        return merge_review(None, ReviewFacts("tea", "ann", "r1", 1, **known))

    return make


@pytest.fixture
def rule() -> Make:
    def make(kind: str = "unpaid_first", **other: Any) -> Rule:
        unless = {
            "unpaid_first": ("paid", "closed", "rebought"),
            "shipped": ("signed", "returned", "refunded"),
            "bad_review": ("improved", "withdrawn"),
        }
        base: dict[str, Any] = {
            "rule_id": kind,
            "kind": kind,
            "on": True,
            "version": 1,
            "message_class": MessageClass.SERVICE,
            "priority": 80,
            "channels": (Channel.SMS,),
            "texts": (Text(Channel.SMS, "en", "hello"),),
            "wait": timedelta(minutes=30),
            "unless": unless.get(kind, ()),
            "once": "order",
            "task": TaskOrder("bad_review", timedelta(hours=24)) if kind == "bad_review" else None,
        }
        return Rule(**{**base, **other})

    return make


@pytest.fixture
def due(shop: Shop, rule: Make) -> Make:
    def make(kind: str = "unpaid_first", **known: Any) -> Due:
        timer = Timer(
            key="m1",
            shop_id="tea",
            customer_id="ann",
            rule_id=kind,
            rule_version=1,
            kind=kind,
            once_key="o-1001",
            due_at=known.pop("due_at", T0),
            expires_at=known.pop("expires_at", T0 + timedelta(hours=24)),
            order_id="o-1001",
            day=known.pop("day", None),
        )
        given = {"rule": rule(kind), "rule_on": True, "shop": shop, "person": Person("ann")}
        return Due(timer=timer, **{**given, **known})

    return make
