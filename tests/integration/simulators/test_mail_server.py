"""The mail server keeps what it took, and refuses or breaks off on demand."""

from email.message import EmailMessage

import aiosmtplib
import pytest

from simulators import MailMode, MailServer, Plan

RECEIVER = "customer-1@customers.example"


def mail(number: int = 1) -> EmailMessage:
    made = EmailMessage()
    made["Message-ID"] = f"<m-{number}@tea-house.example>"
    made["From"], made["To"] = "care@tea-house.example", RECEIVER
    made["Subject"] = "生日快乐"
    made.set_content("祝您生日快乐。")
    made.add_alternative("<p>祝您生日快乐。</p>", subtype="html")
    return made


async def send(server: MailServer, made: EmailMessage) -> None:
    client = aiosmtplib.SMTP(hostname=server.host, port=server.port, timeout=2, start_tls=False)
    async with client:
        await client.send_message(made)


async def test_a_mail_is_kept_with_its_texts_and_headers() -> None:
    async with MailServer() as server:
        await send(server, mail())

        (kept,) = server.ledger.of("<m-1@tea-house.example>")
        assert (kept["subject"], kept["to"], kept["mode"]) == ("生日快乐", [RECEIVER], "ok")
        assert kept["text"].strip() == "祝您生日快乐。"
        assert kept["html"].strip() == "<p>祝您生日快乐。</p>"
        assert kept["headers"]["From"] == "care@tea-house.example"


@pytest.mark.parametrize(
    ("mode", "error", "accepted"),
    [
        (MailMode.REJECT_RECEIVER, aiosmtplib.SMTPRecipientsRefused, False),
        (MailMode.DEFER_RECEIVER, aiosmtplib.SMTPRecipientsRefused, False),
        (MailMode.REFUSE_DATA, aiosmtplib.SMTPDataError, False),
        (MailMode.DEFER_DATA, aiosmtplib.SMTPDataError, False),
        (MailMode.DROP_IN_DATA, aiosmtplib.SMTPServerDisconnected, False),
        (MailMode.DROP_AFTER_DATA, aiosmtplib.SMTPServerDisconnected, True),
    ],
)
async def test_each_misbehaviour_is_what_it_says(
    mode: MailMode, error: type[Exception], accepted: bool
) -> None:
    async with MailServer(plan=Plan(by_receiver={RECEIVER: mode})) as server:
        with pytest.raises(error):
            await send(server, mail())

        assert [entry["mode"] for entry in server.ledger.requests] == [mode]
        assert bool(server.ledger.accepted) == accepted


async def test_a_later_mail_to_the_same_receiver_may_fare_better() -> None:
    plan = Plan(shares={"reject-receiver": 0.5})
    async with MailServer(plan=plan) as server:
        for number in range(12):
            try:
                await send(server, mail(number))
            except aiosmtplib.SMTPRecipientsRefused:
                continue

        modes = [entry["mode"] for entry in server.ledger.requests]
        assert modes == [plan.mode(RECEIVER, RECEIVER, nth) for nth in range(1, 13)]
        assert set(modes) == {"ok", "reject-receiver"}


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="teapot"):
        MailServer(plan=Plan(shares={"teapot": 0.5}))
