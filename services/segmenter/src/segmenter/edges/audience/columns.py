"""Where a field's value is found: SQL of ours, with names for what is bound.

Tables are called `s` (customer_state), `t` (customer_traits), `w` (orders added up, one column for
each span) and `d0`, `d1` ... (what else is counted). A value that is not known is null.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from segmenter.domain.audience.fields import Kind

_BORN: Final = "t.birth_month * 100 + t.birth_day"
_AGE: Final = """:year - t.birth_year - case when not t.birth_is_lunar
    and coalesce(t.birth_month, 1) * 100 + coalesce(t.birth_day, 1) > :month_day
    then 1 else 0 end"""

TRAITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "gender": "nullif(t.gender, '')",
        "birthday": f"case when not t.birth_is_lunar then {_BORN} end",
        "lunar_birthday": f"case when t.birth_is_lunar then {_BORN} end",
        "birth_month": "t.birth_month",
        "age": f"case when {_AGE} between 0 and 120 then {_AGE} end",
        "country": "nullif(t.country, '')",
        "province": "nullif(t.province, '')",
        "city": "nullif(t.city, '')",
        "has_mobile": "coalesce(t.has_mobile, false)",
        "mobile_prefix": "nullif(t.mobile_prefix, '')",
        "has_email": "coalesce(t.email_domain, '') <> ''",
        "email_domain": "nullif(t.email_domain, '')",
        "customer_class": "coalesce(nullif(t.customer_class, ''), 'retail')",
        "tags": "nullif(t.attributes -> 'tags', '[]')",
        "address_tags": "nullif(t.address_tags, '{}')",
        "joined_day": "cast(t.joined_at at time zone :zone as date)",
        "last_login_day": "cast(t.last_login_at at time zone :zone as date)",
    }
)
STANDING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cell": "s.cell",
        "recency_days": ":today - s.last_day",
        "first_payment": "s.first_day",
        "last_payment": "s.last_day",
    }
)
# Over the whole life the standing has them added up.
LIFE: Final[Mapping[str, str]] = MappingProxyType(
    {"orders": "s.frequency", "money": "s.monetary_minor"}
)
SUMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "orders": "count(*)",
        "money": "sum(net_minor)",
        "days": "count(distinct paid_day)",
        "last": "max(paid_day)",
    }
)
# What has a row of its own for a customer: in which table, called how, and what it says.
BESIDE: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "churn_risk": ("customer_churn r", "nullif(r.risk, 'unknown')"),
        "level": ("member m", "coalesce(m.manual_level, m.level_id)"),
        "points": ("points_account p", "coalesce(p.balance, 0)"),
    }
)
# Scores: which sum of the 365 days, how it compares with the shop's figures, and which these are.
SCORES: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "recency_score": ("last", ":today - {sum} <= {cut}", "recency_days"),
        "frequency_score": ("orders", "{sum} >= {cut}", "frequency"),
        "monetary_score": ("money", "{sum} >= {cut}", "monetary_minor"),
    }
)
CUT: Final = "(select {figures}[{place}] from shop_score where shop_id = :shop_id and buyers > 0)"
MEASURES: Final[Mapping[str, str]] = MappingProxyType(
    {"orders": "orders", "order_days": "days", "net_money": "money", "bought": "orders"}
)
RATIOS: Final[Mapping[str, str]] = MappingProxyType(
    {"average_order_value": "money", "items_per_order": "items"}
)
# What is counted in a table of its own: from where, what, by which instant, and what counts.
DETAILS: Final[Mapping[str, tuple[str, str, str, str]]] = MappingProxyType(
    {
        "items": ("order_item", "sum(quantity)", "paid_at", "currency = :currency"),
        "reviews": ("review", "count(*)", "reviewed_at", "score is not null"),
        "bad_reviews": ("review", "count(*)", "reviewed_at", "score <= 3"),
        "refunds": ("order_refund", "count(*)", "taken_at", "true"),
        "login_days": (
            "login",
            "count(distinct cast(at at time zone :zone as date))",
            "at",
            "true",
        ),
    }
)
# The shop's own attribute of the name that is bound: what does not look like its type is unknown.
PRINTED: Final = "(t.attributes ->> {name})"
# Without counts and captures, which make a pattern take ten times as long; none is longer than 62.
_NUMBER: Final = "{printed} ~ '^-?[0-9]+([.][0-9]+)?$' and length({printed}) <= 62"
_DAY: Final = "'^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}$'"
OF_ATTRIBUTES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.TEXT: "{printed}",
        Kind.DECIMAL: f"case when {_NUMBER} then cast({{printed}} as numeric) end",
        Kind.DAY: f'substring({{printed}} from {_DAY}) collate "C"',
        Kind.BOOLEAN: "case {printed} when 'true' then true when 'false' then false end",
        Kind.WORDS: "nullif(t.attributes -> {name}, '[]')",
    }
)
# Who counts: of a person with several ids the one that counts for all.
PERSON: Final = "(s.survivor_id is null or s.survivor_id = s.customer_id)"
SLOT: Final = """mod(cast(cast('x' || substr(md5({salt} || chr(31) || s.customer_id), 1, 8)
    as bit(32)) as bigint), 10000)"""
