"""From a rule's text to the words that go out, and what they cost."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from care.phones import country_of
from care.sms import EmptyText, TextTooLong, pieces, price_micros
from contracts.events import Channel, MessageClass, Text
from notifier.domain.channel import Reached
from notifier.domain.message import Case, Rule, Shop
from notifier.domain.verdict import Draft
from notifier.errors import BadText

# (template, variables) to text; raises BadText. Liquid lives at the edge.
Render: TypeAlias = Callable[[str, Mapping[str, str]], str]

OPT_OUT_HINT: Final = {"zh": "退订回T", "en": " Reply STOP to opt out"}

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Prices:
    """What one piece costs, in millionths of the currency's unit."""

    currency: str
    default_micros: int | None = None
    by_country_micros: Mapping[str, int] = field(default_factory=dict)

    def of(self, country: str) -> int | None:
        return self.by_country_micros.get(country, self.default_micros)


@dataclass(frozen=True, slots=True)
class Outlet:
    """A gateway as the gate sees it."""

    gateway: str
    prices: Prices
    sender: str = ""  # of e-mail, where the shop names none


def compose(case: Case, rule: Rule, reached: Reached, outlet: Outlet, render: Render) -> Draft:
    """Return the message as it would go out.

    Raises:
        BadText: No text for the channel, an unknown variable, no signature, empty, too long.
    """
    text = choose(rule.texts, reached.channel, _locales(case))
    variables = {one.name: one.value for one in case.message.variables}
    # The only words of a person that a text may hold; they never travelled on messages.v1.
    name = case.receiver.name if case.receiver else ""
    variables |= {"name": name, "shop": case.shop.name}
    body = render(text.body, variables).strip()
    if reached.channel is Channel.SMS:
        signed = _signed(one_line(body), case, text.locale)
        return _sms(signed, reached, outlet, sender=_signature(case.shop))
    if not body:
        raise BadText("the text is empty")
    subject = one_line(render(text.subject, variables)) or case.shop.name
    return Draft(
        channel=reached.channel,
        gateway=outlet.gateway,
        address=reached.address,
        text=body,
        pieces=1,
        price_micros=outlet.prices.default_micros,
        currency=outlet.prices.currency,
        sender=case.shop.email_from or outlet.sender,
        subject=subject,
    )


def choose(texts: Sequence[Text], channel: Channel, locales: Sequence[str]) -> Text:
    """Return the text of *channel* in the first of *locales* that it has, else in any."""
    ours = {text.locale: text for text in texts if text.channel is channel}
    for locale in (*locales, *sorted(ours)):
        if locale in ours:
            return ours[locale]
    raise BadText(f"the rule has no text for {channel}")


def one_line(text: str) -> str:
    """Take line breaks and control characters out: none may enter an SMS or a header."""
    return _BREAKS.sub(" ", text).strip()


def _sms(text: str, reached: Reached, outlet: Outlet, *, sender: str) -> Draft:
    country = country_of(reached.address) or ""
    try:
        count = pieces(text, country)
    except (EmptyText, TextTooLong) as error:
        raise BadText(str(error)) from None
    price = outlet.prices.of(country)
    return Draft(
        channel=reached.channel,
        gateway=outlet.gateway,
        address=reached.address,
        text=text,
        pieces=count,
        price_micros=None if price is None else price_micros(count, price),
        currency=None if price is None else outlet.prices.currency,
        sender=sender,
    )


def _signed(body: str, case: Case, locale: str) -> str:
    """Put the shop's name before and the way out behind, as the law wants them."""
    signature = _signature(case.shop)
    if not body:
        raise BadText("the text is empty")
    if not signature:
        raise BadText("the shop has no signature")
    language = "zh" if locale.startswith("zh") else "en"
    opened = f"【{signature}】" if language == "zh" else f"{signature}: "
    marketing = case.message.message_class is MessageClass.MARKETING
    return opened + body + (OPT_OUT_HINT[language] if marketing else "")


def _signature(shop: Shop) -> str:
    return one_line(shop.sms_signature).strip("【】")


def _locales(case: Case) -> list[str]:
    wanted = [case.receiver.locale if case.receiver else None, case.shop.locale]
    # "zh-CN" is served by "zh" where it has no text of its own.
    return [form for locale in wanted if locale for form in (locale, locale.split("-")[0])]
