"""SendGrid: lists of events, signed with a key of the account's."""

import json
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from typing_extensions import override

from contracts.events import Channel
from notifier.domain.reports import sendgrid as events
from notifier.domain.reports.report import OUR_ID, Report, Sender
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, ForeignReporter, parsed
from webhooks import MAX_SECRETS, sendgrid


def _key(text: str) -> str:
    sendgrid.key_of(text)
    return text


class SendGrid(ForeignReporter):
    channel: ClassVar[Channel] = Channel.EMAIL

    kind: Literal["sendgrid"]
    keys: tuple[Annotated[str, AfterValidator(_key)], ...] = Field(
        min_length=1,
        max_length=MAX_SECRETS,
        description="verification keys, as SendGrid shows them",
    )

    @override
    async def read(self, call: Call, sender: Sender, aws: Aws) -> Report:
        sendgrid.verify(call.body, call.headers, self.keys)
        return events.read(parsed(call.body), sender)

    @override
    def mail_header(self, message_id: str) -> tuple[str, str]:
        return "X-SMTPAPI", json.dumps({"unique_args": {OUR_ID: message_id}})
