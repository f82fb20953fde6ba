"""HTTP: what became of a message, and the routes on which gateways report."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from care.phones import normalise
from contracts.events import Channel, DeliveryState
from contracts.ids import derive
from notifier import metrics
from notifier.app.note_receipt import note_receipt, note_reply
from notifier.domain.message import Message
from notifier.domain.receipts import Receipt
from notifier.domain.replies import Reply
from notifier.edges.receipt_store import ReadStore, ReceiptStore
from notifier.edges.vault import Vault
from notifier.errors import ForgedReceipt, UnknownGateway
from plumbing.clock import business_clock
from plumbing.resources import worker_role, worker_tx
from web.auth import ShopId, require
from web.bodies import limited_body
from web.pages import Limit, decode_cursor, encode_cursor, instant_of, micros_of
from web.problems import NotFound
from web.shop_session import Engine, shop_tx
from webhooks import BadJson, BadSignature, standard, strict_json

SERVICE: Final = "notifier"
RECEIPTS_PATH: Final = "/v1/receipts/{gateway_id}"

log = logging.getLogger(__name__)

router = APIRouter(prefix="/v1/shops/{shop_id}/messages", tags=["messages"])
receipts = APIRouter(tags=["receipts"])
read = Depends(require("messages:read"))

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


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Takes what gateways report."""

    engine: AsyncEngine
    vault: Vault
    partitions: int
    secrets: Mapping[str, str]  # by gateway
    country: str  # of numbers that come without their country's code
    unix_time: Callable[[], float]
    on_commit: Callable[[], None]

    async def take(self, gateway: str, request: Request, body: bytes) -> str:
        """Note signed news and return what came of it.

        What is signed but says nothing that we know is accepted and counted: to refuse it would
        only make the gateway repeat it.
        """
        signed_id = self._verified(gateway, request, body)
        news = _news(body)
        result = "unmapped"
        if isinstance(news, ReceiptBody) and (news.message_id or news.provider_id):
            result = await self._receipt(gateway, news)
        elif isinstance(news, ReplyBody):
            result = await self._reply(gateway, signed_id, news)
        metrics.NEWS.labels(result).inc()
        return result

    def _verified(self, gateway: str, request: Request, body: bytes) -> str:
        secret = self.secrets.get(gateway)
        if secret is None:
            raise UnknownGateway("no gateway of that name reports here")
        try:
            return standard.verify(body, request.headers.raw, [secret], self.unix_time())
        except BadSignature:
            raise ForgedReceipt("the signature is missing, wrong or too old") from None

    async def _receipt(self, gateway: str, news: ReceiptBody) -> str:
        receipt = Receipt(
            gateway, DeliveryState(news.state), news.message_id, news.provider_id, news.at
        )
        async with worker_tx(self.engine, worker_role(SERVICE)) as conn:
            store = ReceiptStore(conn, self.vault, self.partitions)
            result = await note_receipt(store, receipt, await business_clock(conn))
        self.on_commit()
        return result

    async def _reply(self, gateway: str, signed_id: str, news: ReplyBody) -> str:
        address = normalise(news.sender, self.country)
        if address is None:
            return "unmapped"
        reply_id = derive("reply", gateway, signed_id)
        reply = Reply(reply_id, address, news.text, news.message_id)
        async with worker_tx(self.engine, worker_role(SERVICE)) as conn:
            store = ReceiptStore(conn, self.vault, self.partitions)
            stopped = await note_reply(store, reply, await business_clock(conn))
        self.on_commit()
        log.info("reply noted", extra={"reply_id": reply_id, "opted_out": stopped})
        return "opted_out" if stopped else "reply"


def _news(body: bytes) -> ReceiptBody | ReplyBody | None:
    try:
        return _NEWS.validate_python(strict_json(body))
    except (BadJson, ValidationError):
        return None


def get_desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def get_vault(request: Request) -> Vault:
    vault: Vault = request.app.state.vault
    return vault


class Noted(BaseModel):
    result: str


@receipts.post(RECEIPTS_PATH, operation_id="note_gateway_news")
async def note_gateway_news(
    gateway_id: str,
    request: Request,
    body: Annotated[bytes, Depends(limited_body)],
    desk: Annotated[Desk, Depends(get_desk)],
) -> Noted:
    """Take a receipt or a reply from a gateway, signed as Standard Webhooks.

    A receipt is `{"message_id", "provider_id", "state": "sent|delivered|failed", "at"}`, a reply
    `{"from", "text", "message_id"}`.
    """
    return Noted(result=await desk.take(gateway_id, request, body))


class MessageAnswer(BaseModel):
    message_id: str
    customer_id: str
    rule_id: str
    rule_version: int
    kind: str
    message_class: str
    state: str
    reason: str
    revision: int
    due_at: datetime
    expires_at: datetime
    next_at: datetime
    order_id: str | None
    channel: str | None
    gateway: str | None
    provider_id: str | None
    pieces: int | None
    price_micros: int | None
    currency: str | None
    sent_at: datetime | None


class AttemptAnswer(BaseModel):
    attempt_no: int
    channel: str
    gateway: str
    at: datetime
    outcome: str | None
    detail: str | None


class MessageDetail(MessageAnswer):
    address: str | None = Field(description="masked; as the customer is reached today")
    attempts: list[AttemptAnswer]


class MessagePage(BaseModel):
    messages: list[MessageAnswer]
    next_cursor: str | None


@router.get("", operation_id="list_messages", dependencies=[read])
async def list_messages(
    shop_id: ShopId,
    engine: Engine,
    vault: Annotated[Vault, Depends(get_vault)],
    customer_id: str | None = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> MessagePage:
    """Return the shop's messages, those due last first."""
    parts = decode_cursor(cursor, int, str)
    before = None
    if parts is not None:
        before = (instant_of(parts[0]), str(parts[1]))
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        found = await ReadStore(conn, vault, 1).messages(customer_id, before, limit + 1)
    more = len(found) > limit
    page = found[:limit]
    return MessagePage(
        messages=[MessageAnswer(**_shown(one)) for one in page],
        next_cursor=_cursor(page[-1]) if more else None,
    )


@router.get("/{message_id}", operation_id="get_message", dependencies=[read])
async def get_message(
    shop_id: ShopId,
    message_id: str,
    engine: Engine,
    vault: Annotated[Vault, Depends(get_vault)],
) -> MessageDetail:
    """Return one message with every request that was made for it."""
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        store = ReadStore(conn, vault, 1)
        found = await store.message(message_id)
        if found is None:
            raise NotFound("no such message")
        address = await store.address_of(found)
        tried = await store.attempts(message_id)
    return MessageDetail(
        **_shown(found),
        address=masked(address, found.channel),
        attempts=[
            AttemptAnswer(
                attempt_no=one.attempt_no,
                channel=one.channel,
                gateway=one.gateway,
                at=one.at,
                outcome=one.outcome,
                detail=one.detail,
            )
            for one in tried
        ],
    )


def masked(address: str | None, channel: Channel | None) -> str | None:
    """Return enough of *address* for its owner to know it, too little for anybody else."""
    if address is None:
        return None
    if channel is Channel.EMAIL:
        name, _, host = address.rpartition("@")
        return f"{name[:1]}***@{host}"
    return f"{address[:3]}****{address[-4:]}"


def _cursor(last: Message) -> str:
    return encode_cursor(micros_of(last.due_at), last.message_id)


def _shown(one: Message) -> dict[str, Any]:
    return {name: getattr(one, name) for name in MessageAnswer.model_fields}
