"""E-mail: one receiver a message, SMTP command by command, so that each failure has its meaning.

Any failure before DATA proves that nothing was sent. Inside DATA only the server's own refusal
does; a line that breaks there leaves the outcome unknown.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import aiosmtplib
from typing_extensions import override

from contracts.events import MessageClass
from notifier.domain.message import Message
from notifier.domain.outcome import Accepted, Outcome, Refused, Unsure
from notifier.domain.verdict import Draft
from notifier.edges.gateways import CONNECT_S, Gateway, kind_of

QUIT_S: Final = 1.0
LONGEST_MAILTO: Final = 50  # a longer one would be folded into an encoded word

_TEMPORARY: Final = range(400, 500)
_FINAL: Final = range(500, 600)
# Less than RFC 5322 allows: what every server takes, and nothing that ends a header or a command.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_MAILTO: Final = re.compile(r"[A-Za-z0-9.+_-]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True, kw_only=True)
class MailGateway(Gateway):
    """A connection of its own for each message: there is no stale one to fail on.

    Args:
        connection: Makes one, not opened yet.
        within_s: How long a hand-over may take.
        headers: More of them, made of the message's id: who reports on the mail gives it back.
    """

    connection: Callable[[], aiosmtplib.SMTP]
    within_s: float
    headers: Sequence[Callable[[str], tuple[str, str] | None]] = ()

    @override
    async def send(self, message: Message, draft: Draft) -> Outcome:
        if not (_ADDRESS.fullmatch(draft.sender) and _ADDRESS.fullmatch(draft.address)):
            return Refused("unsendable", retryable=False)
        mail = written(message, draft)
        for header in self.headers:
            if (more := header(message.message_id)) is not None:
                mail[more[0]] = more[1]
        raw = mail.as_bytes(policy=policy.SMTP)
        smtp = self.connection()
        step = _Step()
        try:
            async with asyncio.timeout(self.within_s):
                await _hand_over(smtp, draft, raw, step)
            return Accepted(_message_id(message, draft))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return outcome_of_failure(error, in_data=step.in_data)
        finally:
            await _hang_up(smtp)


@dataclass
class _Step:
    in_data: bool = False


async def _hand_over(smtp: aiosmtplib.SMTP, draft: Draft, raw: bytes, step: _Step) -> None:
    await smtp.connect()
    await smtp.mail(draft.sender)
    await smtp.rcpt(draft.address)
    step.in_data = True
    await smtp.data(raw)


async def _hang_up(smtp: aiosmtplib.SMTP) -> None:
    """Say goodbye; what fails here changes nothing."""
    with suppress(aiosmtplib.SMTPException, OSError):
        async with asyncio.timeout(QUIT_S):
            if smtp.is_connected:
                await smtp.quit()
    smtp.close()


def outcome_of_failure(error: Exception, *, in_data: bool) -> Outcome:
    """Judge a hand-over that failed, by where it did and what the server said."""
    code = getattr(error, "code", None)
    said = code if isinstance(code, int) else 0
    if in_data and not isinstance(error, aiosmtplib.SMTPDataError):
        return Unsure(kind_of(error))
    if said in _FINAL:
        return Refused(f"smtp_{said}", retryable=False)
    if said in _TEMPORARY:
        return Refused(f"smtp_{said}", retryable=True)
    if in_data:
        return Unsure("smtp_unexpected")
    unsendable = isinstance(error, ValueError)
    return Refused("unsendable" if unsendable else "smtp_unreachable", retryable=not unsendable)


def written(message: Message, draft: Draft) -> EmailMessage:
    """Return the mail. Its Message-ID is the message's: the same whoever writes it, and when."""
    mail = EmailMessage()
    mail["From"] = draft.sender
    mail["To"] = draft.address
    mail["Subject"] = draft.subject
    mail["Message-ID"] = _message_id(message, draft)
    mail["Auto-Submitted"] = "auto-generated"
    if message.sent_at is not None:
        mail["Date"] = format_datetime(_whole_second(message.sent_at))
    if message.message_class is MessageClass.MARKETING and _MAILTO.fullmatch(draft.sender):
        way_out = f"<mailto:{draft.sender}?subject=unsubscribe>"
        if len(way_out) <= LONGEST_MAILTO:
            mail["List-Unsubscribe"] = way_out
    mail.set_content(draft.text, cte="base64")
    return mail


def _message_id(message: Message, draft: Draft) -> str:
    return f"<{message.message_id}@{draft.sender.rpartition('@')[2]}>"


def _whole_second(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)


def connect_to(
    host: str,
    port: int,
    *,
    tls: str,
    username: str | None,
    password: str | None,
    within_s: float,
) -> Callable[[], aiosmtplib.SMTP]:
    """Return what makes a connection, not opened yet."""

    def connection() -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=host,
            port=port,
            use_tls=tls == "tls",
            start_tls=tls == "starttls",
            username=username,
            password=password,
            timeout=max(CONNECT_S, within_s / 2),
            local_hostname="huiliu.invalid",
        )

    return connection
