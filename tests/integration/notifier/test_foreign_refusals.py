"""Reports that are forged, or none, and the handshake of SNS, over HTTP."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from support.callers import (
    PEM_PATH,
    Post,
    aliyun_post,
    path_of,
    sendgrid_post,
    ses_handshake,
    ses_post,
    tencent_post,
    twilio_post,
)

from .conftest import Front, House
from .ways import by_aliyun, heard


@pytest.mark.parametrize(
    "post",
    [
        pytest.param(twilio_post({"MessageStatus": "delivered"}, token="other"), id="twilio"),
        pytest.param(
            twilio_post({"AccountSid": "AC99", "MessageStatus": "delivered"}),
            id="another account of twilio",
        ),
        pytest.param(sendgrid_post([], key=ec.generate_private_key(ec.SECP256R1())), id="sendgrid"),
        pytest.param(ses_post({}, key=rsa.generate_private_key(65537, 2048)), id="ses"),
        pytest.param(ses_post({}, TopicArn="arn:aws:sns:eu-west-1:999922223333:x"), id="topic"),
        pytest.param(ses_post({}, SigningCertURL="https://evil.example/a.pem"), id="certificate"),
        pytest.param(
            ses_post({}, SigningCertURL=f"https://sns.eu-west-1.amazonaws.com{PEM_PATH[:-5]}.pem"),
            id="no certificate there",
        ),
        pytest.param(ses_post({}, SignatureVersion="1"), id="SHA-1"),
        pytest.param(Post("ses", b"hello"), id="no json"),
        pytest.param(Post("ses", b"[]"), id="no object"),
        pytest.param(Post("twilio", b"MessageStatus=delivered"), id="no signature"),
    ],
)
async def test_what_is_forged_is_refused_with_no_more_said(
    house: House, front: Front, post: Post
) -> None:
    answer = await front.post(post)

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:huiliu:problem:forged-receipt"
    assert await house.rows("select 1 as one from gateway_receipt") == []


async def test_an_unsigned_post_counts_from_its_networks_alone_and_nowhere_under_another_name(
    house: House, front: Front
) -> None:
    good = by_aliyun("delivered", "m1", None)
    elsewhere = Post(good.kind, good.body, {"x-forwarded-for": "203.0.113.7, 198.51.100.1"})

    statuses = [(await front.post(post)).status_code for post in (good, elsewhere)]
    unknown = await front.client.post(f"/v1/receipts/{path_of('nobody')}", content=good.body)

    assert statuses == [200, 401]
    assert unknown.status_code == 404
    assert len(await house.rows("select 1 as one from gateway_receipt")) == 1


@pytest.mark.parametrize(
    "post",
    [
        sendgrid_post(b"delivered"),
        sendgrid_post({"event": "delivered"}),
        sendgrid_post(b'[{"event": "delivered", "event": "bounce"}]'),
        ses_post([]),
        ses_post({"eventType": "Delivery"}),
        twilio_post({"Digits": "1"}),
        aliyun_post(b"\xff"),
        aliyun_post({"success": True}),
        tencent_post(b'"\\u0000"'),
        tencent_post(7),
    ],
)
async def test_a_post_that_is_not_the_gateways_form_is_a_problem(front: Front, post: Post) -> None:
    answer = await front.post(post)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:huiliu:problem:unreadable"


async def test_a_body_above_the_cap_is_refused_unread(front: Front) -> None:
    answer = await front.post(sendgrid_post(b"[" + b" " * 2 * 1024 * 1024 + b"]"))

    assert answer.status_code == 413


async def test_a_subscription_to_our_topic_is_confirmed_without_opening_what_it_names(
    front: Front,
) -> None:
    answer = await front.post(ses_handshake())

    assert heard(answer) == (200, b"")
    certificate, confirmed = front.sns.asked
    assert certificate == PEM_PATH
    assert confirmed == (
        "/?Action=ConfirmSubscription"
        "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A111122223333%3Ases&Token=t0ken"
    )


async def test_a_certificate_is_asked_for_once_and_another_topic_is_not_confirmed(
    front: Front,
) -> None:
    end = ses_handshake(Type="UnsubscribeConfirmation")
    foreign = ses_handshake(TopicArn="arn:aws:sns:eu-west-1:999922223333:x")
    hello = ses_post("Successfully validated SNS topic for Amazon SES event publishing.")

    statuses = [(await front.post(post)).status_code for post in (hello, end, foreign, hello)]

    assert statuses == [200, 200, 401, 200]
    assert front.sns.asked == [PEM_PATH]


async def test_while_sns_does_not_answer_it_is_asked_to_come_again(front: Front) -> None:
    front.sns.status = 500

    answer = await front.post(ses_handshake())
    front.sns.status = 200
    again = await front.post(ses_handshake())

    assert (answer.status_code, again.status_code) == (503, 200)
    assert "retry-after" in answer.headers
