"""What texts may fill in: printed values without anything personal.

Lengths hold to features.md section 8, so that a default text stays within its SMS pieces.
"""

from datetime import date
from typing import Final

from care.facts import OrderState

# As couriers are called; a name that is not listed is shown as the source spells it.
COURIERS: Final = {
    "sf": ("顺丰", "SF Express"),
    "shunfeng": ("顺丰", "SF Express"),
    "yto": ("圆通", "YTO"),
    "yuantong": ("圆通", "YTO"),
    "zto": ("中通", "ZTO"),
    "zhongtong": ("中通", "ZTO"),
    "sto": ("申通", "STO"),
    "shentong": ("申通", "STO"),
    "yunda": ("韵达", "Yunda"),
    "jtexpress": ("极兔", "J&T"),
    "jd": ("京东", "JD"),
    "debangwuliu": ("德邦", "Deppon"),
    "youzhengguonei": ("邮政", "China Post"),
    "ems": ("EMS", "EMS"),
}
MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905 - a table


def tail(order_id: str) -> str:
    """Return the last four signs by which a buyer knows the order."""
    return "".join(sign for sign in order_id if sign.isalnum())[-4:]


def item(order: OrderState) -> str:
    """Return the name of the dearest line, cut to 10 Chinese or 20 Latin signs."""
    dearest = max(order.lines, key=lambda line: (line.price_minor, line.name), default=None)
    return "" if dearest is None else _cut(dearest.name, wide=10, narrow=20)


def courier(carrier: str | None, locale: str) -> str:
    known = COURIERS.get((carrier or "").lower())
    if known is None:
        return _cut(carrier or "", wide=4, narrow=10)
    return known[0] if locale == "zh" else known[1]


def day_of_month(day: date | None, locale: str) -> str:
    if day is None:
        return ""
    return f"{day.month}月{day.day}日" if locale == "zh" else f"{day.day} {MONTHS[day.month - 1]}"


def _cut(text: str, *, wide: int, narrow: int) -> str:
    plain = " ".join(text.split())
    limit = narrow if plain.isascii() else wide
    return plain if len(plain) <= limit else plain[: limit - 1].rstrip() + "…"
