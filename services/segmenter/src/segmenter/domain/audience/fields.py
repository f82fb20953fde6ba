"""The catalogue: what a filter may ask of a customer. One entry, and a column, is a new field.

Documents and the API's list of fields are made of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from contracts.events import AttributeType, Cell, Gender
from segmenter.domain.churn import Risk


class Kind(StrEnum):
    """How a field's values are written, and so what can be asked of them."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    DECIMAL = "decimal"
    MONEY = "money"
    DAY = "day"
    MONTH_DAY = "month_day"
    BOOLEAN = "boolean"
    WORDS = "words"
    ON_DAYS = "on_days"
    SAMPLE = "sample"


_BOUNDS: Final = ("eq", "gte", "gt", "lte", "lt")

OPERATORS: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.TEXT: ("eq", "in", "contains", "starts_with", "is_missing"),
        Kind.CHOICE: ("eq", "in", "is_missing"),
        Kind.NUMBER: (*_BOUNDS, "is_missing"),
        Kind.DECIMAL: (*_BOUNDS, "is_missing"),
        Kind.MONEY: (*_BOUNDS, "is_missing"),
        Kind.DAY: (*_BOUNDS, "min_days_ago", "max_days_ago", "is_missing"),
        Kind.MONTH_DAY: ("eq", "between", "is_missing"),
        Kind.BOOLEAN: ("eq", "is_missing"),
        Kind.WORDS: ("any", "all", "is_missing"),
        Kind.ON_DAYS: ("any",),
        Kind.SAMPLE: ("percent",),
    }
)
SPAN: Final = ("window_days", "from_day", "to_day")
ATTRIBUTE: Final = "attribute"  # a field of the shop's own; `name` says which


@dataclass(frozen=True, slots=True)
class Field:
    """What can be asked.

    Args:
        name: In a filter.
        kind: Of its values.
        source: Where the values come from.
        en: How it reads.
        zh: The same.
        spans: Whether it can be asked of a span of days instead of the whole life.
        choices: All values that there are, if they are few.
        picks: What narrows it down, each a list of texts.
    """

    name: str
    kind: Kind
    source: str
    en: str
    zh: str
    spans: bool = False
    choices: tuple[str, ...] = ()
    picks: tuple[str, ...] = ()


_PROFILE: Final = "profile"
_ORDERS: Final = "orders"
_STANDING: Final = "standing"
_GOODS: Final = "order items"
_SCORES: Final = "scores of the day"
_MEMBERS: Final = "levels and points"

RISKS: Final = tuple(risk.value for risk in Risk if risk is not Risk.UNKNOWN)

FIELDS: Final[Mapping[str, Field]] = MappingProxyType(
    {
        field.name: field
        for field in (
            Field("gender", Kind.CHOICE, _PROFILE, "gender", "性别", choices=tuple(Gender)),
            Field("birthday", Kind.MONTH_DAY, _PROFILE, "solar birthday", "公历生日"),
            Field("lunar_birthday", Kind.MONTH_DAY, _PROFILE, "lunar birthday", "农历生日"),
            Field("birth_month", Kind.NUMBER, _PROFILE, "month of birth", "出生月份"),
            Field("age", Kind.NUMBER, _PROFILE, "age", "年龄"),
            Field("country", Kind.TEXT, _PROFILE, "country", "国家"),
            Field("province", Kind.TEXT, _PROFILE, "province", "省份"),
            Field("city", Kind.TEXT, _PROFILE, "city", "城市"),
            Field("has_mobile", Kind.BOOLEAN, _PROFILE, "has a mobile phone", "有手机号"),
            Field("mobile_prefix", Kind.TEXT, _PROFILE, "mobile prefix", "手机号段"),
            Field("has_email", Kind.BOOLEAN, _PROFILE, "has an e-mail address", "有邮箱"),
            Field("email_domain", Kind.TEXT, _PROFILE, "e-mail domain", "邮箱域名"),
            Field("customer_class", Kind.TEXT, _PROFILE, "class", "客户类别"),
            Field("tags", Kind.WORDS, _PROFILE, "tags", "标签"),
            Field("address_tags", Kind.WORDS, _PROFILE, "address keywords", "地址关键词"),
            Field("joined_day", Kind.DAY, _PROFILE, "day of joining", "入会日期"),
            Field("last_login_day", Kind.DAY, _PROFILE, "last login", "最近登录"),
            Field("cell", Kind.CHOICE, _STANDING, "cell", "生命周期", choices=tuple(Cell)),
            Field("recency_days", Kind.NUMBER, _STANDING, "days since the last payment", "R（天）"),
            Field("recency_score", Kind.NUMBER, _SCORES, "score of recency", "R 分"),
            Field("frequency_score", Kind.NUMBER, _SCORES, "score of frequency", "F 分"),
            Field("monetary_score", Kind.NUMBER, _SCORES, "score of money", "M 分"),
            Field("churn_risk", Kind.CHOICE, "churn", "churn risk", "流失风险", choices=RISKS),
            Field("level", Kind.TEXT, _MEMBERS, "member level", "会员等级"),
            Field("points", Kind.NUMBER, _MEMBERS, "points", "积分"),
            Field("first_payment", Kind.DAY, _STANDING, "first payment", "首次付款"),
            Field("last_payment", Kind.DAY, _STANDING, "last payment", "最近付款"),
            Field("orders", Kind.NUMBER, _ORDERS, "orders", "订单数", spans=True),
            Field("order_days", Kind.NUMBER, _ORDERS, "days with an order", "下单天数", spans=True),
            Field("net_money", Kind.MONEY, _ORDERS, "net money", "净消费", spans=True),
            Field(
                "average_order_value",
                Kind.MONEY,
                _ORDERS,
                "average order value",
                "客单价",
                spans=True,
            ),
            Field("bought", Kind.BOOLEAN, _ORDERS, "bought", "有购买", spans=True),
            Field("bought_on", Kind.ON_DAYS, _ORDERS, "bought on one of the days", "购买日期"),
            Field(
                "items",
                Kind.NUMBER,
                _GOODS,
                "items bought",
                "购买件数",
                spans=True,
                picks=("sku", "category", "season", "style"),
            ),
            Field(
                "items_per_order",
                Kind.NUMBER,
                _GOODS,
                "items per order",
                "客件数",
                spans=True,
            ),
            Field("reviews", Kind.NUMBER, "reviews", "reviews", "评价数", spans=True),
            Field("bad_reviews", Kind.NUMBER, "reviews", "bad reviews", "中差评数", spans=True),
            Field("refunds", Kind.NUMBER, "refunds", "refunds", "退款数", spans=True),
            Field("login_days", Kind.NUMBER, "logins", "days with a login", "登录天数", spans=True),
            Field("sample", Kind.SAMPLE, "customer", "sample by hash", "抽样"),
        )
    }
)

KINDS_OF_ATTRIBUTES: Final[Mapping[AttributeType, Kind]] = MappingProxyType(
    {
        AttributeType.TEXT: Kind.TEXT,
        AttributeType.NUMBER: Kind.DECIMAL,
        AttributeType.DATE: Kind.DAY,
        AttributeType.BOOLEAN: Kind.BOOLEAN,
        AttributeType.CHOICE: Kind.TEXT,
        AttributeType.CHOICES: Kind.WORDS,
    }
)


def attribute_field(name: str, of: AttributeType) -> Field:
    """Return the field that asks for a shop's own attribute."""
    return Field(ATTRIBUTE, KINDS_OF_ATTRIBUTES[of], "attributes", name, name)
