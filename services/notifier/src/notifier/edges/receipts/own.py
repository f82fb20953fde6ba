"""Our own gateway's form, for whoever sends for us: JSON, signed as Standard Webhooks."""

import json
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from typing_extensions import override

from care.phones import normalise
from contracts.events import Channel, DeliveryState
from contracts.ids import derive
from notifier.domain.replies import Reply
from notifier.domain.reports.report import COUNTRY, News, Report, Sender
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, Reporter
from web.hot import Answer
from webhooks import BadJson, standard, strict_json

Id = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class ReceiptBody(BaseModel):
    """What became of a message, under our id, the gateway's, or both."""

    model_config = ConfigDict(extra="ignore")

    state: Literal["sent", "delivered", "failed"]
    message_id: Id | None = None
    provider_id: Id | None = None
    at: AwareDatetime | None = None


class ReplyBody(BaseModel):
    """What a person wrote back."""

    model_config = ConfigDict(extra="ignore")

    sender: str = Field(alias="from", min_length=3, max_length=32)
    text: str = Field(max_length=2000)
    message_id: Id | None = None


_NEWS: Final[TypeAdapter[ReceiptBody | ReplyBody]] = TypeAdapter(ReceiptBody | ReplyBody)


class Own(Reporter):
    """What is signed but says nothing that we know is accepted and counted.

    To refuse it would only make the gateway repeat it.
    """

    channel: ClassVar[Channel] = Channel.SMS

    kind: Literal["own"] = "own"
    secret: SecretStr

    @override
    async def read(self, call: Call, sender: Sender, aws: Aws) -> Report:
        secret = self.secret.get_secret_value()
        signed_id = standard.verify(call.body, call.headers, [secret], call.at_s)
        news = _news(call.body, signed_id, sender)
        return Report(silent=1) if news is None else Report((news,))

    @override
    def answer(self, results: Sequence[str]) -> Answer:
        return Answer(200, json.dumps({"result": results[0]}).encode())


def _news(raw: bytes, signed_id: str, sender: Sender) -> News | None:
    try:
        told = _NEWS.validate_python(strict_json(raw))
    except (BadJson, ValidationError):
        return None
    if isinstance(told, ReplyBody):
        address = normalise(told.sender, COUNTRY)
        reply_id = derive("reply", sender.gateway, signed_id)
        return None if address is None else Reply(reply_id, address, told.text, told.message_id)
    if not (told.message_id or told.provider_id):
        return None
    return sender.receipt(
        DeliveryState(told.state),
        message_id=told.message_id,
        provider_id=told.provider_id,
        address=None,
        at=told.at,
    )
