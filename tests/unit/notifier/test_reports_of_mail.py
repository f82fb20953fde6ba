"""What mail services say in their own words, and what is kept of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.events import Channel, DeliveryState, Purpose
from notifier.domain.receipts import Receipt
from notifier.domain.replies import OptOut
from notifier.domain.reports import sendgrid, ses
from notifier.domain.reports.report import ALL, MARKETING, Report, Sender
from notifier.errors import Unreadable

DELIVERED, FAILED = DeliveryState.DELIVERED, DeliveryState.FAILED
MAILBOX = "li@mail.example"
NOON = datetime(2026, 11, 11, 4, 0, tzinfo=UTC)
NOON_S = 1_794_369_600
AT = "2026-11-11T04:00:00.000Z"
MAIL = Sender(gateway="smtp", blind=str.encode)


def event(kind: str, **fields: Any) -> dict[str, Any]:
    told = {
        "event": kind,
        "email": MAILBOX,
        "timestamp": NOON_S,
        "smtp-id": "p1",
        "huiliu_message_id": "m1",
    }
    return told | fields


def mail_receipt(state: DeliveryState, code: str = "", **fields: Any) -> Receipt:
    told: dict[str, Any] = {"message_id": "m1", "provider_id": "p1", "at": NOON}
    return Receipt("smtp", state, code=code, receiver=MAILBOX.encode(), **(told | fields))


def stopped(*purposes: Purpose) -> OptOut:
    return OptOut(Channel.EMAIL, MAILBOX, purposes, "m1")


@pytest.mark.parametrize(
    ("told", "news"),
    [
        pytest.param(event("delivered"), (mail_receipt(DELIVERED),), id="delivered"),
        pytest.param(
            event("bounce", type="bounce", status="5.1.1"),
            (mail_receipt(FAILED, "5.1.1"), stopped(*ALL)),
            id="hard bounce",
        ),
        pytest.param(
            event("bounce", type="blocked"), (mail_receipt(FAILED, "bounce"),), id="blocked once"
        ),
        pytest.param(
            event("dropped", reason="Invalid"), (mail_receipt(FAILED, "dropped"),), id="dropped"
        ),
        pytest.param(
            event("dropped", reason="Unsubscribed Address"),
            (mail_receipt(FAILED, "dropped"), stopped(*MARKETING)),
            id="dropped for an opt-out",
        ),
        pytest.param(
            event("dropped", reason="Spam Reporting Address"),
            (mail_receipt(FAILED, "dropped"), stopped(*ALL)),
            id="dropped for a complaint",
        ),
        pytest.param(event("spamreport"), (stopped(*ALL),), id="complaint"),
        pytest.param(event("unsubscribe"), (stopped(*MARKETING),), id="unsubscribed"),
        pytest.param(event("group_unsubscribe"), (stopped(*MARKETING),), id="of a group"),
        pytest.param(event("spamreport", email="nobody"), (), id="complaint of nobody"),
        pytest.param(event("deferred"), (), id="deferred"),
        pytest.param(event("open"), (), id="opened"),
    ],
)
def test_an_event_of_sendgrid_is_a_state_an_opt_out_or_nothing(
    told: dict[str, Any], news: tuple[Any, ...]
) -> None:
    assert sendgrid.read([told], MAIL) == Report(news, silent=int(not news))


def test_the_good_events_of_a_list_count_though_others_are_bad() -> None:
    bad = [event(""), "delivered", event("delivered", **{"smtp-id": None, "huiliu_message_id": ""})]

    report = sendgrid.read([bad[0], event("delivered"), *bad[1:], event("open")], MAIL)

    assert report == Report((mail_receipt(DELIVERED),), silent=1, unreadable=3)


def notice(kind: str, **fields: Any) -> dict[str, Any]:
    mail = {
        "messageId": "ses-1",
        "commonHeaders": {"messageId": "p1"},
        "tags": {"huiliu_message_id": ["m1"]},
        "destination": [MAILBOX],
    }
    return {"eventType": kind, "mail": mail, **fields}


def bounce(kind: str, subtype: str = "General", **fields: Any) -> dict[str, Any]:
    to = {"emailAddress": f"Li <{MAILBOX}>", **fields}
    told = {"bounceType": kind, "bounceSubType": subtype, "timestamp": AT}
    return notice("Bounce", bounce={**told, "bouncedRecipients": [to]})


def complaint(**fields: Any) -> dict[str, Any]:
    told = {"complainedRecipients": [{"emailAddress": MAILBOX}], **fields}
    return notice("Complaint", complaint=told)


@pytest.mark.parametrize(
    ("told", "news"),
    [
        pytest.param(
            notice("Delivery", delivery={"timestamp": AT, "recipients": [MAILBOX]}),
            (mail_receipt(DELIVERED),),
            id="delivered",
        ),
        pytest.param(
            bounce("Permanent", status="5.1.1"),
            (mail_receipt(FAILED, "5.1.1"), stopped(*ALL)),
            id="hard bounce",
        ),
        pytest.param(
            bounce("Permanent", "UnsubscribedRecipient"),
            (mail_receipt(FAILED, "UnsubscribedRecipient"), stopped(*MARKETING)),
            id="bounced for an opt-out",
        ),
        pytest.param(bounce("Transient"), (), id="out of office"),
        pytest.param(
            notice("Reject", reject={"reason": "Bad content"}),
            (mail_receipt(FAILED, "reject", at=None),),
            id="rejected",
        ),
        pytest.param(complaint(), (stopped(*ALL),), id="complaint"),
        pytest.param(complaint(complaintFeedbackType="not-spam"), (), id="no spam after all"),
        pytest.param(notice("Open"), (), id="opened"),
    ],
)
def test_a_notice_of_ses_is_a_state_an_opt_out_or_nothing(
    told: dict[str, Any], news: tuple[Any, ...]
) -> None:
    assert ses.read(told, MAIL) == Report(news, silent=int(not news))


def test_the_older_form_of_ses_says_its_type_otherwise() -> None:
    told = notice("Delivery", delivery={"timestamp": AT, "recipients": [MAILBOX]})
    told["notificationType"] = told.pop("eventType")

    assert ses.read(told, MAIL).news == (mail_receipt(DELIVERED),)


def test_without_our_tag_and_the_mails_headers_ses_names_its_own_id() -> None:
    told = notice("Delivery", delivery={"recipients": [MAILBOX]})
    told["mail"] = {"messageId": "ses-1", "tags": {"huiliu_message_id": []}}

    assert ses.read(told, MAIL).news == (
        mail_receipt(DELIVERED, message_id=None, provider_id="ses-1", at=None),
    )


@pytest.mark.parametrize(
    "told",
    [
        [],
        {},
        {"eventType": 1},
        notice("Delivery"),
        notice("Delivery", delivery={"recipients": []}),
        notice("Complaint", complaint={"complainedRecipients": ["li"]}),
        {"eventType": "Delivery", "delivery": {"recipients": [MAILBOX]}},
    ],
)
def test_a_notice_without_what_is_sure_is_not_of_ses(told: Any) -> None:
    with pytest.raises(Unreadable):
        ses.read(told, MAIL)
