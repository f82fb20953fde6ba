"""How each gateway tells what became of a message, and what it wants to hear. Not a test."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest

from contracts.events import Channel, DeliveryState, MessagePlanned
from notifier.edges.gateways import Gateway, SmsGateway
from notifier.edges.mail import MailGateway, connect_to
from simulators.smtp import MailServer
from support.callers import (
    Post,
    aliyun_post,
    sendgrid_post,
    ses_post,
    tencent_post,
    twilio_post,
)

from .conftest import PHONE, House, person, planned

MAILBOX: Final = "li@mail.example"
S = DeliveryState

# What a gateway is told of a message: state, our id, its own id.
Teller = Callable[[str, str | None, str | None], Post]


def by_twilio(state: str, ours: str | None, theirs: str | None, to: str = PHONE) -> Post:
    word = {"failed": "undelivered"}.get(state, state)
    form = {"MessageSid": theirs or "SM0", "MessageStatus": word, "To": to, "ErrorCode": "30003"}
    return twilio_post(form, message_id=ours)


def by_sendgrid(state: str, ours: str | None, theirs: str | None, to: str = MAILBOX) -> Post:
    kind = {"failed": "bounce"}.get(state, state)
    told = {"event": kind, "email": to, "type": "blocked", "sg_event_id": "e1"}
    ids = {"smtp-id": theirs, "huiliu_message_id": ours}
    return sendgrid_post([{**told, **{name: one for name, one in ids.items() if one}}])


def by_ses(state: str, ours: str | None, theirs: str | None, to: str = MAILBOX) -> Post:
    mail: dict[str, Any] = {"messageId": "ses-1", "destination": [to]}
    if ours:
        mail["tags"] = {"huiliu_message_id": [ours]}
    if theirs:
        mail["commonHeaders"] = {"messageId": theirs}
    if state == "failed":
        return ses_post({"eventType": "Reject", "mail": mail})
    return ses_post({"eventType": "Delivery", "mail": mail, "delivery": {"recipients": [to]}})


def by_aliyun(state: str, ours: str | None, theirs: str | None, to: str = PHONE) -> Post:
    told: dict[str, Any] = {
        "phone_number": to.removeprefix("+86"),
        "success": state == "delivered",
        "err_code": "DELIVERED" if state == "delivered" else "UNDELIVERED",
        "report_time": "2026-11-11 12:00:07",
        "biz_id": theirs or "0^0",
    }
    return aliyun_post([told | ({"out_id": ours} if ours else {})])


def by_tencent(state: str, ours: str | None, theirs: str | None, to: str = PHONE) -> Post:
    told: dict[str, Any] = {
        "nationcode": "86",
        "mobile": to.removeprefix("+86"),
        "report_status": "SUCCESS" if state == "delivered" else "FAIL",
        "errmsg": "DELIVRD" if state == "delivered" else "UNDELIV",
        "user_receive_time": "2026-11-11 12:00:07",
        "sid": theirs or "0:0",
    }
    return tencent_post([told | ({"ext": ours} if ours else {})])


@dataclass(frozen=True, slots=True)
class Way:
    """One gateway: what it sends by, what it says, and what it wants to hear."""

    channel: Channel
    tell: Teller
    answer: tuple[int, bytes]
    code: str
    is_signed: bool = True


OK_ALIYUN: Final = '{"code":0,"msg":"成功"}'.encode()
WAYS: Final[Mapping[str, Way]] = {
    "twilio": Way(Channel.SMS, by_twilio, (204, b""), "30003"),
    "sendgrid": Way(Channel.EMAIL, by_sendgrid, (204, b""), "bounce"),
    "ses": Way(Channel.EMAIL, by_ses, (200, b""), "reject"),
    "aliyun": Way(Channel.SMS, by_aliyun, (200, OK_ALIYUN), "UNDELIVERED", is_signed=False),
    "tencent": Way(
        Channel.SMS, by_tencent, (200, b'{"result":0,"errmsg":"OK"}'), "UNDELIV", is_signed=False
    ),
}
UNSIGNED: Final = [name for name, way in WAYS.items() if not way.is_signed]
every_gateway = pytest.mark.parametrize("name", WAYS)


@asynccontextmanager
async def sending(house: House, sms_gateway: SmsGateway) -> AsyncIterator[None]:
    async with MailServer() as server:
        connection = connect_to(
            "127.0.0.1", server.port, tls="none", username=None, password=None, within_s=2
        )
        mail = MailGateway(connection=connection, within_s=2)
        gateways: dict[Channel, Gateway] = {Channel.SMS: sms_gateway, Channel.EMAIL: mail}
        async with house.delivering(gateways):
            yield


async def sent(
    house: House, sms_gateway: SmsGateway, way: Way, *, once: str = "p1", phone: str = PHONE
) -> tuple[MessagePlanned, str]:
    """Send a message by the gateway; return it, and the gateway's own id of it."""
    one = planned(once, f"c-{once}", channels=(way.channel,))
    await house.feed(person(f"c-{once}", phone=phone))
    await house.feed(one)
    async with sending(house, sms_gateway):
        row = await house.comes_to(one, S.SENT)
    return one, row["provider_id"]


def heard(answer: httpx.Response) -> tuple[int, bytes]:
    return answer.status_code, answer.content
