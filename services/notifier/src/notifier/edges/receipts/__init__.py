"""The gateways that report in their own words, each by an address of its own.

To add one: a verifier in `libs/webhooks`, if it signs, and a reader in `notifier.domain.reports`,
both pure; a file here, made of the one that is most like it; its name in the list below.
"""

from typing import Annotated, TypeAlias

from pydantic import Field

from notifier.edges.receipts.aliyun import Aliyun
from notifier.edges.receipts.sendgrid import SendGrid
from notifier.edges.receipts.ses import Ses
from notifier.edges.receipts.tencent import Tencent
from notifier.edges.receipts.twilio import Twilio

__all__ = ["AnyReporter"]

AnyReporter: TypeAlias = Annotated[
    Twilio | SendGrid | Ses | Aliyun | Tencent, Field(discriminator="kind")
]
