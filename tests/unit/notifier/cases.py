"""A message, its shop, its receiver and its rule, to be changed one field at a time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.events import Channel, Consent, MessageClass, Purpose, Text, Variable
from notifier.domain.gate import Terms
from notifier.domain.message import Case, Message, Receiver, Rule, Shop
from notifier.domain.render import Outlet, Prices
from notifier.domain.verdict import Draft

NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)  # in Shanghai
PHONE = "+8613800138000"
US_PHONE = "+12015550123"

MESSAGE = Message(
    shop_id="tea",
    customer_id="c1",
    message_id="m1",
    rule_id="shipped",
    rule_version=1,
    kind="shipped",
    message_class=MessageClass.TRANSACTIONAL,
    priority=50,
    channels=(Channel.SMS, Channel.EMAIL),
    due_at=NOON,
    expires_at=NOON + timedelta(hours=24),
    next_at=NOON,
    part=2,
    order_id="o1",
    variables=(Variable("waybill", "SF1"),),
)
SHOP = Shop(
    shop_id="tea",
    name="Tea House",
    zone="Asia/Shanghai",
    locale="zh",
    sms_signature="茶舍",
    marketing_consent_implied=False,
    email_from="",
)
RECEIVER = Receiver(phone=PHONE, email="li@mail.example", name="小李")
RULE = Rule(
    quiet_exempt=False,
    texts=(
        Text(Channel.SMS, "zh", "单号{{ waybill }}"),
        Text(Channel.SMS, "en", "number {{ waybill }}"),
        Text(Channel.EMAIL, "zh", "{{ name }}，单号{{ waybill }}", "已寄出"),
    ),
)
SMS = Outlet("sms", Prices("CNY", 45_000, {"US": 8_000}))
MAIL = Outlet("smtp", Prices("CNY", 0), "care@huiliu.invalid")
TERMS = Terms({Channel.SMS: SMS, Channel.EMAIL: MAIL})
DRAFT = Draft(
    channel=Channel.SMS,
    gateway="sms",
    address=PHONE,
    text="【茶舍】单号SF1",
    pieces=1,
    price_micros=45_000,
    currency="CNY",
)


def case(*, message: Mapping[str, Any] | None = None, **fields: Any) -> Case:
    """Return a case that passes every gate, but for what is changed."""
    one = Case(
        message=replace(MESSAGE, **(message or {})),
        shop=SHOP,
        rule=RULE,
        receiver=RECEIVER,
        erased=False,
        recalled=None,
        fresh=True,
        sent=(),
        now=NOON,
    )
    return replace(one, **fields)


def consent(
    channel: Channel = Channel.SMS,
    purpose: Purpose = Purpose.MARKETING,
    *,
    given: bool = True,
    days_ago: int = 1,
) -> Consent:
    return Consent(channel, purpose, given, NOON - timedelta(days=days_ago))


def fill(template: str, variables: Mapping[str, str]) -> str:
    """Stand in for Liquid: plain variables."""
    for name, value in variables.items():
        template = template.replace("{{ %s }}" % name, value)  # noqa: UP031 - braces
    return template
