"""Filters judged as a batch: DuckDB finds each field's values, plain sets do the rest.

Written from the definition, with nothing of the product's code: a condition on a missing value is
false, `not` of it true.
"""

import hashlib
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

import duckdb

from support import batch_rfm as rfm
from support.audience_shop import OWN, TODAY, ZONE, AudienceShop
from support.batch_rfm import Bought

_TRAITS: Final = {
    "gender": "nullif(gender, '')",
    "birthday": "if(birth_is_lunar, null, birth_month * 100 + birth_day)",
    "lunar_birthday": "if(birth_is_lunar, birth_month * 100 + birth_day, null)",
    "birth_month": "birth_month",
    "country": "nullif(country, '')",
    "province": "nullif(province, '')",
    "city": "nullif(city, '')",
    "has_mobile": "coalesce(has_mobile, false)",
    "mobile_prefix": "nullif(mobile_prefix, '')",
    "has_email": "coalesce(email_domain, '') != ''",
    "email_domain": "nullif(email_domain, '')",
    "customer_class": "if(coalesce(customer_class, '') = '', 'retail', customer_class)",
    "joined_day": "joined_day",
    "last_login_day": "last_login_day",
}
_STATES: Final = {
    "cell": "cell",
    "recency_days": "date_diff('day', last_day, $today)",
    "first_payment": "first_day",
    "last_payment": "last_day",
}
_SPANNED: Final = {
    "orders": "select customer_id, count(*) from orders where {within} group by all",
    "order_days": "select customer_id, count(distinct day) from orders where {within} group by all",
    "net_money": "select customer_id, sum(net) from orders where {within} group by all",
    "items": "select customer_id, sum(quantity) from items where {within} group by all",
    "reviews": "select customer_id, count(score) from reviews where {within} group by all",
    "bad_reviews": (
        "select customer_id, count(*) from reviews where score < 4 and {within} group by all"
    ),
    "refunds": "select customer_id, count(*) from refunds where {within} group by all",
    "login_days": "select customer_id, count(distinct day) from logins where {within} group by all",
}
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
    "in": lambda value, given: value in given,
    "contains": lambda value, given: given in value,
    "starts_with": lambda value, given: value.startswith(given),
    "any": lambda value, given: bool(set(value) & set(given)),
    "all": lambda value, given: set(given) <= set(value),
    "min_days_ago": lambda value, given: (TODAY - value).days >= given,
    "max_days_ago": lambda value, given: (TODAY - value).days <= given,
}


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "number": Decimal,
    "date": date.fromisoformat,
    "boolean": {"true": True, "false": False}.get,
}


