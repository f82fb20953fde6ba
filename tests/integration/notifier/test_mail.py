"""E-mail against a real SMTP server: which failure proves that nothing was sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email import policy

import pytest
from pydantic import TypeAdapter

from contracts.events import Channel, MessageClass
from localstack import free_port
from notifier.domain.message import from_plan
from notifier.domain.outcome import Accepted, Outcome, Refused, Unsure
from notifier.domain.verdict import Draft
from notifier.edges.mail import MailGateway, connect_to, written
from notifier.edges.receipts import AnyReporter
from simulators.plan import Plan
from simulators.smtp import MailMode, MailServer
from support.callers import ENTRIES

from .conftest import SHANGHAI_NOON, listening, planned

MESSAGE = replace(from_plan(planned(), 0), sent_at=SHANGHAI_NOON)
DRAFT = Draft(
    channel=Channel.EMAIL,
    gateway="smtp",
    address="li@mail.example",
    text="小李，您的包裹已寄出。\n.\nend",
    pieces=1,
    price_micros=0,
    currency="CNY",
    sender="hello@tea.example",
    subject="已寄出",
)


def gateway(port: int, within_s: float = 2.0) -> MailGateway:
    connection = connect_to(
        "127.0.0.1", port, tls="none", username=None, password=None, within_s=within_s
    )
    return MailGateway(connection=connection, within_s=within_s)


async def sent(mode: MailMode) -> tuple[Outcome, MailServer]:
    async with MailServer(plan=Plan(by_receiver={DRAFT.address: mode})) as server:
        return await gateway(server.port).send(MESSAGE, DRAFT), server


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (MailMode.REJECT_RECEIVER, Refused("smtp_550", retryable=False)),
        (MailMode.DEFER_RECEIVER, Refused("smtp_451", retryable=True)),
        (MailMode.REFUSE_DATA, Refused("smtp_554", retryable=False)),
        (MailMode.DEFER_DATA, Refused("smtp_451", retryable=True)),
        (MailMode.DROP_IN_DATA, Unsure("smtpserver_disconnected")),
        (MailMode.DROP_AFTER_DATA, Unsure("smtpserver_disconnected")),
    ],
)
async def test_each_failure_has_its_meaning(mode: MailMode, expected: Outcome) -> None:
    outcome, _ = await sent(mode)

    assert type(outcome) is type(expected)
    if not isinstance(outcome, Accepted) and not isinstance(expected, Accepted):
        assert outcome.reason == expected.reason
    if isinstance(outcome, Refused) and isinstance(expected, Refused):
        assert outcome.retryable == expected.retryable


async def test_a_mail_arrives_as_it_was_written() -> None:
    outcome, server = await sent(MailMode.OK)

    (entry,) = server.ledger.accepted
    assert outcome == Accepted(f"<{MESSAGE.message_id}@tea.example>")
    assert entry["id"] == f"<{MESSAGE.message_id}@tea.example>"
    assert entry["to"] == ["li@mail.example"]
    assert entry["subject"] == "已寄出"
    assert entry["text"].replace("\r\n", "\n").rstrip("\n") == DRAFT.text
    assert entry["headers"]["Auto-Submitted"] == "auto-generated"
    assert "List-Unsubscribe" not in entry["headers"]


async def test_a_mail_carries_our_id_for_those_who_report_on_it() -> None:
    made = TypeAdapter(tuple[AnyReporter, ...]).validate_python(ENTRIES)
    async with MailServer() as server:
        plain = gateway(server.port)
        marked = replace(plain, headers=[one.mail_header for one in made])
        await marked.send(MESSAGE, DRAFT)

        (entry,) = server.ledger.accepted

    said = json.loads(entry["headers"]["X-SMTPAPI"])
    assert said == {"unique_args": {"huiliu_message_id": MESSAGE.message_id}}
    tag = entry["headers"]["X-SES-MESSAGE-TAGS"]
    assert tag == f"huiliu_message_id={MESSAGE.message_id}"


async def test_nobody_listening_was_not_sent() -> None:
    assert await gateway(free_port()).send(MESSAGE, DRAFT) == Refused("smtp_unreachable", True)


@asynccontextmanager
async def speaking(*lines: bytes) -> AsyncIterator[int]:
    """Serve one SMTP talk of fixed *lines*, then keep silent."""
    over = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number, line in enumerate(lines):
            if number:
                await reader.readline()
            writer.write(line)
        await over.wait()

    async with listening(talk) as port:
        try:
            yield port
        finally:
            over.set()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param((), Refused, id="no greeting"),
        pytest.param((b"554 go away\r\n",), Refused, id="turned away"),
        pytest.param((b"220 hi\r\n",), Refused, id="silent after EHLO"),
        pytest.param((b"220 hi\r\n", b"250 ok\r\n"), Refused, id="silent after MAIL"),
        pytest.param((b"220 hi\r\n", b"250 ok\r\n", b"250 ok\r\n"), Refused, id="after RCPT"),
        pytest.param((b"220 hi\r\n", *[b"250 ok\r\n"] * 3), Unsure, id="silent after DATA"),
        pytest.param(
            (b"220 hi\r\n", *[b"250 ok\r\n"] * 3, b"354 go\r\n"), Unsure, id="silent after the dot"
        ),
        pytest.param(
            (b"220 hi\r\n", *[b"250 ok\r\n"] * 3, b"354 go\r\nwhat?\r\n"), Unsure, id="garbled"
        ),
    ],
)
async def test_silence_before_data_was_not_sent_and_after_it_is_unknown(
    lines: tuple[bytes, ...], expected: type[Outcome]
) -> None:
    async with speaking(*lines) as port:
        outcome = await gateway(port, within_s=0.4).send(MESSAGE, DRAFT)

    assert isinstance(outcome, expected), outcome


@pytest.mark.parametrize(
    "address", ["no-at-sign", "a@b\r\nRCPT TO:<x@y.example>", "", "a@", "li@邮箱.example"]
)
async def test_an_address_that_no_mail_can_carry_was_not_sent(address: str) -> None:
    async with MailServer() as server:
        outcome = await gateway(server.port).send(MESSAGE, replace(DRAFT, address=address))

        assert outcome == Refused("unsendable", retryable=False)
        assert server.ledger.requests == []


def test_marketing_tells_the_way_out_in_a_header_that_is_not_folded() -> None:
    marketing = replace(MESSAGE, message_class=MessageClass.MARKETING)

    raw = written(marketing, DRAFT).as_bytes(policy=policy.SMTP)
    long = written(marketing, replace(DRAFT, sender="a" * 60 + "@tea.example"))

    assert b"\r\nList-Unsubscribe: <mailto:hello@tea.example?subject=unsubscribe>\r\n" in raw
    assert long["List-Unsubscribe"] is None
