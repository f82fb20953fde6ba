"""The words that go out, and their price."""

from dataclasses import replace

import pytest

from contracts.events import Channel, MessageClass, Text
from notifier.domain.channel import Reached
from notifier.domain.message import Case, Receiver, Rule
from notifier.domain.render import Outlet, Prices, choose, compose, one_line
from notifier.domain.verdict import Draft
from notifier.edges.texts import LONGEST_TEMPLATE, Texts
from notifier.errors import BadText

from .cases import MAIL, PHONE, RULE, SHOP, SMS, US_PHONE, case, fill

BY_SMS = Reached(Channel.SMS, PHONE)
BY_MAIL = Reached(Channel.EMAIL, "li@mail.example")
MARKETING = {"message_class": MessageClass.MARKETING}


def saying(body: str, channel: Channel = Channel.SMS, locale: str = "zh") -> Rule:
    return Rule(False, (Text(channel, locale, body, "s"),))


def composed(
    one: Case, rule: Rule = RULE, reached: Reached = BY_SMS, outlet: Outlet = SMS
) -> Draft:
    return compose(one, rule, reached, outlet, fill)


@pytest.mark.parametrize(
    ("one", "text"),
    [
        pytest.param(case(), "【茶舍】单号SF1", id="Chinese"),
        pytest.param(case(message=MARKETING), "【茶舍】单号SF1退订回T", id="Chinese marketing"),
        pytest.param(case(shop=replace(SHOP, locale="en")), "茶舍: number SF1", id="English"),
        pytest.param(
            case(shop=replace(SHOP, locale="en-GB", sms_signature="【Tea】"), message=MARKETING),
            "Tea: number SF1 Reply STOP to opt out",
            id="English marketing",
        ),
        pytest.param(
            case(receiver=Receiver(phone=PHONE, locale="en-US")),
            "茶舍: number SF1",
            id="the receiver's language goes before the shop's",
        ),
        pytest.param(
            case(receiver=None, shop=replace(SHOP, locale="fr")),
            "茶舍: number SF1",
            id="any at all",
        ),
    ],
)
def test_an_sms_is_signed_and_tells_the_way_out(one: Case, text: str) -> None:
    assert composed(one).text == text


def test_an_sms_is_counted_and_priced_by_its_receivers_country() -> None:
    long = saying("字" * 67)

    mainland = composed(case(), long)
    abroad = composed(case(), RULE, Reached(Channel.SMS, US_PHONE))

    assert (mainland.pieces, mainland.price_micros, mainland.currency) == (2, 90_000, "CNY")
    assert (abroad.pieces, abroad.price_micros) == (1, 8_000)
    assert mainland.sender == "茶舍"


def test_a_message_without_a_known_price_costs_nobody_knows_what() -> None:
    draft = composed(case(), outlet=Outlet("sms", Prices("CNY")))

    assert (draft.price_micros, draft.currency) == (None, None)


def test_a_number_of_no_country_is_priced_by_default() -> None:
    draft = composed(case(), reached=Reached(Channel.SMS, "+88235555555"))

    assert draft.price_micros == draft.pieces * 45_000


@pytest.mark.parametrize(
    ("rule", "one", "why"),
    [
        pytest.param(saying("  "), case(), "the text is empty", id="empty"),
        pytest.param(saying("字" * 500), case(), "units", id="too long"),
        pytest.param(
            RULE, case(shop=replace(SHOP, sms_signature=" 【】")), "signature", id="no signature"
        ),
        pytest.param(saying("x", Channel.EMAIL), case(), "no text for sms", id="no such text"),
    ],
)
def test_what_no_gateway_should_get_is_a_bad_text(rule: Rule, one: Case, why: str) -> None:
    with pytest.raises(BadText, match=why):
        composed(one, rule)


def test_a_mail_has_a_subject_and_the_shops_sender() -> None:
    named = case(shop=replace(SHOP, email_from="hello@tea.example"))

    draft = composed(named, reached=BY_MAIL, outlet=MAIL)

    assert (draft.subject, draft.text) == ("已寄出", "小李，单号SF1")
    assert (draft.sender, draft.pieces, draft.price_micros) == ("hello@tea.example", 1, 0)
    assert composed(case(), reached=BY_MAIL, outlet=MAIL).sender == "care@huiliu.invalid"


def test_a_mail_without_a_subject_bears_the_shops_name() -> None:
    bare = Rule(False, (Text(Channel.EMAIL, "zh", "x"),))

    assert composed(case(), bare, BY_MAIL, MAIL).subject == "Tea House"


def test_an_empty_mail_is_a_bad_text() -> None:
    with pytest.raises(BadText, match="empty"):
        composed(case(), saying(" ", Channel.EMAIL), BY_MAIL, MAIL)


def test_no_line_break_enters_an_sms_or_a_subject() -> None:
    rule = Rule(False, (Text(Channel.EMAIL, "zh", "a", "hi\r\nBcc: x@y.example\x00\u2028"),))

    assert composed(case(), rule, BY_MAIL, MAIL).subject == "hi Bcc: x@y.example"
    assert composed(case(), saying("a\r\nb\tc")).text == "【茶舍】a b c"
    assert one_line("  ") == ""


def test_a_text_is_looked_for_by_language_then_any() -> None:
    with pytest.raises(BadText):
        choose([], Channel.SMS, ["zh"])
    assert choose(RULE.texts, Channel.SMS, ["fr"]).locale == "en"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ a }}", "1"),
        ("{% if b != blank %}[{{ b }}]{% endif %}.", "."),
        ("{% unless b == '' %}x{% endunless %}", ""),
        ("{{ a | append: 'x' | upcase }}", "1X"),
        ("{{ '<' }}", "<"),
    ],
)
def test_liquid_fills_texts_in(template: str, expected: str) -> None:
    assert Texts().render(template, {"a": "1", "b": ""}) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ unknown }}",
        "{% if unknown %}x{% endif %}",
        "{{ a",
        "{% include 'x' %}",
        "{% render 'x' %}",
        "{{ a | replace: '1', '2' }}",
        "{% for i in (1..100000) %}x{% endfor %}",
        "{% for i in (1..150) %}{% for j in (1..150) %}xxxxxxxxxx{% endfor %}{% endfor %}",
        "{% assign x = 'aaaaaaaaaa' %}"
        "{% for i in (1..150) %}{% assign x = x | append: x %}{% endfor %}",
        "x" * (LONGEST_TEMPLATE + 1),
        "{% if a %}" * 20 + "{% endif %}" * 20,
        "{{ a.__class__ }}",
        "{{ a.__class__.__mro__ }}",
    ],
)
def test_a_text_runs_no_code_and_ends(template: str) -> None:
    with pytest.raises(BadText):
        Texts().render(template, {"a": "1"})
