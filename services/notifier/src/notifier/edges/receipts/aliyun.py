"""Aliyun SMS (阿里云): lists of receipts and of replies. Nothing signs them."""

from typing import ClassVar, Literal

from typing_extensions import override

from contracts.events import Channel
from notifier.domain.reports import aliyun as lists
from notifier.domain.reports.report import Report, Sender
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.reporter import Call, UnsignedReporter, parsed
from web.hot import Answer


class Aliyun(UnsignedReporter):
    channel: ClassVar[Channel] = Channel.SMS
    success: ClassVar[Answer] = Answer(200, '{"code":0,"msg":"成功"}'.encode())

    kind: Literal["aliyun"]

    @override
    async def read(self, call: Call, sender: Sender, aws: Aws) -> Report:
        self.demand_network(call)
        return lists.read(parsed(call.body), sender)
