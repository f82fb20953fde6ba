"""On a real socket: what is answered without a task of its own is answered as the usual way does.

The route here answers when it is told to, so that a test decides what happens in between.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry

from support.eventually import eventually
from web import hot
from web.hot import Answer, Head, HotPath, RawHeaders, Tell
from web.limits import Gate
from web.metrics import HttpMetrics
from web.problems import Forbidden, Unavailable
from web.server import BoundedProtocol, Server

PATH = "/v1/things/7"
BODY = b'{"a":1}'


@dataclass(eq=False)
class Things:
    """POST /v1/things/{id}: express unless the body says "slowly"."""

    template: str = "/v1/things/{id}"
    begun: list[tuple[bytes, Tell]] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)
    slow: list[bytes] = field(default_factory=list)
    closed: bool = False

    def ticket(self, path: str, head: Head) -> str | None:
        del path
        if head.get(b"authorization") == b"nobody" or self.closed:
            raise Forbidden("not you")
        return "in"

    def begin(self, ticket: Any, raw: bytes, traceparent: str, tell: Tell) -> bool:
        assert ticket == "in"
        if b"slowly" in raw:
            return False
        self.traces.append(traceparent)
        self.begun.append((raw, tell))
        return True

    async def take(self, ticket: Any, headers: RawHeaders, raw: bytes) -> Answer | None:
        del ticket, headers
        self.slow.append(raw)
        return Answer(200, b'{"took":%d}' % len(raw))

    def finish(self, number: int = 0) -> None:
        raw, tell = self.begun[number]
        tell(Answer(200, b'{"took":%d}' % len(raw)))


@dataclass(eq=False)
class Served:
    things: Things
    server: Server
    gate: Gate
    registry: CollectorRegistry
    parsed: list[bytes]  # the paths of heads that went through the parser

    def free(self) -> int:
        """Return how many more may come in."""
        return self.gate.free

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self.server.address.split(":")
        return await asyncio.open_connection(host, int(port))

    async def known(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection whose head is known by now, for bodies of as many bytes as BODY."""
        reader, writer = await self.connect()
        writer.write(request())
        await self.begun(len(self.things.begun) + 1)
        self.things.finish(-1)
        await answer(reader)
        self.parsed.clear()
        return reader, writer

    async def begun(self, count: int = 1) -> None:
        await eventually(lambda: len(self.things.begun) == count, within_s=5)


@pytest.fixture
async def served(build: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    registry = CollectorRegistry()
    things = Things()
    router = APIRouter()

    @router.post(things.template, operation_id="usual")
    async def usual(request: Request) -> Response:
        return Response(b'{"took":%d}' % len(await request.body()))

    app = build(router, public=[things.template])
    front = HotPath(app, [things], gate=app.state.gate, metrics=HttpMetrics(registry), errors=[])
    server = Server(front, "HUILIU_HTTP_PORT", grace_s=5)
    parsed: list[bytes] = []
    on_url = BoundedProtocol.on_url

    def noted(self: BoundedProtocol, url: bytes) -> None:
        parsed.append(url)
        on_url(self, url)

    monkeypatch.setattr(BoundedProtocol, "on_url", noted)
    server.bind("127.0.0.1", 0)
    server.listen()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.run_until_told())
        yield Served(things, server, app.state.gate, registry, parsed)
        server.should_exit = True
    server.close()


def request(body: bytes = BODY, *more: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *more, "", ""]
    return "\r\n".join(lines).encode() + body


async def answer(reader: asyncio.StreamReader) -> bytes:
    """Return one answer as it came, but for the time of day."""
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"content-length: (\d+)", head)
        assert found, head
        body = await reader.readexactly(int(found[1]))
    return re.sub(rb"date: [^\r]+", b"date: -", head) + body


async def test_both_ways_answer_with_the_same_bytes(served: Served) -> None:
    reader, writer = await served.connect()
    free = served.free()
    writer.write(request(b"123456"))
    await served.begun()
    assert served.free() == free - 1
    served.things.finish()
    swift = await answer(reader)

    writer.write(request(b"slowly"))
    usual = await answer(reader)

    assert swift == usual
    assert served.things.slow == [b"slowly"]
    assert served.free() == free
    writer.close()


async def test_a_body_in_pieces_goes_the_usual_way(served: Served) -> None:
    reader, writer = await served.connect()
    free = served.free()
    whole = request()
    writer.write(whole[:-3])
    await eventually(lambda: served.free() == free - 1, within_s=5)  # the API reads
    writer.write(whole[-3:])

    assert (await answer(reader)).endswith(b'{"took":7}')
    assert not served.things.begun
    writer.close()


