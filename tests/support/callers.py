"""Gateways that report to us in their own words: their keys, their posts, and AWS' answers."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from typing_extensions import override

from notifier.domain.reports.report import OUR_ID
from simulators.http_wire import Request, Wire
from support.bits import flipped
from webhooks import sendgrid, sns, twilio

TOKEN: Final = "twilio-token-01"
ACCOUNT: Final = "AC0123"
PUBLIC_URL: Final = "https://in.example.com"
SENDGRID: Final = ec.generate_private_key(ec.SECP256R1())
AWS: Final = rsa.generate_private_key(65537, 2048)
TOPIC: Final = "arn:aws:sns:eu-west-1:111122223333:ses"
PEM_PATH: Final = "/SimpleNotificationService-0123456789abcdef.pem"
HOST: Final = "sns.eu-west-1.amazonaws.com"
NETWORK: Final = "203.0.113.0/24"


def _spki() -> str:
    raw = SENDGRID.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


def path_of(kind: str) -> str:
    return f"{kind}-0123456789abcdefghij"


ENTRIES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "kind": "twilio",
        "path": path_of("twilio"),
        "tokens": ["twilio-token-00", TOKEN],
        "account": ACCOUNT,
        "public_url": PUBLIC_URL,
    },
    {"kind": "sendgrid", "path": path_of("sendgrid"), "keys": [_spki()]},
    {"kind": "ses", "path": path_of("ses"), "topics": [TOPIC]},
    {"kind": "aliyun", "path": path_of("aliyun"), "networks": [NETWORK]},
    {"kind": "tencent", "path": path_of("tencent")},
)


@dataclass(frozen=True, slots=True)
class Post:
    """A post as bytes on the wire; *mac* names the header that signs, where one does."""

    kind: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    mac: str | None = None

    @property
    def path(self) -> str:
        return f"/v1/receipts/{path_of(self.kind)}"

    @property
    def url(self) -> str:
        return self.path + (f"?{self.query}" if self.query else "")

    def with_bit_of_body(self, bit: int) -> "Post":
        return replace(self, body=flipped(self.body, bit))

    def with_bit_of_mac(self, bit: int) -> "Post":
        name = self.mac or ""
        changed = flipped(self.headers[name].encode(), bit).decode("latin-1")
        return replace(self, headers={**self.headers, name: changed})


def _json(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def twilio_post(
    fields: Mapping[str, str], *, message_id: str | None = None, token: str = TOKEN
) -> Post:
    query = "" if message_id is None else urlencode({OUR_ID: message_id})
    unsigned = Post("twilio", urlencode({"AccountSid": ACCOUNT, **fields}).encode(), query=query)
    said = parse_qsl(unsigned.body.decode(), keep_blank_values=True)
    mac = twilio.sign(token, PUBLIC_URL + unsigned.url, said)
    return replace(unsigned, headers={twilio.HEADER: mac}, mac=twilio.HEADER)


def sendgrid_post(events: Any, *, key: ec.EllipticCurvePrivateKey = SENDGRID) -> Post:
    body = events if isinstance(events, bytes) else _json(events) + b"\r\n"
    at = "1794369600"
    mac = base64.b64encode(key.sign(at.encode() + body, ec.ECDSA(SHA256()))).decode()
    headers = {sendgrid.HEADER: mac, sendgrid.TIME_HEADER: at}
    return Post("sendgrid", body, headers, mac=sendgrid.HEADER)


def ses_post(notice: Any, *, key: rsa.RSAPrivateKey = AWS, **fields: Any) -> Post:
    message = {
        "Type": "Notification",
        "MessageId": "m-1",
        "TopicArn": TOPIC,
        "Message": notice if isinstance(notice, str) else _json(notice).decode(),
        "Timestamp": "2026-11-11T04:00:00.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": f"https://{HOST}{PEM_PATH}",
        **fields,
    }
    mac = base64.b64encode(key.sign(sns.signed_text(message), PKCS1v15(), SHA256())).decode()
    return Post("ses", _json({**message, "Signature": mac}), {"content-type": "text/plain"})


def ses_handshake(**fields: Any) -> Post:
    asked = {
        "Type": "SubscriptionConfirmation",
        "Token": "t0ken",
        "SubscribeURL": "https://x.example",
    }
    return ses_post("You have chosen to subscribe", **(asked | fields))


def aliyun_post(events: Any) -> Post:
    return Post("aliyun", events if isinstance(events, bytes) else _json(events))


def tencent_post(body: Any) -> Post:
    return Post("tencent", body if isinstance(body, bytes) else _json(body))


def pem() -> bytes:
    """Return a certificate of AWS' key, good today."""
    owner = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    day = timedelta(days=1)
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(owner, owner, AWS.public_key(), 7, now - day, now + day)
    return made.sign(AWS, SHA256()).public_bytes(Encoding.PEM)


@dataclass
class SnsServer:
    """Serves the certificate and takes confirmations; `status` other than 200 is its answer."""

    asked: list[str] = field(default_factory=list)
    status: int = 200

    async def __call__(self, request: Request, wire: Wire) -> None:
        self.asked.append(request.path)
        known = request.path == PEM_PATH or request.path.startswith("/?Action=ConfirmSubscription&")
        await wire.answer_text(self.status if known else 404, pem())


class Detour(httpx.AsyncBaseTransport):
    """Takes what goes to SNS' own host by TLS to a server here; all else is refused."""

    def __init__(self, address: Callable[[], str]) -> None:
        self._address = address
        self._inner = httpx.AsyncHTTPTransport()

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert (request.url.scheme, request.url.host) == ("https", HOST), request.url
        here = urlsplit(self._address())
        request.url = request.url.copy_with(scheme="http", host=here.hostname, port=here.port)
        return await self._inner.handle_async_request(request)

    @override
    async def aclose(self) -> None:
        await self._inner.aclose()
