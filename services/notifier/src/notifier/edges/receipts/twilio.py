"""Twilio: callbacks of states, and messages that come in; a form, signed with the address."""

from typing import Annotated, ClassVar, Literal
from urllib.parse import parse_qs

from pydantic import Field
from typing_extensions import override

from contracts.events import Channel
from notifier.domain.reports import twilio as forms
from notifier.domain.reports.report import OUR_ID, Report, Sender, maybe_id
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, ForeignReporter, Secrets
from webhooks import BadSignature, twilio


class Twilio(ForeignReporter):
    channel: ClassVar[Channel] = Channel.SMS

    kind: Literal["twilio"]
    tokens: Secrets = Field(description="the account's auth tokens; all are tried")
    account: str = Field(pattern=r"^AC[0-9a-zA-Z_]{1,64}$", description="its AccountSid")
    public_url: Annotated[
        str,
        Field(
            pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*[^\s?#/])?$",
            description="what stands before /v1/receipts/ outside, as https://in.example.com",
        ),
    ]

    @override
    async def read(self, call: Call, sender: Sender, aws: Aws) -> Report:
        query = f"?{call.query}" if call.query else ""
        url = f"{self.public_url}{call.path}{query}"
        tokens = [one.get_secret_value() for one in self.tokens]
        form = dict(twilio.verify(call.body, call.headers, url, tokens))
        if form.get("AccountSid", self.account) != self.account:
            raise BadSignature
        told = parse_qs(call.query, max_num_fields=twilio.MAX_FIELDS).get(OUR_ID)
        return forms.read(form, maybe_id(told[0]) if told else None, sender)