async def test_requests_in_one_piece_are_answered_in_order(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(request(b"1") + request(b"slowly") + request(b"333"))
    await served.begun()
    served.things.finish()

    said = [await answer(reader) for _ in range(3)]

    # Behind another one, on one connection, all go the usual way.
    assert [one[-10:] for one in said] == [b'{"took":1}', b'{"took":6}', b'{"took":3}']
    writer.close()


async def test_what_the_route_leaves_goes_the_usual_way(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(request(b"slowly"))

    assert (await answer(reader)).endswith(b'{"took":6}')
    assert served.things.slow == [b"slowly"]
    writer.close()


async def test_who_may_not_come_in_hears_the_usual_answer(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(request(BODY, "Authorization: nobody"))

    assert (await answer(reader)).startswith(b"HTTP/1.1 403")
    assert not served.things.begun
    writer.close()


@pytest.mark.parametrize(
    ("error", "status"), [(Unavailable("come again"), 503), (RuntimeError("a bug"), 500)]
)
async def test_an_error_is_a_problem(served: Served, error: Exception, status: int) -> None:
    reader, writer = await served.connect()
    writer.write(request())
    await served.begun()
    served.things.begun[0][1](error)

    said = await answer(reader)

    assert said.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"application/problem+json" in said
    labels = {"route": served.things.template, "method": "POST", "status": str(status)}
    assert served.registry.get_sample_value("huiliu_http_requests_total", labels) == 1
    writer.write(request())
    await served.begun(2)  # the connection goes on
    served.things.finish(1)
    await answer(reader)
    writer.close()


async def test_a_crowd_is_refused_without_being_let_in(served: Served) -> None:
    known_reader, known = await served.known()
    reader, writer = await served.connect()
    free, served.gate.free = served.gate.free, 0
    known.write(request())
    writer.write(request())

    for said in (await answer(known_reader), await answer(reader)):
        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"application/problem+json" in said
        assert re.search(rb"retry-after: ([5-9]|[12]\d|30)\r\n", said)
        assert b"x-content-type-options: nosniff" in said
    assert len(served.things.begun) == 1
    assert not served.things.slow
    labels = {"route": served.things.template, "method": "POST", "status": "503"}
    assert served.registry.get_sample_value("huiliu_http_requests_total", labels) == 2

    served.gate.free = free  # the connections go on
    for each, itself in ((known_reader, known), (reader, writer)):
        itself.write(request())
        await served.begun(len(served.things.begun) + 1)
        served.things.finish(-1)
        assert (await answer(each)).startswith(b"HTTP/1.1 200 ")
        itself.close()
    assert served.free() == free


async def test_a_caller_who_has_gone_is_let_go(served: Served) -> None:
    free = served.free()
    _, writer = await served.connect()
    writer.write(request())
    await served.begun()
    writer.transport.abort()
    await eventually(lambda: not served.server.server_state.connections, within_s=5)

    served.things.finish()

    assert served.free() == free


async def test_stopping_waits_for_the_answer(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(request())
    await served.begun()
    served.server.should_exit = True
    [protocol] = served.server.server_state.connections
    await eventually(lambda: not protocol.cycle.keep_alive, within_s=5)  # type: ignore[union-attr]
    served.things.finish()

    said = await answer(reader)

    assert b"connection: close" in said
    assert await reader.read() == b""
    writer.close()


async def test_a_trace_goes_on(served: Served) -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-01"
    reader, writer = await served.connect()
    writer.write(request(BODY, f"traceparent: {parent}"))
    await served.begun()
    served.things.finish()
    await answer(reader)

    assert served.things.traces[0][3:35] == "a" * 32
    writer.close()


async def test_a_head_that_came_before_is_not_parsed_again(served: Served) -> None:
    reader, writer = await served.connect()
    writer.write(request(b"1234567"))
    await served.begun()
    served.things.finish()
    first = await answer(reader)
    writer.write(request(b"7654321"))
    await served.begun(2)
    served.things.finish(1)

    assert await answer(reader) == first
    assert [raw for raw, _ in served.things.begun] == [b"1234567", b"7654321"]
    assert served.parsed == [PATH.encode()]
    writer.close()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(request(b"12345678"), id="another length"),
        pytest.param(request(BODY, "X-More: 1"), id="another header"),
        pytest.param(request().replace(b"Host: x", b"Host: y"), id="another host"),
    ],
)
async def test_another_head_is_parsed(served: Served, other: bytes) -> None:
    reader, writer = await served.known()
    writer.write(other)
    await served.begun(2)
    served.things.finish(1)

    assert (await answer(reader)).startswith(b"HTTP/1.1 200")
    assert served.parsed == [PATH.encode()]
    writer.close()


async def test_who_may_not_come_in_any_more_hears_so(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = await served.known()
    served.things.closed = True
    writer.write(request())  # it was let in a moment ago
    await served.begun(2)
    served.things.finish(1)
    await answer(reader)
    monkeypatch.setattr(hot, "TRUSTED_S", 0)  # a moment later
    writer.write(request())

    assert (await answer(reader)).startswith(b"HTTP/1.1 403")
    assert len(served.things.begun) == 2
    writer.close()


async def test_behind_a_known_head_the_route_may_leave_it(served: Served) -> None:
    reader, writer = await served.known()
    writer.write(request(b"slowly1"))
    assert (await answer(reader)).endswith(b'{"took":7}')
    assert served.things.slow == [b"slowly1"]

    writer.write(request())  # and the next one is taken again
    await served.begun(2)
    served.things.finish(1)
    await answer(reader)
    writer.close()


async def test_a_known_head_whose_body_comes_in_pieces(served: Served) -> None:
    reader, writer = await served.known()
    free = served.free()
    whole = request(b"abcdefg")
    writer.write(whole[:-3])
    await eventually(lambda: served.free() == free - 1, within_s=5)
    writer.write(whole[-3:] + request(b"hijklmn"))
    assert (await answer(reader)).endswith(b'{"took":7}')
    assert (await answer(reader)).endswith(b'{"took":7}')

    writer.write(request())
    await served.begun(2)
    served.things.finish(1)
    await answer(reader)
    writer.close()


async def test_two_with_a_known_head_in_one_piece(served: Served) -> None:
    reader, writer = await served.known()
    writer.write(request(b"first..") + request(b"second."))
    await served.begun(2)
    served.things.finish(1)

    await answer(reader)
    await answer(reader)
    assert served.parsed == [PATH.encode()] * 2
    writer.close()


async def test_a_known_head_while_the_last_one_is_not_answered(served: Served) -> None:
    reader, writer = await served.known()
    writer.write(request(b"first.."))
    await served.begun(2)
    writer.write(request(b"second."))
    await eventually(lambda: served.parsed == [PATH.encode()], within_s=5)
    served.things.finish(1)

    await answer(reader)
    assert (await answer(reader)).endswith(b'{"took":7}')
    writer.close()


async def test_a_body_in_chunks_has_no_head_to_remember(served: Served) -> None:
    reader, writer = await served.connect()
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", "Transfer-Encoding: chunked", "", ""]
    # Its last bytes are those of its body: whoever only looks at the end sees a head before it.
    chunked = "\r\n".join(lines).encode() + b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"
    for number in range(2):
        writer.write(chunked)
        await served.begun(number + 1)
        served.things.finish(number)
        await answer(reader)

    assert [raw for raw, _ in served.things.begun] == [b"0\r\n\r\n"] * 2
    assert served.parsed == [PATH.encode()] * 2
    writer.close()


@pytest.mark.parametrize("line", [b"Host: x\r\n", b"\r\n\r\n"])
async def test_no_head_has_lines_that_end_without_cr(served: Served, line: bytes) -> None:
    reader, writer = await served.connect()
    writer.write(request().replace(line, line.replace(b"\r\n", b"\n")))

    assert (await answer(reader)).startswith(b"HTTP/1.1 400")
    assert not served.things.begun
    writer.close()


async def test_a_connection_that_rests_is_closed(served: Served) -> None:
    reader, writer = await served.known()
    [protocol] = served.server.server_state.connections
    assert isinstance(protocol, BoundedProtocol)
    timer = protocol.timeout_keep_alive_task
    assert timer is not None
    writer.write(request())
    await served.begun(2)
    protocol.timeout_keep_alive_handler()  # it runs out while one is at work
    served.things.finish(1)
    await answer(reader)
    protocol.timeout_keep_alive_handler()  # and soon after an answer
    assert not protocol.transport.is_closing()

    protocol.timeout_keep_alive = 0
    protocol.timeout_keep_alive_handler()

    assert await reader.read() == b""
    writer.close()
