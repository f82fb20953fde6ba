"""Amazon SES by SNS: signed by a certificate that it names, behind a handshake."""

import logging
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field
from typing_extensions import override

from contracts.events import Channel
from notifier.domain.reports import ses as notices
from notifier.domain.reports.report import OUR_ID, Report, Sender
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, ForeignReporter
from web.hot import Answer
from webhooks import BadJson, BadSignature, sns, strict_json

log = logging.getLogger(__name__)


class Ses(ForeignReporter):
    channel: ClassVar[Channel] = Channel.EMAIL
    success: ClassVar[Answer] = Answer(200, b"")

    kind: Literal["ses"]
    topics: tuple[Annotated[str, AfterValidator(sns.check_topic)], ...] = Field(
        min_length=1, max_length=20, description="ARNs of our topics; subscriptions are confirmed"
    )

    @override
    async def read(self, call: Call, sender: Sender, aws: Aws) -> Report:
        message = _envelope(call.body)
        found = await aws.certificate(sns.certificate_url(message, self.topics))
        sns.verify(message, found.key)
        if message["Type"] == "Notification":
            notice = _notice(message["Message"])
            return Report(silent=1) if notice is None else notices.read(notice, sender)
        if message["Type"] == "SubscriptionConfirmation":
            await aws.confirm(sns.confirmation_url(message))
        log.warning("subscription", extra={"topic": message["TopicArn"], "said": message["Type"]})
        return Report(silent=1)

    @override
    def mail_header(self, message_id: str) -> tuple[str, str]:
        return "X-SES-MESSAGE-TAGS", f"{OUR_ID}={message_id}"


def _envelope(raw: bytes) -> dict[str, Any]:
    try:
        message = strict_json(raw)
    except BadJson:
        raise BadSignature from None
    if not isinstance(message, dict):
        raise BadSignature
    return message


def _notice(text: str) -> Any | None:
    """Return the JSON inside; None for the plain words that SES greets a new topic with."""
    try:
        return strict_json(text.encode())
    except BadJson:
        return None
