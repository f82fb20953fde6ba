"""The network: one request to a gateway, and what its answer proves.

`DEFINITELY_NOT_SENT` and `REFUSALS` are closed lists. Whatever is in neither, and no readable
acceptance, is unknown: it may have been sent, so it is never sent again.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

import httpx
from typing_extensions import override

from notifier.domain.message import Message
from notifier.domain.outcome import Accepted, Outcome, Refused, Unsure
from notifier.domain.verdict import Draft
from webhooks import BadJson, standard, strict_json

KEEPALIVE_EXPIRY_S: Final = 2.0  # a stale connection makes a false UNKNOWN
CONNECT_S: Final = 5.0
# A reminder must not outlive the payments that its gate knew of: late is "not sent".
HASTY_POOL_S: Final = 0.1
HASTY_CONNECT_S: Final = 0.2
MAX_ANSWER_BYTES: Final = 64 * 1024

# Nothing of the request can have reached the gateway's application.
DEFINITELY_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
)
_NEVER_WORKS: Final = (httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.InvalidURL)
# The gateway says itself that it took nothing. Our account's troubles pass: those are tried again.
REFUSALS: Final = frozenset({400, 401, 403, 404, 413, 422, 429})
RETRYABLE: Final = frozenset({401, 403, 404, 429})

_PROVIDER_ID: Final = re.compile(r"[\x21-\x7e]{1,200}")
_SECONDS: Final = re.compile(r"[0-9]{1,6}")


class Gateway(Protocol):
    async def send(self, message: Message, draft: Draft) -> Outcome:
        """Make one request, never a second one; ends within the request timeout."""


@asynccontextmanager
async def open_client(connections: int) -> AsyncIterator[httpx.AsyncClient]:
    """Open the HTTP client of all gateways: HTTP/1.1, no redirect, no proxy, no retry."""
    limits = httpx.Limits(
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=KEEPALIVE_EXPIRY_S,
    )
    transport = httpx.AsyncHTTPTransport(
        http1=True, http2=False, trust_env=False, limits=limits, retries=0
    )
    async with httpx.AsyncClient(
        transport=transport, follow_redirects=False, trust_env=False
    ) as client:
        yield client


@dataclass(frozen=True, kw_only=True)
class SmsGateway(Gateway):
    """Posts JSON, signed as Standard Webhooks; the id of the webhook is the message's.

    Request: `{"id", "to", "text", "sender"}`, the sender being the shop's signature. A 2xx with
    `{"id": "..."}`, the gateway's own id, accepts.
    """

    client: httpx.AsyncClient
    url: str
    secret: str
    within_s: float
    unix_time: Callable[[], float]  # a signature's age is judged by the pods' clocks

    @override
    async def send(self, message: Message, draft: Draft) -> Outcome:
        try:
            async with asyncio.timeout(self.within_s):
                return await self._post(message, draft)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return outcome_of_error(error)

    async def _post(self, message: Message, draft: Draft) -> Outcome:
        content = {
            "id": message.message_id,
            "to": draft.address,
            "text": draft.text,
            "sender": draft.sender,
        }
        body = json.dumps(content, ensure_ascii=False).encode()
        request = self.client.stream(
            "POST",
            self.url,
            content=body,
            headers=self._headers(message.message_id, body),
            timeout=self._timeouts(hasty=message.needs_freshness),
        )
        async with request as response:
            answer = bytearray()
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > MAX_ANSWER_BYTES:
                    break
            return outcome_of_answer(response.status_code, response.headers, bytes(answer))

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        now_s = int(self.unix_time())
        return {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "webhook-id": message_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": standard.sign(self.secret, message_id, now_s, body),
        }

    def _timeouts(self, *, hasty: bool) -> httpx.Timeout:
        if hasty:
            return httpx.Timeout(self.within_s, connect=HASTY_CONNECT_S, pool=HASTY_POOL_S)
        return httpx.Timeout(self.within_s, connect=min(CONNECT_S, self.within_s))


def outcome_of_error(error: BaseException) -> Outcome:
    """Judge a request that ended without an answer, by the kind of the error alone."""
    reason = kind_of(error)
    if isinstance(error, DEFINITELY_NOT_SENT):
        return Refused(reason, retryable=not isinstance(error, _NEVER_WORKS))
    return Unsure(reason)


def outcome_of_answer(status: int, headers: httpx.Headers, body: bytes) -> Outcome:
    """Judge an answer: an id accepts, a listed status refuses, all else is unknown."""
    if status in REFUSALS:
        return Refused(f"http_{status}", status in RETRYABLE, _retry_after(headers))
    if not 200 <= status < 300:
        return Unsure(f"http_{status}")
    provider_id = _provider_id(body)
    return Unsure("unreadable_answer") if provider_id is None else Accepted(provider_id)


def _provider_id(body: bytes) -> str | None:
    try:
        answer: Any = strict_json(body) if len(body) <= MAX_ANSWER_BYTES else None
    except BadJson:
        return None
    found = answer.get("id") if isinstance(answer, dict) else None
    return found if isinstance(found, str) and _PROVIDER_ID.fullmatch(found) else None


def _retry_after(headers: httpx.Headers) -> timedelta:
    text = headers.get("retry-after", "")
    return timedelta(seconds=int(text) if _SECONDS.fullmatch(text) else 0)


def kind_of(error: BaseException) -> str:
    """Return the kind of *error* as a reason; its text may quote an address."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
