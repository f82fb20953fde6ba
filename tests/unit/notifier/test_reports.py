"""What SMS gateways say in their own words, and what is kept of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import Channel, DeliveryState
from notifier.domain.receipts import Receipt
from notifier.domain.replies import OptOut, Reply
from notifier.domain.reports import aliyun, sendgrid, tencent, twilio
from notifier.domain.reports.report import (
    MARKETING,
    Report,
    Sender,
    china_time,
    code_of,
    iso_time,
    mailbox,
    maybe_id,
    mobile,
    unix_time,
)
from notifier.errors import Unreadable

DELIVERED, FAILED = DeliveryState.DELIVERED, DeliveryState.FAILED
PHONE = "+8613800138000"
MAILBOX = "li@mail.example"
NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
NOON_S = 1_794_369_600
AT = "2026-11-11T04:00:00.000Z"

SMS = Sender(gateway="sms", blind=str.encode)
UNSIGNED = Sender(gateway="sms", blind=str.encode, is_signed=False)


def receipt(state: DeliveryState, **fields: Any) -> Receipt:
    told: dict[str, Any] = {"message_id": "m1", "provider_id": "p1", "receiver": PHONE.encode()}
    return Receipt("sms", state, **(told | fields))


# Twilio

FORM = {"MessageSid": "p1", "MessageStatus": "delivered", "To": PHONE}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("delivered", DELIVERED),
        ("read", DELIVERED),
        ("sent", DeliveryState.SENT),
        ("undelivered", FAILED),
        ("failed", FAILED),
        ("canceled", FAILED),
    ],
)
def test_a_status_of_twilio_is_a_state(status: str, state: DeliveryState) -> None:
    form = {**FORM, "MessageStatus": status, "ErrorCode": ""}

    assert twilio.read(form, "m1", SMS) == Report((receipt(state),))


def test_twilio_tells_why_a_message_failed() -> None:
    form = {**FORM, "MessageStatus": "undelivered", "ErrorCode": "30003"}

    assert twilio.read(form, None, SMS).news == (receipt(FAILED, message_id=None, code="30003"),)


def test_a_status_without_a_number_is_one_of_the_message_all_the_same() -> None:
    form = {"MessageSid": "p1", "MessageStatus": "delivered"}

    assert twilio.read(form, "m1", SMS).news == (receipt(DELIVERED, receiver=None),)


def test_a_status_on_the_way_says_nothing_that_is_kept() -> None:
    assert twilio.read({**FORM, "MessageStatus": "queued"}, "m1", SMS) == Report(silent=1)


def test_twilio_knows_who_has_unsubscribed() -> None:
    form = {**FORM, "MessageStatus": "failed", "ErrorCode": "21610"}
    stopped = OptOut(Channel.SMS, PHONE, MARKETING, "m1")

    assert twilio.read(form, "m1", SMS).news == (receipt(FAILED, code="21610"), stopped)
    # Other channels than SMS have addresses that are no numbers: the receipt counts alone.
    elsewhere = twilio.read({**form, "To": "whatsapp:x"}, "m1", SMS)
    assert elsewhere.news == (receipt(FAILED, code="21610", receiver=None),)


@pytest.mark.parametrize(
    ("words", "more", "kinds"),
    [
        ("T", {}, [Reply]),
        ("thanks", {}, [Reply]),
        ("STOP", {"OptOutType": "STOP"}, [Reply]),
        ("genug", {"OptOutType": "STOP"}, [Reply, OptOut]),
        ("help", {"OptOutType": "HELP"}, [Reply]),
    ],
)
def test_what_comes_in_to_twilio_is_a_reply_and_may_stop_in_other_words(
    words: str, more: dict[str, str], kinds: list[type]
) -> None:
    form = {"MessageSid": "SM1", "From": PHONE, "Body": words, **more}

    news = twilio.read(form, None, SMS).news

    assert [type(one) for one in news] == kinds
    assert [one.address for one in news if isinstance(one, Reply | OptOut)] == [PHONE] * len(kinds)


def test_a_reply_to_twilio_has_one_id_however_often_it_comes() -> None:
    form = {"MessageSid": "SM1", "From": PHONE, "Body": "T"}
    other = {**form, "MessageSid": "SM2"}

    (first,) = twilio.read(form, None, SMS).news
    assert twilio.read(form, None, SMS).news == (first,)
    assert twilio.read(other, None, SMS).news != (first,)


def test_a_reply_from_no_number_is_nobodys() -> None:
    form = {"MessageSid": "SM1", "From": "Tea", "Body": "T"}

    assert twilio.read(form, None, SMS) == Report(silent=1)


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"MessageStatus": "delivered", "To": PHONE},
        {"Body": "T", "MessageSid": "SM1"},
        {"Body": "T", "From": PHONE},
    ],
)
def test_a_form_without_what_is_sure_is_not_twilios(form: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        twilio.read(form, None, SMS)


# Aliyun


def pushed(**fields: Any) -> dict[str, Any]:
    told = {
        "phone_number": "13800138000",
        "report_time": "2026-11-11 12:00:00",
        "success": True,
        "err_code": "DELIVERED",
        "biz_id": "p1",
        "out_id": "m1",
    }
    return told | fields


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(pushed(), receipt(DELIVERED, at=NOON, is_signed=False), id="delivered"),
        pytest.param(
            pushed(success=False, err_code="MOBILE_NOT_ON_SERVICE"),
            receipt(FAILED, at=NOON, code="MOBILE_NOT_ON_SERVICE", is_signed=False),
            id="failed",
        ),
        pytest.param(
            pushed(out_id=None, report_time="2026-11-11 00:00:00"),
            receipt(DELIVERED, message_id=None, is_signed=False),
            id="under their id, with a day alone",
        ),
    ],
)
def test_a_report_of_aliyun_is_a_state(told: dict[str, Any], expected: Receipt) -> None:
    assert aliyun.read([told], UNSIGNED) == Report((expected,))


def test_a_reply_to_aliyun_has_one_id_however_often_it_comes() -> None:
    told = {"phone_number": "13800138000", "content": "T", "send_time": "2026-11-11 12:00:00"}
    numbered = {**told, "sequence_id": 7}

    for one in (told, numbered):
        (first,), (again,) = (aliyun.read([one], UNSIGNED).news for _ in range(2))
        assert isinstance(first, Reply)
        assert (first, first.address, first.text) == (again, PHONE, "T")
    later = aliyun.read([{**told, "send_time": "2026-11-11 12:00:01"}], UNSIGNED)
    assert later.news != aliyun.read([told], UNSIGNED).news


def test_what_is_not_aliyuns_is_bad_or_nobodys() -> None:
    bad = [
        pushed(success=None),
        pushed(phone_number="1"),
        pushed(biz_id=None, out_id=None),
        pushed(phone_number=None),
        pushed(content="", phone_number="13800138000"),
    ]

    assert aliyun.read(bad, UNSIGNED) == Report(unreadable=5)
    assert aliyun.read([pushed(content="T", phone_number="1")], UNSIGNED) == Report(silent=1)


# Tencent


def called(**fields: Any) -> dict[str, Any]:
    told = {
        "user_receive_time": "2026-11-11 12:00:00",
        "nationcode": "86",
        "mobile": "13800138000",
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "sid": "p1",
        "ext": "m1",
    }
    return told | fields


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(called(), receipt(DELIVERED, at=NOON, is_signed=False), id="delivered"),
        pytest.param(
            called(report_status="FAIL", errmsg="MK:0001", nationcode=None),
            receipt(FAILED, at=NOON, code="MK:0001", is_signed=False),
            id="failed",
        ),
        pytest.param(
            called(ext="", nationcode="1", mobile="2015550123"),
            receipt(DELIVERED, at=NOON, message_id=None, receiver=b"+12015550123", is_signed=False),
            id="abroad, under their id",
        ),
    ],
)
def test_a_callback_of_tencent_is_a_state(told: dict[str, Any], expected: Receipt) -> None:
    assert tencent.read([told], UNSIGNED) == Report((expected,))


def test_a_reply_to_tencent_is_an_object() -> None:
    told = {"nationcode": "86", "mobile": "13800138000", "text": "退订", "time": NOON_S}

    (first,) = tencent.read(told, UNSIGNED).news
    assert isinstance(first, Reply)
    assert (first.address, first.text) == (PHONE, "退订")
    assert tencent.read(told, UNSIGNED).news == (first,)
    assert tencent.read({**told, "time": NOON_S + 1}, UNSIGNED).news != (first,)
    assert tencent.read({**told, "mobile": "1"}, UNSIGNED) == Report(silent=1)


def test_what_is_not_tencents_is_bad() -> None:
    bad = [
        called(report_status="LATER"),
        called(mobile=None),
        called(mobile="1"),
        called(sid="", ext=""),
    ]

    assert tencent.read(bad, UNSIGNED) == Report(unreadable=4)
    assert tencent.read({"text": "T"}, UNSIGNED) == Report(unreadable=1)


# What all share


@pytest.mark.parametrize("read", [sendgrid.read, aliyun.read, tencent.read])
def test_what_is_no_list_is_refused_whole(read: Any) -> None:
    with pytest.raises(Unreadable, match="a list of events"):
        read("delivered", SMS)


def test_an_id_is_printable_and_a_code_is_no_sentence() -> None:
    assert [maybe_id(one) for one in ("a^0", 7, "", "a b", "x" * 201, True, 1.5, None)] == [
        *("a^0", "7"),
        *[None] * 6,
    ]
    assert code_of(None, "550 li@mail.example", 30003) == "30003"
    assert code_of("no such user") == ""


def test_a_number_comes_with_its_plus_sign_or_without() -> None:
    spelled = ("13800138000", "8613800138000", PHONE, "12015550123", "x")

    assert [mobile(one) for one in spelled] == [PHONE, PHONE, PHONE, "+12015550123", None]


def test_a_mailbox_may_have_a_name_before_it() -> None:
    spelled = (MAILBOX, f"Li <{MAILBOX}>", f"<{MAILBOX}>", "li", "a b@c", None)

    assert [mailbox(one) for one in spelled] == [*[MAILBOX] * 3, *[None] * 3]


def test_what_is_no_time_is_left_out() -> None:
    assert [unix_time(one) for one in (NOON_S, 0, -1, 10**12, True, "1")] == [NOON, *[None] * 5]
    naive, first, odd = "2026-11-11T04:00:00", "0001-01-01T00:00:00+08:00", "noon"
    assert [iso_time(one) for one in (AT, naive, first, odd, None)] == [NOON, *[None] * 4]
    assert china_time("0001-01-01 01:00:00") is None
    assert china_time(None) is None
