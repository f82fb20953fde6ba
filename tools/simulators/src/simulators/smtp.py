"""A mail server on aiosmtpd: keeps a ledger, and refuses or breaks on the plan."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax
from typing_extensions import override

from simulators.ledger import Ledger
from simulators.plan import Plan


class MailMode(StrEnum):
    """All but the last are definite: the mail was taken or was not."""

    OK = "ok"
    REJECT_RECEIVER = "reject-receiver"  # 550 to RCPT
    DEFER_RECEIVER = "defer-receiver"  # 451 to RCPT
    REFUSE_DATA = "refuse-data"  # 554 after the final dot
    DEFER_DATA = "defer-data"  # 451 after the final dot
    DROP_IN_DATA = "drop-in-data"  # breaks off before the final dot: not taken
    DROP_AFTER_DATA = "drop-after-data"  # takes it, breaks off without a word


RECEIVER_ANSWERS = {
    MailMode.REJECT_RECEIVER: "550 5.1.1 No such mailbox",
    MailMode.DEFER_RECEIVER: "451 4.2.1 Try again later",
}
DATA_ANSWERS = {
    MailMode.REFUSE_DATA: "554 5.7.1 Refused",
    MailMode.DEFER_DATA: "451 4.3.0 Try again later",
}


class MailServer:
    """`async with MailServer() as server:` then `server.host`, `server.port`, `server.ledger`.

    A ledger entry's `id` is the mail's Message-ID. The n-th mail to one receiver draws its mode
    from the plan by the receiver's address.

    Args:
        plan: Which mails go wrong; by default none.
        ledger_path: Keep the ledger in this file too.
        host, port: Where to listen; port 0 takes a free one.
    """

    def __init__(
        self,
        *,
        plan: Plan | None = None,
        ledger_path: Path | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.plan = plan or Plan()  # may be replaced while it runs
        for mode in {*self.plan.shares, *self.plan.by_receiver.values()}:
            MailMode(mode)
        self.ledger = Ledger(ledger_path)
        self.host = host
        self.port = port
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._seen: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connected, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.drop()
        await asyncio.sleep(0)  # lets the transports say goodbye
        self.ledger.close()

    def draw(self, receiver: str) -> MailMode:
        self._seen[receiver] += 1
        return MailMode(self.plan.mode(receiver, receiver, self._seen[receiver]))

    def note(self, envelope: Envelope, mode: MailMode, *, accepted: bool) -> None:
        raw = envelope.original_content or b""
        mail: EmailMessage = message_from_bytes(raw, policy=modern)
        self.ledger.append(
            {
                "id": str(mail.get("Message-ID", "")),
                "to": list(envelope.rcpt_tos),
                "from": envelope.mail_from,
                "subject": str(mail.get("Subject", "")),
                "text": _body(mail, "plain"),
                "html": _body(mail, "html"),
                "headers": {name: str(value) for name, value in mail.items()},
                "accepted": accepted,
                "mode": mode,
                "at": datetime.now(UTC).isoformat(),
            }
        )

    def _connected(self) -> asyncio.Protocol:
        connection = _Connection(self)
        self._connections.add(connection)
        return connection

    def forget(self, connection: "_Connection") -> None:
        self._connections.discard(connection)


class _Connection(SMTP):
    def __init__(self, server: MailServer) -> None:
        self._mode = MailMode.OK
        self._mail_server = server
        super().__init__(
            self, hostname="localhost", enable_SMTPUTF8=True, loop=asyncio.get_running_loop()
        )

    @override
    def connection_lost(self, error: Exception | None) -> None:
        self._mail_server.forget(self)
        super().connection_lost(error)

    def drop(self) -> None:
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined] # it is a WriteTransport

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: Any, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._mode = self._mail_server.draw(address)
        if self._mode in RECEIVER_ANSWERS:
            refused = Envelope()
            refused.mail_from, refused.rcpt_tos = envelope.mail_from, [address]
            self._mail_server.note(refused, self._mode, accepted=False)
            return RECEIVER_ANSWERS[self._mode]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    @override
    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        if self._mode is MailMode.DROP_IN_DATA and self.envelope and self.envelope.rcpt_tos:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            self._mail_server.note(self.envelope, self._mode, accepted=False)
            self.drop()
            return
        await super().smtp_DATA(arg)

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: Any, _session: Session, envelope: Envelope
    ) -> str:
        accepted = self._mode not in DATA_ANSWERS
        self._mail_server.note(envelope, self._mode, accepted=accepted)
        if self._mode is MailMode.DROP_AFTER_DATA:
            self.drop()
        return DATA_ANSWERS.get(self._mode, "250 2.0.0 Taken")


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
