"""HTTP: what became of a message."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from contracts.events import Channel
from notifier.domain.message import Message
from notifier.edges.receipt_store import ReadStore
from notifier.edges.vault import Vault
from web.auth import ShopId, require
from web.pages import Limit, decode_cursor, encode_cursor, instant_of, micros_of
from web.problems import NotFound
from web.shop_session import Engine, shop_tx

SERVICE: Final = "notifier"

router = APIRouter(prefix="/v1/shops/{shop_id}/messages", tags=["messages"])
read = Depends(require("messages:read"))


def get_vault(request: Request) -> Vault:
    vault: Vault = request.app.state.vault
    return vault


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
