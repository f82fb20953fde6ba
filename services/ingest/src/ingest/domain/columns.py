"""Which column of a file holds what: by the usual names, or as the shop's staff says."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["orders", "customers"]
Reads: TypeAlias = Literal["text", "personal", "phone", "money", "time", "day", "count", "word"]

MOST_TOLD: Final = 20  # names of columns in one message
_UNIT: Final = re.compile(r"\([^()]*\)$")  # 实付金额(元)
_FILLING: Final = re.compile(r"[\s_-]+")

_SEX: Final = {
    **dict.fromkeys(("男", "m", "male"), "male"),
    **dict.fromkeys(("女", "f", "female"), "female"),
    **dict.fromkeys(("其他", "other"), "other"),
}
_CLASSES: Final = {
    **dict.fromkeys(("零售", "retail"), "retail"),
    **dict.fromkeys(("批发", "wholesale"), "wholesale"),
    **dict.fromkeys(("员工", "staff"), "staff"),
}
_ANSWERS: Final = {
    **dict.fromkeys(("是", "yes", "y", "true", "1", "同意"), True),
    **dict.fromkeys(("否", "no", "n", "false", "0", "拒绝"), False),
}


@dataclass(frozen=True, slots=True)
class Field:
    """What a column can hold.

    Args:
        path: Its place in the event of the native API; a dot parts an object's name from its own.
        reads: How its cells are read.
        names: What headers call it, beside its own name.
        words: Of reads "word": the cells' words to ours.
        needed: Whether a file must have it.
    """

    path: str
    reads: Reads
    names: tuple[str, ...]
    words: Mapping[str, str | bool] | None = None
    needed: bool = False


Fields: TypeAlias = Mapping[str, Field]

_PERSON: Final[Fields] = {
    "name": Field("name", "personal", ("姓名", "收货人", "收货人姓名", "buyer name", "full name")),
    "phone": Field(
        "phone", "phone", ("手机", "手机号", "手机号码", "联系手机", "联系电话", "电话", "mobile")
    ),
    "email": Field("email", "personal", ("邮箱", "电子邮箱", "email address", "e-mail")),
    "address": Field("address", "personal", ("地址", "收货地址", "详细地址")),
    "province": Field("region.province", "text", ("省", "省份", "收货省份", "state")),
    "city": Field("region.city", "text", ("市", "城市", "收货城市")),
    "updated_at": Field("version", "time", ("更新时间", "修改时间", "订单更新时间", "modified")),
}
FIELDS: Final[Mapping[Kind, Fields]] = {
    "orders": {
        "order_id": Field(
            "order_id", "text", ("订单号", "订单编号", "order", "order number"), needed=True
        ),
        "customer_id": Field(
            "customer_id",
            "text",
            ("买家", "买家id", "买家会员名", "买家昵称", "客户编号", "会员号", "customer", "buyer"),
            needed=True,
        ),
        "placed_at": Field(
            "placed_at", "time", ("下单时间", "订单创建时间", "创建时间", "ordered at", "date")
        ),
        "paid_at": Field("paid_at", "time", ("付款时间", "订单付款时间", "支付时间")),
        "signed_at": Field("signed_at", "time", ("签收时间", "delivered at")),
        "confirmed_at": Field(
            "confirmed_at", "time", ("确认收货时间", "交易成功时间", "completed at")
        ),
        "cancelled_at": Field(
            "cancelled_at", "time", ("取消时间", "关闭时间", "交易关闭时间", "canceled at")
        ),
        "total": Field(
            "total", "money", ("实付金额", "实付", "买家实际支付金额", "应付金额", "amount", "paid")
        ),
        "discount": Field("discount", "money", ("优惠", "优惠金额")),
        "freight": Field("freight", "money", ("运费", "买家应付邮费", "shipping")),
        "currency": Field("currency", "text", ("币种", "货币")),
        "sku": Field(
            "items.sku", "text", ("商品编码", "商家编码", "货号", "规格编码", "item", "product id")
        ),
        "item_name": Field(
            "items.name", "text", ("商品", "商品名称", "商品标题", "宝贝标题", "product")
        ),
        "quantity": Field(
            "items.quantity", "count", ("数量", "购买数量", "宝贝总数量", "pieces", "qty")
        ),
        "price": Field("items.price", "money", ("单价", "价格", "商品单价", "unit price")),
        "refund_id": Field("refunds.refund_id", "text", ("退款编号", "退款单号")),
        "refund_amount": Field("refunds.amount", "money", ("退款金额", "refunded")),
        "refunded_at": Field("refunds.at", "time", ("退款时间", "退款完成时间")),
        **_PERSON,
    },
    "customers": {
        "customer_id": Field(
            "customer_id",
            "text",
            ("客户编号", "会员号", "买家", "买家id", "买家会员名", "买家昵称", "customer", "id"),
            needed=True,
        ),
        **_PERSON,
        "birthday": Field("birthday", "day", ("生日", "出生日期", "date of birth")),
        "gender": Field("gender", "word", ("性别", "sex"), _SEX),
        "customer_class": Field("customer_class", "word", ("客户类型", "class"), _CLASSES),
        "joined_at": Field("joined_at", "time", ("注册时间", "入会时间", "created at")),
        "last_login_at": Field("last_login_at", "time", ("最近登录时间", "last seen at")),
        "sms_consent": Field("consent.sms", "word", ("短信授权", "sms opt in"), _ANSWERS),
        "email_consent": Field("consent.email", "word", ("邮件授权", "email opt in"), _ANSWERS),
    },
}


class BadColumns(ValueError):
    """What is wrong with a file's columns, or with what was said of them, for who sent it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, counted from 0, and what its header is."""

    kind: Kind
    places: Mapping[str, int]
    header: tuple[str, ...]

    @property
    def of_a_record(self) -> str:
        """The field that names a record."""
        return "order_id" if self.kind == "orders" else "customer_id"

    def cell(self, cells: Sequence[str], field: str) -> str:
        """Return what stands there, empty when there is no such column or the row is shorter."""
        place = self.places.get(field)
        return "" if place is None or place >= len(cells) else cells[place].strip()

    def title(self, field: str) -> str:
        """Return what the file calls a field."""
        place = self.places.get(field)
        return field if place is None else self.header[place]

    def told(self) -> dict[str, str]:
        """Return what each header that is used was taken for."""
        return {self.header[place]: field for field, place in self.places.items()}


