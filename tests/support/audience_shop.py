"""A made-up shop for audiences: people with and without everything, and rows for both engines."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from contracts.events import Cell

TODAY: Final = date(2026, 3, 1)
ZONE: Final = "Asia/Shanghai"
OWN: Final = {
    "size": "choice",
    "note": "text",
    "height": "number",
    "fitted": "date",
    "vip": "boolean",
    "likes": "choices",
}
PROVINCES: Final = ("", "浙江", "广东", "Zhejiang")
CITIES: Final = ("", "杭州", "广州", "Hangzhou")
DOMAINS: Final = ("", "qq.com", "163.com", "example.com")
TAGS: Final = ("vip", "school", "学校", "o'hara")
SKUS: Final = tuple(f"sku{n}" for n in range(12))

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AudienceShop:
    traits: list[Row] = field(default_factory=list)
    states: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)
    items: list[Row] = field(default_factory=list)
    products: list[Row] = field(default_factory=list)
    reviews: list[Row] = field(default_factory=list)
    refunds: list[Row] = field(default_factory=list)
    logins: list[Row] = field(default_factory=list)
    members: list[Row] = field(default_factory=list)
    accounts: list[Row] = field(default_factory=list)
    risks: list[Row] = field(default_factory=list)

    def tables(self) -> Mapping[str, Sequence[Row]]:
        return {
            "customer_traits": self.traits,
            "customer_state": self.states,
            "customer_order": self.orders,
            "order_item": self.items,
            "product": self.products,
            "review": self.reviews,
            "order_refund": self.refunds,
            "login": self.logins,
            "member": self.members,
            "points_account": self.accounts,
            "customer_churn": self.risks,
        }


def audience_shop(random: Random, customers: int, shop_id: str = "tea") -> AudienceShop:
    shop = AudienceShop()
    shop.products.extend(_product(random, shop_id, sku) for sku in SKUS[:-2])
    for number in range(customers):
        who = {"shop_id": shop_id, "customer_id": f"c{number:05}"}
        _buy(random, shop, who)
        if random.random() < 0.8:
            shop.traits.append(_traits(random, who))
        if random.random() < 0.3:
            _act(random, shop, who)
        if random.random() < 0.5:
            _belong(random, shop, who)
    return shop


def _buy(random: Random, shop: AudienceShop, who: Row) -> None:
    days: list[date] = []
    money = 0
    for number in range(random.choice([0, 0, 1, 1, 1, 2, 3, 8])):
        day = TODAY - timedelta(days=random.choice([-2, 0, 1, 6, 7, 29, 30, 89, 90]))
        if random.random() < 0.6:
            day = TODAY - timedelta(days=random.randint(0, 900))
        if days and random.random() < 0.2:
            day = days[-1]
        order_id, net = f"{who['customer_id']}-{number}", random.choice([1, 99, 100, 101, 5000])
        shop.orders.append(
            {**who, "order_id": order_id, "paid_day": day, "net_minor": net, "state": {}}
        )
        for sku in random.sample(SKUS, random.randint(1, 3)):
            shop.items.append(
                {
                    **who,
                    "order_id": order_id,
                    "sku": sku,
                    "currency": "USD" if random.random() < 0.05 else "CNY",
                    "paid_at": None if random.random() < 0.05 else _instant(random, day),
                    "quantity": random.randint(1, 4),
                    "price_minor": 100,
                }
            )
        if day <= TODAY:
            days.append(day)
            money += net
    shop.states.append(
        {
            **who,
            "frequency": len(days),
            "monetary_minor": money,
            "first_day": min(days, default=None),
            "last_day": max(days, default=None),
            "cell": random.choice(list(Cell)).value if days else "never_bought",
            "revision": 1,
        }
    )


def _act(random: Random, shop: AudienceShop, who: Row) -> None:
    for number in range(random.randint(0, 3)):
        at = _instant(random, TODAY - timedelta(days=random.randint(0, 100)))
        key = f"{who['customer_id']}-r{number}"
        review = {"review_id": key, "order_id": "", "sku": "", "state": {}, "reviewed_at": at}
        shop.reviews.append({**who, **review, "score": random.choice([None, 1, 3, 4, 5])})
        refund = {"order_id": key, "refund_id": key, "amount_minor": 1, "opened_at": at}
        shop.refunds.append({**who, **refund, "taken_at": random.choice([None, at])})
        login = {**who, "at": at.replace(minute=0, second=0)}
        if login not in shop.logins[-4:]:
            shop.logins.append(login)


def _belong(random: Random, shop: AudienceShop, who: Row) -> None:
    level = {"level_id": random.choice(["basic", "silver", "gold"]), "since": TODAY}
    by_hand = {"manual_level": random.choice([None, None, "gold"]), "revision": 1}
    shop.members.append({**who, **level, **by_hand, "joined_on": TODAY})
    if random.random() < 0.7:
        balance = random.choice([-5, 0, 20, 21, 100])
        shop.accounts.append({**who, "balance": balance, "taken": 0, "entries": 1})
    risk = random.choice(["unknown", "low", "middle", "high", "very_high"])
    shop.risks.append({**who, "risk": risk, "revision": 1, "as_of": TODAY})


def _traits(random: Random, who: Row) -> Row:
    born = random.random() < 0.6
    noted: Row = {
        "size": random.choice(["S", "M", "L"]),
        "note": random.choice(["likes tea", "O'Hara; drop table shop", "高个子", "100%_"]),
        "height": random.choice(["170", "170.5", "-3", "tall"]),
        "fitted": random.choice(["2026-01-31", "2025-12-01", "some day"]),
        "vip": random.choice(["true", "false"]),
        "likes": random.sample(["red", "blue", "绿"], random.randint(0, 3)),
        "tags": random.sample(TAGS, random.randint(0, 2)),
    }
    joined = _instant(random, TODAY - timedelta(days=random.randint(0, 400)))
    return {
        **who,
        "revision": 1,
        "erased": False,
        "gender": random.choice(["", "female", "male", "other"]),
        "birth_year": random.choice([None, 1990, 2001, 2008, 1880]) if born else None,
        "birth_month": random.choice([1, 2, 3, 12]) if born else None,
        "birth_day": random.choice([1, 2, 28, 29]) if born else None,
        "birth_is_lunar": born and random.random() < 0.3,
        "country": random.choice(["", "CN"]),
        "province": random.choice(PROVINCES),
        "city": random.choice(CITIES),
        "has_mobile": random.random() < 0.5,
        "mobile_prefix": random.choice([None, "", "138", "139"]),
        "email_domain": random.choice(DOMAINS),
        "customer_class": random.choice(["", "retail", "wholesale", "staff"]),
        "address_tags": random.sample(TAGS, random.randint(0, 2)),
        "joined_at": random.choice([None, joined]),
        "last_login_at": random.choice([None, joined]),
        "attributes": random.choice(
            [None, {key: value for key, value in noted.items() if random.random() < 0.7}]
        ),
    }


def _product(random: Random, shop_id: str, sku: str) -> Row:
    return {
        "shop_id": shop_id,
        "sku": sku,
        "revision": 1,
        "title": sku,
        "category": random.choice(["", "shoes", "coats"]),
        "season": random.choice(["", "winter", "summer"]),
        "style": random.choice(["", "plain"]),
        "pairs_with": [],
        "currency": "CNY",
    }


def _instant(random: Random, day: date) -> datetime:
    """Return an instant of *day* in the shop's zone, often its first or its last."""
    midnight = datetime.combine(day, time(), ZoneInfo(ZONE))
    return (midnight + timedelta(seconds=random.choice([0, 86_399, 40_000]))).astimezone(UTC)
