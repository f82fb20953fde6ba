"""What gateways sign their receipts with: Twilio, SendGrid, AWS SNS."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from support.bits import demand_every_bit, flipped
from webhooks import BadSignature, sendgrid, sns, twilio

# Published in the tests of twilio-python (MIT).
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FORM = (
    b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    b"&Caller=%2B14158675309"
)
JSON = b'{"property": "value", "boolean": true}'
JSON_URL = f"{URL}&bodySHA256={hashlib.sha256(JSON).hexdigest()}"


def twilio_reads(
    raw: bytes, mac: bytes, url: str = URL, tokens: tuple[str, ...] = ("new", "12345")
) -> list[tuple[str, str]]:
    return list(twilio.verify(raw, [(b"x-twilio-signature", mac)], url, tokens))


@pytest.mark.parametrize(
    ("raw", "url", "mac"),
    [
        pytest.param(FORM, URL, b"RSOYDt4T1cUTdK1PDd93/VVr8B8=", id="form"),
        pytest.param(FORM, URL, b"kvajT1Ptam85bY51eRf/AJRuM3w=", id="usual port named"),
        pytest.param(
            FORM,
            "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
            b"Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
            id="odd port",
        ),
        pytest.param(
            b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234",
            URL,
            b"IK+Dwps556ElfBT0I3Rgjkr1wJU=",
            id="a name twice",
        ),
        pytest.param(JSON, JSON_URL, b"a9nBmqA0ju/hNViExpshrM61xv4=", id="json"),
    ],
)
def test_twilios_published_signatures_are_good(raw: bytes, url: str, mac: bytes) -> None:
    twilio_reads(raw, mac, url)


@pytest.mark.parametrize("port", ["", ":443"])
def test_an_empty_field_of_twilio_is_signed_and_the_usual_port_is_left_out_or_not(
    port: str,
) -> None:
    raw = b"MessageSid=SM1&MessageStatus=delivered&To=%2B15005550006&ErrorCode="
    url = f"https://in.example.com{port}/v1/hooks/cn_tw"
    for mac in (b"on7ixRyhN0veIli5nX+j2okzhqw=", b"YVgYfzqwDGcnndjAmlxPMA4gYGs="):
        fields = dict(twilio_reads(raw, mac, url, ("twtoken",)))
        assert fields == {
            "MessageSid": "SM1",
            "MessageStatus": "delivered",
            "To": "+15005550006",
            "ErrorCode": "",
        }


@pytest.mark.parametrize(
    "raw", [b"\xff", b"a=%ff", b"&a=1" * 101, FORM + b"&Extra=1", FORM.replace(b"1234", b"1235")]
)
def test_a_twilio_form_that_is_not_signed_so_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        twilio_reads(raw, b"RSOYDt4T1cUTdK1PDd93/VVr8B8=")


def test_json_of_twilio_must_be_what_its_address_says() -> None:
    with pytest.raises(BadSignature):
        twilio_reads(JSON + b" ", b"a9nBmqA0ju/hNViExpshrM61xv4=", JSON_URL)


# Published in the tests of sendgrid-python (MIT).
SG_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNN"
    "RaINXvVpiglSI8eNEc6wEA3F+g=="
)
SG_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]\r\n'
)
SG_MAC = (
    b"MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe"
    b"5W0JuG+luQAbPIqHh89M15TluLtEZtM="
)
SG_OTHER_MAC = (
    b"MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xon"
    b"ZGi6BpSzoQsbVRamr2nlxFDWYNH3j/0="
)


def spki(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    return base64.b64encode(
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ).decode()


NEWER_KEY = spki(ec.generate_private_key(ec.SECP256R1()).public_key())


def sendgrid_accepts(body: bytes, mac: bytes, time: bytes = b"1600112502") -> None:
    heads = [
        (b"X-Twilio-Email-Event-Webhook-Signature", mac),
        (b"X-Twilio-Email-Event-Webhook-Timestamp", time),
    ]
    sendgrid.verify(
        body, heads, [spki(ec.generate_private_key(ec.SECP256R1()).public_key()), SG_KEY]
    )


def test_sendgrids_published_signature_is_good_and_its_other_ones_are_not() -> None:
    sendgrid_accepts(SG_BODY, SG_MAC)
    for body, mac, time in (
        (b"payload", SG_MAC, b"1600112502"),
        (SG_BODY, SG_OTHER_MAC, b"1600112502"),
        (SG_BODY, SG_MAC, b"timestamp"),
        (SG_BODY, SG_MAC, b"1600112503"),
        (SG_BODY.rstrip(), SG_MAC, b"1600112502"),
        (SG_BODY, b"", b"1600112502"),
        (SG_BODY, b"\xff", b"1600112502"),
        (SG_BODY, base64.b64encode(b"no DER"), b"1600112502"),
    ):
        with pytest.raises(BadSignature):
            sendgrid_accepts(body, mac, time)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("é", id="not ASCII"),
        pytest.param("AAAA", id="no key"),
        pytest.param(SG_KEY[:-4], id="cut"),
        pytest.param(spki(ec.generate_private_key(ec.SECP384R1()).public_key()), id="other curve"),
        pytest.param(spki(rsa.generate_private_key(65537, 2048).public_key()), id="RSA"),
    ],
)
def test_what_is_no_key_of_p_256_is_named(key: str) -> None:
    with pytest.raises(ValueError, match="a verification key must"):
        sendgrid.key_of(key)


TOPIC = "arn:aws:sns:eu-west-1:111122223333:ses"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
AWS = rsa.generate_private_key(65537, 2048)
NOTICE = {
    "Type": "Notification",
    "MessageId": "m-1",
    "TopicArn": TOPIC,
    "Message": "hi",
    "Timestamp": "2026-01-05T02:00:00.000Z",
    "SignatureVersion": "2",
    "SigningCertURL": CERTIFICATE,
}


def signed(**changes: Any) -> dict[str, Any]:
    message = {**NOTICE, **changes}
    signature = AWS.sign(sns.signed_text(message), PKCS1v15(), SHA256())
    return {**message, "Signature": base64.b64encode(signature).decode()}


def test_what_sns_signs_is_a_line_for_each_name_and_value() -> None:
    assert sns.signed_text(NOTICE) == (
        b"Message\nhi\nMessageId\nm-1\nTimestamp\n2026-01-05T02:00:00.000Z\n"
        b"TopicArn\narn:aws:sns:eu-west-1:111122223333:ses\nType\nNotification\n"
    )
    assert b"\nSubject\nAbout\nTimestamp\n" in sns.signed_text({**NOTICE, "Subject": "About"})


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_of_a_confirmation_sns_signs_the_address_too(kind: str) -> None:
    asked = {"Type": kind, "SubscribeURL": "https://a.example", "Token": "t"}
    message = signed(**asked)

    sns.verify(message, AWS.public_key())
    with pytest.raises(BadSignature):
        sns.verify({**message, "SubscribeURL": "https://b.example"}, AWS.public_key())


@pytest.mark.parametrize(
    "changes",
    [
        {"Message": "ho"},
        {"Message": None},
        {"Message": "\ud800"},
        {"Subject": "added"},
        {"Type": "Other"},
        {"SignatureVersion": "1"},
        {"SignatureVersion": 2},
        {"Signature": None},
        {"Signature": "é"},
        {"Signature": ""},
        {"Signature": "\ud800"},
    ],
)
def test_a_message_of_sns_that_was_changed_is_refused(changes: dict[str, Any]) -> None:
    message = signed()
    sns.verify(message, AWS.public_key())
    with pytest.raises(BadSignature):
        sns.verify({**message, **changes}, AWS.public_key())


def test_the_certificate_is_at_snss_own_address_of_the_topics_region() -> None:
    assert sns.certificate_url(NOTICE, {TOPIC}) == CERTIFICATE
    china = TOPIC.replace("aws:sns:eu-west-1", "aws-cn:sns:cn-north-1")
    url = CERTIFICATE.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
    there = {**NOTICE, "TopicArn": china, "SigningCertURL": url}
    assert sns.certificate_url(there, {china}) == url


@pytest.mark.parametrize(
    "changes",
    [
        {"TopicArn": TOPIC + "2"},
        {"SigningCertURL": None},
        *(
            {"SigningCertURL": CERTIFICATE.replace(old, new)}
            for old, new in (
                ("https", "http"),
                ("eu-west-1", "eu-west-2"),
                (".com/", ".com.evil.example/"),
                (".com/", ".com.cn/"),
                (".com/", ".com:444/"),
                ("//sns", "//user@sns"),
                ("//sns", "//sns.evil"),
                (".pem", ".pem?a=1"),
                (".pem", ".pem\n"),
                ("0123456789abcdef", "../../evil"),
                ("0123456789abcdef", "0123456789ABCDEF"),
            )
        ),
    ],
)
def test_another_address_is_never_asked(changes: dict[str, Any]) -> None:
    with pytest.raises(BadSignature):
        sns.certificate_url({**NOTICE, **changes}, {TOPIC})


@pytest.mark.parametrize("topic", ["ses", "arn:aws:sns::111122223333:ses"])
def test_a_topic_that_is_none_has_no_certificate(topic: str) -> None:
    with pytest.raises(BadSignature):
        sns.certificate_url({**NOTICE, "TopicArn": topic}, {topic})


def test_a_topic_is_an_arn() -> None:
    assert sns.check_topic(TOPIC) == TOPIC
    with pytest.raises(ValueError, match="a topic is expected"):
        sns.check_topic("ses")


def test_a_subscription_is_confirmed_at_snss_own_address_never_at_the_one_that_is_named() -> None:
    asked = {**NOTICE, "Token": "a&b", "SubscribeURL": "https://evil.example/"}

    assert sns.confirmation_url(asked) == (
        "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription"
        "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A111122223333%3Ases&Token=a%26b"
    )
    with pytest.raises(BadSignature):
        sns.confirmation_url({**asked, "Token": None})


BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2027, 1, 1, tzinfo=UTC)


def pem(name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = AWS) -> bytes:
    owner = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(owner, owner, key.public_key(), 7, BEGINS, ENDS)
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


@pytest.mark.parametrize(
    "name",
    [
        "sns.amazonaws.com",
        "sns.eu-west-1.amazonaws.com",
        "sns-signing.me-central-1.amazonaws.com",
        "sns-cn-north-1.amazonaws.com.cn",
    ],
)
def test_a_certificate_of_sns_is_good_between_its_dates(name: str) -> None:
    found = sns.certificate(pem(name), BEGINS)

    sns.verify(signed(), found.key)
    assert found.ends_at == ENDS
    for moment in (BEGINS - timedelta(seconds=1), ENDS):
        with pytest.raises(BadSignature):
            sns.certificate(pem(name), moment)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="none"),
        pytest.param(pem("evil.example"), id="another's"),
        pytest.param(pem("sns.amazonaws.com.evil.example"), id="another's that begins alike"),
        pytest.param(pem("evilsns.amazonaws.com"), id="another's that ends alike"),
        pytest.param(
            pem("sns.amazonaws.com", ec.generate_private_key(ec.SECP256R1())), id="other key"
        ),
    ],
)
def test_what_is_no_certificate_of_sns_is_refused(raw: bytes) -> None:
    with pytest.raises(BadSignature):
        sns.certificate(raw, BEGINS)


def sns_accepts(body: bytes, mac: bytes) -> None:
    try:
        message = {**NOTICE, "Message": body.decode(), "Signature": mac.decode()}
    except UnicodeDecodeError:
        raise BadSignature from None  # strict JSON has refused it before
    sns.verify(message, AWS.public_key())


@pytest.mark.parametrize(
    ("accepts", "body", "mac"),
    [
        pytest.param(sendgrid_accepts, SG_BODY, SG_MAC, id="sendgrid"),
        pytest.param(sns_accepts, b"hi", signed()["Signature"].encode(), id="sns"),
    ],
)
def test_every_changed_bit_of_a_receipt_is_noticed(
    accepts: Callable[[bytes, bytes], None], body: bytes, mac: bytes
) -> None:
    demand_every_bit(accepts, body, mac, step=7)  # ECDSA takes its time


def test_a_changed_bit_of_twilios_form_is_noticed_or_spells_the_same() -> None:
    mac = b"RSOYDt4T1cUTdK1PDd93/VVr8B8="
    fields, same = twilio_reads(FORM, mac), 0
    for bit in range(len(FORM) * 8):
        try:
            assert twilio_reads(flipped(FORM, bit), mac) == fields
        except BadSignature:
            continue
        same += 1
    assert same == FORM.count(b"%2B")  # which is also %2b
    for bit in range(len(mac) * 8):
        with pytest.raises(BadSignature):
            twilio_reads(FORM, flipped(mac, bit))