class Batch:
    def __init__(self, shop: AudienceShop) -> None:
        self._db = duckdb.connect()
        self.everybody = frozenset(row["customer_id"] for row in shop.states)
        self._traits = {row["customer_id"]: row for row in shop.traits}
        self._load("traits", [_dated(row) for row in shop.traits], _TRAIT_COLUMNS)
        self._load(
            "states", shop.states, "customer_id text, cell text, first_day date, last_day date"
        )
        orders = [{**row, "day": row["paid_day"], "net": row["net_minor"]} for row in shop.orders]
        self._load("orders", orders, "customer_id text, day date, net bigint")
        items = [
            {**row, "day": _day(row["paid_at"])}
            for row in shop.items
            if row["paid_at"] is not None and row["currency"] == "CNY"
        ]
        self._load("items", items, "customer_id text, sku text, day date, quantity bigint")
        columns = "sku text, category text, season text, style text"
        self._load("products", shop.products, columns)
        reviews = [{**row, "day": _day(row["reviewed_at"])} for row in shop.reviews]
        self._load("reviews", reviews, "customer_id text, day date, score int")
        refunds = [{**row, "day": _day(row["taken_at"])} for row in shop.refunds]
        self._load("refunds", refunds, "customer_id text, day date")
        logins = [{**row, "day": _day(row["at"])} for row in shop.logins]
        self._load("logins", logins, "customer_id text, day date")
        self._beside: dict[str, Mapping[str, Any]] = {
            "level": {
                one["customer_id"]: one["manual_level"] or one["level_id"] for one in shop.members
            },
            "points": dict.fromkeys(self.everybody, 0)
            | {one["customer_id"]: one["balance"] for one in shop.accounts},
            "churn_risk": {
                one["customer_id"]: one["risk"] for one in shop.risks if one["risk"] != "unknown"
            },
        }
        bought = [
            Bought(one["order_id"], one["customer_id"], one["paid_day"], one["net_minor"])
            for one in shop.orders
        ]
        scores = rfm.Batch(bought).scores(TODAY)
        for place, name in enumerate(("recency_score", "frequency_score", "monetary_score")):
            self._beside[name] = {who: one[place] for who, one in scores.items()}

    def chosen(self, given: Mapping[str, Any]) -> frozenset[str]:
        """Return whom the filter *given* means."""
        if "and" in given:
            return frozenset.intersection(*(self.chosen(part) for part in given["and"]))
        if "or" in given:
            return frozenset().union(*(self.chosen(part) for part in given["or"]))
        if "not" in given:
            return self.everybody - self.chosen(given["not"])
        return self._leaf(given)

    def _leaf(self, given: Mapping[str, Any]) -> frozenset[str]:
        if given["field"] == "sample":
            share, salt = Fraction(str(given["percent"])) * 100, given.get("salt", "")
            return frozenset(who for who in self.everybody if _slot(salt, who) < share)
        if given["field"] == "bought_on":
            query = (
                "select distinct customer_id from orders where day <= ? and list_contains(?, day)"
            )
            days = [date.fromisoformat(day) for day in given["any"]]
            return frozenset(who for (who,) in self._db.execute(query, [TODAY, days]).fetchall())
        beside = self._beside.get(given["field"])
        values = self._values(given) if beside is None else beside
        return frozenset(who for who in self.everybody if _fits(values.get(who), given))

    def _values(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        name = given["field"]
        if name == "attribute":
            return {who: _attribute(row, given["name"]) for who, row in self._traits.items()}
        if name == "tags":
            return {who: (row["attributes"] or {}).get("tags") for who, row in self._traits.items()}
        if name == "address_tags":
            return {who: row["address_tags"] for who, row in self._traits.items()}
        if name == "age":
            return {who: _age(row) for who, row in self._traits.items()}
        if name in _TRAITS or name in _STATES:
            table, column = ("traits", _TRAITS) if name in _TRAITS else ("states", _STATES)
            query = f"select states.customer_id, {column[name]} from states"  # noqa: S608
            if table == "traits":
                query += " left join traits using (customer_id)"
            bound = {"today": TODAY} if "$today" in query else {}
            return dict(self._db.execute(query, bound).fetchall())
        return self._spanned(given)

    def _spanned(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        name = given["field"]
        if name in ("average_order_value", "items_per_order"):
            much = self._sums("net_money" if name == "average_order_value" else "items", given)
            orders = self._sums("orders", given)
            return {who: Fraction(much[who], n) if n else None for who, n in orders.items()}
        if name == "bought":
            return {who: n > 0 for who, n in self._sums("orders", given).items()}
        return self._sums(name, given)

    def _sums(self, name: str, given: Mapping[str, Any]) -> dict[str, int]:
        first = date.fromisoformat(given.get("from_day", "0001-01-01"))
        last = min(date.fromisoformat(given.get("to_day", "2999-01-01")), TODAY)
        if "window_days" in given:
            first = TODAY - timedelta(days=given["window_days"] - 1)
        within, bound = "day between $first and $last", {"first": first, "last": last}
        for pick in ("sku", "category", "season", "style"):
            if pick in given:
                among = "" if pick == "sku" else "sku in (select sku from products where "
                within += f" and {among}list_contains(${pick}, {pick}){')' if among else ''}"
                bound[pick] = given[pick]
        found = dict(self._db.execute(_SPANNED[name].format(within=within), bound).fetchall())
        return {who: int(found.get(who, 0)) for who in self.everybody}

    def _load(self, table: str, rows: Sequence[Mapping[str, Any]], columns: str) -> None:
        self._db.execute(f"create table {table} ({columns})")
        names = [column.split()[0] for column in columns.split(", ")]
        if rows:
            put = ", ".join("unnest(?)" for _ in names)
            by_column = [[row[name] for row in rows] for name in names]
            self._db.execute(f"insert into {table} select {put}", by_column)


_TRAIT_COLUMNS: Final = (
    "customer_id text, gender text, birth_month int, birth_day int, birth_is_lunar boolean,"
    " country text, province text, city text, has_mobile boolean, mobile_prefix text,"
    " email_domain text, customer_class text, joined_day date, last_login_day date"
)


def _dated(row: Mapping[str, Any]) -> dict[str, Any]:
    days = {"joined_day": _day(row["joined_at"]), "last_login_day": _day(row["last_login_at"])}
    return {**row, **days}


def _day(instant: Any) -> date | None:
    return None if instant is None else instant.astimezone(ZoneInfo(ZONE)).date()


def _slot(salt: str, customer_id: str) -> int:
    digest = hashlib.md5(f"{salt}\x1f{customer_id}".encode(), usedforsecurity=False)
    return int(digest.hexdigest()[:8], 16) % 10_000


def _age(row: Mapping[str, Any]) -> int | None:
    if row["birth_year"] is None:
        return None
    age: int = TODAY.year - row["birth_year"]
    born = (row["birth_month"] or 1, row["birth_day"] or 1)
    if not row["birth_is_lunar"] and (TODAY.month, TODAY.day) < born:
        age -= 1
    return age if 0 <= age <= 120 else None


def _attribute(row: Mapping[str, Any], name: str) -> Any:
    printed = (row["attributes"] or {}).get(name)
    if printed is None:
        return None
    try:
        return _READ.get(OWN[name], lambda text: text)(printed)
    except (ValueError, InvalidOperation):
        return None


def _fits(value: Any, given: Mapping[str, Any]) -> bool:
    known = value is not None and value != []
    for name, asked in given.items():
        if name == "is_missing":
            if asked == known:
                return False
        elif name == "between":
            first, last = (int(one.replace("-", "")) for one in asked)
            inside = known and (
                first <= value <= last if first <= last else value >= first or value <= last
            )
            if not inside:
                return False
        elif name in _COMPARE and not (known and _COMPARE[name](value, _typed(value, asked))):
            return False
    return True


def _typed(value: Any, asked: Any) -> Any:
    if isinstance(value, date) and isinstance(asked, str):
        return date.fromisoformat(asked)
    if isinstance(value, Decimal):
        return Decimal(str(asked))
    if isinstance(value, int) and isinstance(asked, str):
        return int(asked.replace("-", ""))
    return asked
