"""What gateways know of who wants no more: the same suppression as a word that we were told."""

from typing import Any, Final

import pytest

from contracts.events import (
    Channel,
    DeliveryState,
    MessageClass,
    OptOutChanged,
    Purpose,
    ReplyReceived,
)
from notifier.edges.gateways import SmsGateway
from support.callers import (
    Post,
    aliyun_post,
    sendgrid_post,
    ses_post,
    tencent_post,
    twilio_post,
)

from .conftest import PHONE, Front, House, consent, person, planned
from .ways import MAILBOX, WAYS, heard, sending, sent

ALL: Final = set(Purpose)
MARKETING: Final = {Purpose.MARKETING}
STOPPED: Final = (DeliveryState.SUPPRESSED, "opted_out")


def event(kind: str, **fields: Any) -> Post:
    return sendgrid_post([{"event": kind, "email": MAILBOX, "smtp-id": "x", **fields}])


def notice(kind: str, **fields: Any) -> Post:
    return ses_post({"eventType": kind, "mail": {"messageId": "ses-1"}, **fields})


def hard_bounce(subtype: str) -> dict[str, Any]:
    to = [{"emailAddress": MAILBOX}]
    return {"bounceType": "Permanent", "bounceSubType": subtype, "bouncedRecipients": to}


BY_SMS: Final = [
    pytest.param(
        twilio_post({"MessageSid": "SM1", "From": PHONE, "Body": "stop"}), MARKETING, id="twilio"
    ),
    pytest.param(
        twilio_post({"MessageSid": "SM1", "From": PHONE, "Body": "genug", "OptOutType": "STOP"}),
        MARKETING,
        id="in words of the shop's at twilio",
    ),
    pytest.param(
        aliyun_post([{"phone_number": "13800138000", "content": "T", "sequence_id": 1}]),
        MARKETING,
        id="aliyun",
    ),
    pytest.param(
        tencent_post({"nationcode": "86", "mobile": "13800138000", "text": "全部退订", "time": 1}),
        ALL,
        id="tencent",
    ),
]
BY_MAIL: Final = [
    pytest.param(event("unsubscribe"), MARKETING, id="sendgrid: unsubscribed"),
    pytest.param(event("spamreport"), ALL, id="sendgrid: complaint"),
    pytest.param(event("bounce", type="bounce"), ALL, id="sendgrid: hard bounce"),
    pytest.param(
        event("dropped", reason="Unsubscribed Address"), MARKETING, id="sendgrid: known to have"
    ),
    pytest.param(
        notice("Complaint", complaint={"complainedRecipients": [{"emailAddress": MAILBOX}]}),
        ALL,
        id="ses: complaint",
    ),
    pytest.param(notice("Bounce", bounce=hard_bounce("NoEmail")), ALL, id="ses: hard bounce"),
    pytest.param(
        notice("Bounce", bounce=hard_bounce("UnsubscribedRecipient")),
        MARKETING,
        id="ses: unsubscribed",
    ),
]


async def stopped_by(
    house: House, front: Front, post: Post, channel: Channel, purposes: set[Purpose]
) -> None:
    """Post twice; see what is stopped, what is not, and what is told of it."""
    plans = {
        message_class: planned(f"{message_class}", message_class=message_class, channels=(channel,))
        for message_class in (MessageClass.MARKETING, MessageClass.SERVICE)
    }
    await house.feed(person(consents=(consent(channel=channel),)))
    await house.feed(*plans.values())

    for _ in range(2):
        assert heard(await front.post(post)) == WAYS[post.kind].answer

    assert await house.state(plans[MessageClass.MARKETING]) == STOPPED
    falls = purposes == ALL
    assert (await house.state(plans[MessageClass.SERVICE]) == STOPPED) is falls
    rows = await house.rows("select shop_id, channel, purpose from opt_out")
    assert {row["purpose"] for row in rows} == {purpose.value for purpose in purposes}
    assert {(row["shop_id"], row["channel"]) for row in rows} == {("tea", channel.value)}
    told = [one for one in await house.announced() if isinstance(one, OptOutChanged)]
    assert {(one.customer_id, one.channel, one.purpose) for one in told} == {
        ("c1", channel, purpose) for purpose in purposes
    }


@pytest.mark.parametrize(("post", "purposes"), BY_SMS)
async def test_a_reply_that_says_stop_stops(
    house: House, front: Front, post: Post, purposes: set[Purpose]
) -> None:
    await stopped_by(house, front, post, Channel.SMS, purposes)

    replies = [one for one in await house.announced() if isinstance(one, ReplyReceived)]
    assert len({one.reply_id for one in replies}) == 1


@pytest.mark.parametrize(("post", "purposes"), BY_MAIL)
async def test_what_a_mail_service_knows_stops(
    house: House, front: Front, post: Post, purposes: set[Purpose]
) -> None:
    await stopped_by(house, front, post, Channel.EMAIL, purposes)


@pytest.mark.parametrize(
    "post",
    [
        aliyun_post([{"phone_number": "13800138000", "content": "好的"}]),
        twilio_post({"MessageSid": "SM1", "From": PHONE, "Body": "thanks"}),
        notice("Bounce", bounce={**hard_bounce("General"), "bounceType": "Transient"}),
        event("bounce", type="blocked"),
        event("open"),
    ],
)
async def test_other_words_and_passing_troubles_stop_nothing(
    house: House, front: Front, post: Post
) -> None:
    await house.feed(person())

    assert heard(await front.post(post)) == WAYS[post.kind].answer

    assert await house.rows("select 1 as one from opt_out") == []


async def test_the_message_that_a_complaint_names_tells_the_shop_though_its_person_is_gone(
    house: House, front: Front, sms_gateway: SmsGateway
) -> None:
    one, _ = await sent(house, sms_gateway, WAYS["sendgrid"])
    await house.erase("c-p1")

    await front.post(event("spamreport", huiliu_message_id=one.message_id))

    rows = await house.rows("select distinct shop_id, channel from opt_out")
    assert rows == [{"shop_id": "tea", "channel": "email"}]


async def test_a_complaint_of_somebody_unknown_is_counted_and_kept_of_nobody(
    house: House, front: Front
) -> None:
    answer = await front.post(event("spamreport"))

    assert heard(answer) == (204, b"")
    assert await house.rows("select 1 as one from opt_out") == []


async def test_a_person_who_unsubscribed_still_hears_of_what_he_bought(
    house: House, front: Front, sms_gateway: SmsGateway
) -> None:
    await house.feed(person())
    await front.post(event("spamreport"))
    parcel = planned(channels=(Channel.EMAIL,))
    await house.feed(parcel)

    async with sending(house, sms_gateway):
        await house.comes_to(parcel, DeliveryState.SENT)
