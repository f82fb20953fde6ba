"""Tencent Cloud SMS (腾讯云): lists of receipts, single replies. Nothing signs them."""

from typing import ClassVar, Literal

from typing_extensions import override

from contracts.events import Channel
from notifier.domain.reports import tencent as callbacks
from notifier.domain.reports.report import Report, Sender
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, UnsignedReporter, parsed
from web.hot import Answer


class Tencent(UnsignedReporter):
    channel: ClassVar[Channel] = Channel.SMS
    success: ClassVar[Answer] = Answer(200, b'{"result":0,"errmsg":"OK"}')

    kind: Literal["tencent"]

    @override
    async def read(self, call: Call, sender: Sender, aws: Aws) -> Report:
        self.demand_network(call)
        return callbacks.read(parsed(call.body), sender)
