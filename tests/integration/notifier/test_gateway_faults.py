"""The closed list, proved on real sockets: what is "not sent", and what is unknown."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field, replace

import httpx
import pytest

from contracts.events import Channel
from localstack import free_port
from notifier.domain.message import Message, from_plan
from notifier.domain.outcome import Accepted, Outcome, Refused, Unsure
from notifier.domain.verdict import Draft
from notifier.edges import gateways
from notifier.edges.gateways import SmsGateway, open_client, outcome_of_error
from support.eventually import eventually

from .conftest import PHONE, SECRET, listening, planned

MESSAGE: Message = from_plan(planned(), 0)
REMINDER = replace(MESSAGE, needs_freshness=True)
DRAFT = Draft(
    channel=Channel.SMS,
    gateway="sms",
    address=PHONE,
    text="【茶舍】你好",
    pieces=1,
    price_micros=None,
    currency=None,
    sender="茶舍",
)
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Server:
    port: int = 0
    requests: int = 0
    hold: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def serving(answer: bytes | Talk | None) -> AsyncIterator[Server]:
    """Serve *answer* to each request, cut the line after it; None: say nothing at all."""
    server = Server()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        server.requests += 1
        if callable(answer):
            await answer(reader, writer)
        elif answer is None:
            await server.hold.wait()
        else:
            writer.write(answer)
            await writer.drain()

    async with listening(talk) as server.port:
        try:
            yield server
        finally:
            server.hold.set()


async def sending(
    url: str, message: Message = MESSAGE, *, within_s: float = 0.5, connections: int = 5
) -> Outcome:
    async with open_client(connections) as client:
        gateway = SmsGateway(
            client=client, url=url, secret=SECRET, within_s=within_s, unix_time=time.time
        )
        return await gateway.send(message, DRAFT)


def http(status: str, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def test_an_acceptance_bears_the_gateways_id() -> None:
    async with serving(http("202 Accepted", b'{"id": "p-1", "more": 1}')) as server:
        outcome = await sending(f"http://127.0.0.1:{server.port}/sms")

    assert outcome == Accepted("p-1")
    assert server.requests == 1


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, True), (403, True), (404, True), (413, False), (422, False), (429, True)],
)
async def test_a_listed_status_was_definitely_not_sent(status: int, retryable: bool) -> None:
    async with serving(http(f"{status} No", b"no", "retry-after: 7")) as server:
        outcome = await sending(f"http://127.0.0.1:{server.port}/")

    assert isinstance(outcome, Refused)
    assert (outcome.reason, outcome.retryable) == (f"http_{status}", retryable)
    assert outcome.retry_after.total_seconds() == 7


@pytest.mark.parametrize(
    "status", [301, 302, 307, 308, 402, 408, 409, 410, 451, 500, 502, 503, 504]
)
async def test_any_other_status_is_unknown(status: int) -> None:
    async with serving(http(f"{status} Hm", b'{"id": "x"}', "location: /again")) as server:
        outcome = await sending(f"http://127.0.0.1:{server.port}/")

    assert outcome == Unsure(f"http_{status}")
    assert server.requests == 1  # no redirect was followed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b'{"id": "p-',
        b"{}",
        b'{"id": 7}',
        b'{"id": ""}',
        b'{"id": "a b"}',
        b'{"id": "a", "id": "b"}',
        b"[]",
        b"\xff",
        b'{"id": "p", "x": "' + b"x" * gateways.MAX_ANSWER_BYTES + b'"}',
    ],
)
async def test_a_success_that_cannot_be_read_is_unknown(body: bytes) -> None:
    async with serving(http("200 OK", body)) as server:
        outcome = await sending(f"http://127.0.0.1:{server.port}/")

    assert outcome == Unsure("unreadable_answer")


async def _reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")


async def _drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
    for _byte in range(1000):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)  # the fault itself: each byte beats the read timeout


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(b"", "remote_protocol_error", id="closed without a response"),
        pytest.param(b"HTTP/1.1 202 Acc", "remote_protocol_error", id="closed in the head"),
        pytest.param(
            b'HTTP/1.1 202 OK\r\ncontent-length: 99\r\n\r\n{"id": "p"}',
            "remote_protocol_error",
            id="closed in the body",
        ),
        pytest.param(b"SSH-2.0-x\r\n\r\n", "remote_protocol_error", id="another protocol"),
        pytest.param(
            http("200 OK", b"not gzip", "content-encoding: gzip"), "decoding_error", id="bad gzip"
        ),
        pytest.param(_reset, "read_error", id="reset"),
        pytest.param(None, ("read_timeout", "timeout_error"), id="silence"),
        pytest.param(_drip, "timeout_error", id="one byte at a time"),
    ],
)
async def test_a_line_that_breaks_after_the_request_is_unknown(
    answer: bytes | Talk | None, reason: str | tuple[str, ...]
) -> None:
    async with serving(answer) as server:
        outcome = await sending(f"http://127.0.0.1:{server.port}/")

    assert isinstance(outcome, Unsure)
    assert outcome.reason in ((reason,) if isinstance(reason, str) else reason)
    assert server.requests == 1


async def test_nobody_listening_was_not_sent() -> None:
    assert await sending(f"http://127.0.0.1:{free_port()}/") == Refused("connect_error", True)


async def test_an_unknown_host_was_not_sent() -> None:
    assert await sending("http://gateway.invalid/", within_s=5) == Refused("connect_error", True)


async def test_a_failed_tls_handshake_was_not_sent() -> None:
    async def not_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with listening(not_tls) as port:
        outcome = await sending(f"https://127.0.0.1:{port}/", within_s=5)

    assert outcome == Refused("connect_error", retryable=True)


async def test_a_reminder_gives_a_silent_tls_handshake_200_ms() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as port:
        began = time.monotonic()
        outcome = await sending(f"https://127.0.0.1:{port}/", REMINDER, within_s=5)

    assert outcome == Refused("connect_timeout", retryable=True)
    assert time.monotonic() - began < 1.5


async def test_a_connection_that_is_not_made_in_time_was_not_sent() -> None:
    with closing(socket.socket()) as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]  # the queue of the kernel is full
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        outcome = await sending(f"http://127.0.0.1:{address[1]}/", REMINDER, within_s=5)
        for one in waiting:
            one.close()

    assert outcome == Refused("connect_timeout", retryable=True)


async def test_a_reminder_does_not_queue_for_a_connection() -> None:
    async with serving(None) as server, open_client(1) as client:
        gateway = SmsGateway(
            client=client,
            url=f"http://127.0.0.1:{server.port}/",
            secret=SECRET,
            within_s=2,
            unix_time=time.time,
        )
        first = asyncio.create_task(gateway.send(MESSAGE, DRAFT))
        await eventually(lambda: server.requests == 1)
        assert await gateway.send(REMINDER, DRAFT) == Refused("pool_timeout", retryable=True)
        server.hold.set()
        await first

    assert server.requests == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http://[::/"])
async def test_a_url_that_never_works_was_not_sent(url: str) -> None:
    outcome = await sending(url)

    assert isinstance(outcome, Refused)
    assert not outcome.retryable


async def test_an_idle_connection_is_not_used_after_two_seconds() -> None:
    assert gateways.KEEPALIVE_EXPIRY_S == 2.0
    async with open_client(1) as client:
        transport = client._transport  # noqa: SLF001 - httpx shows its pool nowhere else
        assert isinstance(transport, httpx.AsyncHTTPTransport)
        pool = transport._pool  # noqa: SLF001 - no public way to ask
        assert pool._keepalive_expiry == 2.0  # noqa: SLF001 - no public way to ask
        assert (pool._http1, pool._http2, pool._retries) == (True, False, 0)  # noqa: SLF001 - no public way to ask
        assert not client.follow_redirects
        assert not client.trust_env


ALL_ERRORS = [
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
    httpx.InvalidURL,
]


def test_the_list_of_errors_that_prove_nothing_was_sent_is_closed() -> None:
    """A new one is unknown until its proof is here."""
    assert set(gateways.DEFINITELY_NOT_SENT) == set(ALL_ERRORS)
    assert {400, 401, 403, 404, 413, 422, 429} == gateways.REFUSALS
    for kind in ALL_ERRORS:
        assert isinstance(outcome_of_error(kind("x")), Refused)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.CloseError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.DecodingError("x"),
        httpx.TooManyRedirects("x"),
        ssl.SSLError("x"),
        TimeoutError(),
        OSError("x"),
    ],
)
def test_every_other_error_is_unknown(error: Exception) -> None:
    assert isinstance(outcome_of_error(error), Unsure)
