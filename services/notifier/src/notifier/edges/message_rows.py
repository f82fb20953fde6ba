"""The table `message` and the announcements that go with its changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, bindparam, case, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import encode
from contracts.events import Channel, DeliveryState, MessageClass, Variable
from notifier.app.note_contact import CustomerKey
from notifier.domain.message import Message, announce
from notifier.edges.tables import message
from notifier.edges.vault import Vault
from plumbing import trace
from plumbing.outbox import put
from plumbing.records import place

SOURCE: Final = "notifier"

_FIELDS: Final = tuple(field.name for field in fields(Message))
_CHANGING: Final = (
    "state",
    "reason",
    "revision",
    "next_at",
    "attempt_no",
    "channel",
    "gateway",
    "provider_id",
    "pieces",
    "price_micros",
    "currency",
    "sent_at",
)
_ADD: Final = insert(message).on_conflict_do_nothing(index_elements=[message.c.message_id])
_SAVE: Final = (
    update(message)
    .where(message.c.message_id == bindparam("b_message_id"))
    .values(
        {name: bindparam(f"b_{name}") for name in _CHANGING}
        | {
            "since": case(
                (message.c.state == bindparam("b_state"), message.c.since),
                else_=func.clock_timestamp(),
            )
        }
    )
)
COLUMNS: Final = [message.c[name] for name in _FIELDS]


class MessageRows:
    """The statements that every use case shares; bound to one open transaction."""

    def __init__(self, conn: AsyncConnection, vault: Vault, partitions: int) -> None:
        self._conn = conn
        self._vault = vault
        self._partitions = partitions

    async def add(self, messages: Sequence[Message]) -> None:
        if messages:
            rows = sorted((_row(one) for one in messages), key=lambda row: str(row["message_id"]))
            await self._conn.execute(_ADD, rows)

    async def save(self, messages: Iterable[Message], at: datetime) -> None:
        changed = sorted(messages, key=lambda one: one.message_id)  # one lock order
        if not changed:
            return
        rows = [_row(one) for one in changed]
        await self._conn.execute(
            _SAVE, [{f"b_{name}": row[name] for name in ("message_id", *_CHANGING)} for row in rows]
        )
        await self.announce([announce(one, at) for one in changed], at)

    async def announce(self, events: Iterable[Any], at: datetime) -> None:
        """Put *events* into the outbox, to be published once the transaction is committed."""
        traceparent = trace.current()
        encoded = [encode(event, source=SOURCE, at=at, traceparent=traceparent) for event in events]
        await put(self._conn, [place(one, self._partitions) for one in encoded])

    async def lock_pending(self, customers: Collection[CustomerKey]) -> list[Message]:
        """Return, locked in the order of their ids, the planned messages of *customers*."""
        if not customers:
            return []
        found = await self._conn.execute(
            select(*COLUMNS)
            .where(message.c.state == DeliveryState.PLANNED.value, of_customers(customers))
            .order_by(message.c.message_id)
            .with_for_update()
        )
        return [message_of(row) for row in found.mappings()]


def of_customers(customers: Collection[CustomerKey]) -> Any:
    """Return the condition that a message is for one of *customers*."""
    return tuple_(message.c.shop_id, message.c.customer_id).in_(sorted(customers))


def message_of(row: RowMapping | Mapping[str, Any]) -> Message:
    values = {name: row[name] for name in _FIELDS}
    values["message_class"] = MessageClass(values["message_class"])
    values["channels"] = tuple(Channel(one) for one in values["channels"])
    values["variables"] = tuple(Variable(**one) for one in values["variables"])
    values["state"] = DeliveryState(values["state"])
    values["channel"] = None if values["channel"] is None else Channel(values["channel"])
    return Message(**values)


def _row(one: Message) -> dict[str, Any]:
    row = {name: getattr(one, name) for name in _FIELDS}
    row["message_class"] = one.message_class.value
    row["channels"] = [channel.value for channel in one.channels]
    row["variables"] = [asdict(variable) for variable in one.variables]
    row["state"] = one.state.value
    row["channel"] = None if one.channel is None else one.channel.value
    return row
