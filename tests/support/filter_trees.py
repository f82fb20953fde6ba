"""Random filters, of all fields and operators, nested as deep as they may."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from contracts.events import Cell
from support.audience_shop import CITIES, DOMAINS, PROVINCES, SKUS, TAGS

Filter = dict[str, Any]
BOUNDS: Final = ("eq", "gte", "gt", "lte", "lt")


def _bound(*values: Any) -> Callable[[Random], Filter]:
    return lambda random: {random.choice(BOUNDS): random.choice(values)}


def _range(low: int, high: int) -> Callable[[Random], Filter]:
    return lambda random: {
        random.choice(["gte", "gt"]): random.randint(low, high),
        random.choice(["lte", "lt"]): random.randint(low, high),
    }


def _text(*values: str) -> Callable[[Random], Filter]:
    return lambda random: random.choice(
        [
            {"eq": random.choice(values)},
            {"in": random.sample(values, 2)},
            {"contains": random.choice(values)[:2]},
            {"starts_with": random.choice(values)[:2]},
        ]
    )


def _words(*values: str) -> Callable[[Random], Filter]:
    return lambda random: {random.choice(["any", "all"]): random.sample(values, 2)}


def _day(random: Random) -> Filter:
    if random.random() < 0.5:
        return {random.choice(["min_days_ago", "max_days_ago"]): random.choice([0, 6, 7, 30, 90])}
    return _bound("2026-02-23", "2026-01-31", "2025-12-01", "2026-03-01")(random)


def _month_day(random: Random) -> Filter:
    days = ("12-28", "01-02", "02-29", "03-01", "02-28")
    if random.random() < 0.5:
        return {"between": [random.choice(days), random.choice(days)]}
    return {"eq": random.choice(days)}


def _yes(random: Random) -> Filter:
    return {"eq": random.random() < 0.5}


ASKED: Final[dict[str, Callable[[Random], Filter]]] = {
    "gender": lambda random: {"in": random.sample(["female", "male", "other"], 2)},
    "birthday": _month_day,
    "lunar_birthday": _month_day,
    "birth_month": _bound(1, 2, 3),
    "age": _range(17, 40),
    "country": _text("CN", "US"),
    "province": _text(*PROVINCES[1:]),
    "city": _text(*CITIES[1:]),
    "has_mobile": _yes,
    "mobile_prefix": _text("138", "139"),
    "has_email": _yes,
    "email_domain": _text(*DOMAINS[1:]),
    "customer_class": _text("retail", "wholesale", "staff"),
    "tags": _words(*TAGS),
    "address_tags": _words(*TAGS),
    "joined_day": _day,
    "last_login_day": _day,
    "cell": lambda random: {"in": [cell.value for cell in random.sample(list(Cell), 4)]},
    "recency_days": _range(0, 100),
    "recency_score": _bound(1, 2, 4, 5),
    "frequency_score": _bound(1, 3, 5),
    "monetary_score": _bound(1, 2, 3, 4, 5),
    "churn_risk": lambda random: {"in": random.sample(["low", "middle", "high"], 2)},
    "level": _text("basic", "silver", "gold"),
    "points": _bound(-5, 0, 20, 100),
    "first_payment": _day,
    "last_payment": _day,
    "orders": _bound(0, 1, 2, 3),
    "order_days": _bound(0, 1, 2),
    "net_money": _bound(0, 100, 101, 5000),
    "average_order_value": _bound(99, 100, 101, 2550),
    "bought": _yes,
    "bought_on": lambda _: {"any": ["2026-02-23", "2026-02-22", "2026-03-03"]},
    "items": _bound(0, 1, 3, 6),
    "items_per_order": _bound(1, 2, 4),
    "reviews": _bound(0, 1, 2),
    "bad_reviews": _bound(0, 1),
    "refunds": _bound(0, 1),
    "login_days": _bound(0, 1, 2),
    "sample": lambda random: {"percent": random.choice([10, 0.5, 33.33, 100]), "salt": "a"},
    "attribute size": _text("S", "M", "L"),
    "attribute note": _text("likes tea", "O'Hara; drop table shop", "高个子", "100%_"),
    "attribute height": _bound(170, 170.5, -3),
    "attribute fitted": _day,
    "attribute vip": _yes,
    "attribute likes": _words("red", "blue", "绿"),
}
SPANNED: Final = (
    "orders",
    "order_days",
    "net_money",
    "average_order_value",
    "bought",
    "items",
    "items_per_order",
    "reviews",
    "bad_reviews",
    "refunds",
    "login_days",
)
ALWAYS_KNOWN: Final = ("bought_on", "sample")


def leaf(random: Random, asked: str) -> Filter:
    """Return a random condition on what *asked* names."""
    field, _, own = asked.partition(" ")
    made: Filter = {"field": field, **({"name": own} if own else {})}
    if asked not in ALWAYS_KNOWN and random.random() < 0.15:
        return {**made, "is_missing": random.random() < 0.5}
    if field in SPANNED:
        made |= _span(random)
    if field == "items":
        made |= _picks(random)
    return {**made, **ASKED[asked](random)}


def tree(random: Random, depth: int = 5) -> Filter:
    """Return a random filter, nested to *depth* at most."""
    shape = random.random()
    if depth == 0 or shape < 0.35:
        return leaf(random, random.choice(list(ASKED)))
    if shape < 0.5:
        return {"not": tree(random, depth - 1)}
    parts = [tree(random, depth - 1) for _ in range(random.randint(1, 3))]
    return {random.choice(["and", "or"]): parts}


def _span(random: Random) -> Filter:
    window = {"window_days": random.choice([1, 7, 30, 90, 365, 730])}
    between = {"from_day": "2025-06-01", "to_day": "2026-02-23"}
    half = {random.choice(["from_day", "to_day"]): "2026-01-30"}
    return random.choice([window, between, half, {}])


def _picks(random: Random) -> Filter:
    made: Filter = {}
    if random.random() < 0.4:
        made["sku"] = random.sample(SKUS, 3)
    if random.random() < 0.4:
        made["category"] = ["shoes"]
    if random.random() < 0.2:
        made |= {"season": ["winter", "summer"], "style": ["plain"]}
    return made
