"""Each bit of a signed report counts: changed, it is refused, or says what it said before."""

import time
from collections.abc import AsyncIterator, Mapping
from typing import Final

import httpx
import pytest
from pydantic import TypeAdapter

from notifier.domain.reports.report import Report, Sender
from notifier.edges.receipts import AnyReporter
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, Reporter
from notifier.errors import Unreadable
from simulators.http_wire import HttpServer
from support.callers import (
    ENTRIES,
    Detour,
    Post,
    SnsServer,
    sendgrid_post,
    ses_post,
    twilio_post,
)
from webhooks import BadSignature

REPORTERS: Final[Mapping[str, Reporter]] = {
    one.kind: one for one in TypeAdapter(tuple[AnyReporter, ...]).validate_python(ENTRIES)
}
SENDER: Final = Sender(gateway="g", blind=str.encode)
FORM: Final = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+8613800138000"}
EVENT: Final = {"event": "delivered", "email": "li@mail.example", "huiliu_message_id": "m1"}
NOTICE: Final = {
    "eventType": "Delivery",
    "mail": {"tags": {"huiliu_message_id": ["m1"]}},
    "delivery": {"recipients": ["li@mail.example"]},
}
POSTS: Final = {
    "twilio": twilio_post(FORM, message_id="m1"),
    "sendgrid": sendgrid_post([EVENT]),
    "ses": ses_post(NOTICE),
}


@pytest.fixture
async def aws() -> AsyncIterator[Aws]:
    async with (
        HttpServer(SnsServer()) as server,
        httpx.AsyncClient(transport=Detour(lambda: server.address)) as client,
    ):
        yield Aws(client=client, unix_time=time.time)


async def read(post: Post, aws: Aws) -> Report | None:
    """Return what *post* says; None when it is refused."""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in post.headers.items()]
    call = Call(post.path, post.query, headers, post.body, None, time.time())
    try:
        return await REPORTERS[post.kind].read(call, SENDER, aws)
    except (BadSignature, Unreadable):
        return None


@pytest.mark.parametrize("post", POSTS.values(), ids=POSTS)
async def test_a_changed_bit_of_the_body_is_noticed_or_says_the_same(post: Post, aws: Aws) -> None:
    said = await read(post, aws)
    assert said is not None
    assert len(said.news) == 1

    accepted = [
        bit
        for bit in range(len(post.body) * 8)
        if (found := await read(post.with_bit_of_body(bit), aws)) is not None and found != said
    ]

    assert accepted == []


@pytest.mark.parametrize("kind", ["twilio", "sendgrid"])
async def test_a_changed_bit_of_the_signature_or_the_address_is_noticed(
    kind: str, aws: Aws
) -> None:
    post = POSTS[kind]
    assert await read(post, aws) is not None

    for bit in range(len(post.headers[post.mac or ""]) * 8):
        assert await read(post.with_bit_of_mac(bit), aws) is None
    if post.query:
        moved = Post(post.kind, post.body, post.headers, post.query[:-1] + "2")
        assert await read(moved, aws) is None


async def test_nearly_every_changed_bit_of_the_body_is_refused(aws: Aws) -> None:
    """Control: what says the same is a letter of an escape, or a name that nothing reads."""
    spells_the_same = {"twilio": b"%2B", "sendgrid": b"\x00none"}
    for kind, part in spells_the_same.items():
        post = POSTS[kind]
        kept = [
            bit
            for bit in range(len(post.body) * 8)
            if await read(post.with_bit_of_body(bit), aws) is not None
        ]
        assert len(kept) == post.body.count(part)