def recognise(header: Sequence[str], kind: Kind, said: Mapping[str, str] | None) -> Columns:
    """Return where the fields of *kind* stand.

    Args:
        header: The first row.
        kind: Of the records.
        said: Column to field, of those that the usual names do not tell; "" leaves a column out.

    Raises:
        BadColumns: A column is missing, is not there, or two are the same field.
    """
    fields, said = FIELDS[kind], said or {}
    titles = tuple(one.strip() for one in header)
    _check_said(titles, fields, said)
    usual = {_plain(name): field for field in fields for name in (field, *fields[field].names)}
    spoken_for = set(said.values())
    places: dict[str, int] = {}
    for place, title in enumerate(titles):
        found = usual.get(_plain(title))
        field = said.get(title, "" if found is None or found in spoken_for else found)
        if field in places:
            other = titles[places[field]]
            raise BadColumns(
                f"two columns are {field}: {other} and {title}; say by a mapping which is meant"
            )
        if field:
            places[field] = place
    missing = [name for name, field in fields.items() if field.needed and name not in places]
    if missing:
        raise BadColumns(
            f"no column for {', '.join(f'{one} ({fields[one].names[0]})' for one in missing)};"
            f" the file's columns are {_listed(titles)}: rename one, or send a mapping"
        )
    return Columns(kind, places, titles)


def _check_said(titles: Sequence[str], fields: Fields, said: Mapping[str, str]) -> None:
    absent = [title for title in said if title not in titles]
    if absent:
        raise BadColumns(
            f"the mapping names columns that the file has not: {_listed(absent)}; its columns are"
            f" {_listed(titles)}"
        )
    unknown = sorted({field for field in said.values() if field and field not in fields})
    if unknown:
        raise BadColumns(
            f"the mapping names fields that there are not: {_listed(unknown)};"
            f" there are {', '.join(fields)}"
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:40] for name in names[:MOST_TOLD])
    return shown + (", ..." if len(names) > MOST_TOLD else "")


def _plain(title: str) -> str:
    """Return a header as it is compared: no case, no spaces, no unit behind it."""
    folded = unicodedata.normalize("NFKC", title).casefold().strip()
    return _FILLING.sub("", _UNIT.sub("", folded))
