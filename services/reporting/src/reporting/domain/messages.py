"""One message as its plan, its recall and its deliveries tell it, in whatever order they came."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from care.facts.registers import (
    Json,
    Registers,
    from_us,
    registers_from_json,
    registers_to_json,
    value_of,
    write_moments,
    write_registers,
)
from contracts.events import (
    Channel,
    DeliveryChanged,
    DeliveryState,
    MessageClass,
    MessagePlanned,
    MessageRecalled,
)

# A gateway took these, so they are billed. Of an unknown outcome nobody knows.
BILLED: Final = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.FAILED})
# Only a receipt says these.
RECEIPTS: Final = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED})
# The plan says who and why; it is older than anything that a delivery says.
PLANNED_VERSION: Final = 0


@dataclass(frozen=True, slots=True)
class MessageState:
    """Every field is a register; a delivery's version is its revision."""

    shop_id: str
    message_id: str
    registers: Registers

    def text(self, name: str) -> str | None:
        held = value_of(self.registers, name)
        return None if held is None else str(held)

    def number(self, name: str) -> int | None:
        held = value_of(self.registers, name)
        return None if held is None else int(held)

    def moment(self, name: str) -> datetime | None:
        return from_us(value_of(self.registers, name))

    @property
    def state(self) -> DeliveryState:
        return DeliveryState(self.text("state") or DeliveryState.PLANNED)

    @property
    def is_marketing(self) -> bool:
        return self.text("message_class") == MessageClass.MARKETING

    @property
    def is_billed(self) -> bool:
        return self.state in BILLED

    @property
    def pieces(self) -> int:
        """The billed pieces; an e-mail counts one."""
        if not self.is_billed:
            return 0
        if self.text("channel") == Channel.EMAIL:
            return 1
        return self.number("pieces") or 0


def is_reached(state: DeliveryState, gateway: str | None, with_receipts: Collection[str]) -> bool:
    """Return whether a message counts as arrived.

    Args:
        state: The message's own.
        gateway: Who took it.
        with_receipts: Gateways known to send receipts. Of all others, acceptance must do.
    """
    if state == DeliveryState.DELIVERED:
        return True
    return state == DeliveryState.SENT and (gateway is None or gateway not in with_receipts)


def merge_message(
    known: MessageState | None, event: MessagePlanned | MessageRecalled | DeliveryChanged
) -> MessageState:
    """Return *known* with *event* merged in; the very *known* when it brings nothing new."""
    if known is None:
        known = MessageState(event.shop_id, event.message_id, {})
    registers = dict(known.registers)
    if isinstance(event, MessagePlanned):
        changed = _plan(registers, event)
    elif isinstance(event, MessageRecalled):
        changed = _write(
            registers, PLANNED_VERSION, customer_id=event.customer_id, recalled=event.reason
        )
    else:
        changed = _deliver(registers, event)
    return MessageState(known.shop_id, known.message_id, registers) if changed else known


def message_to_json(message: MessageState) -> Json:
    return registers_to_json(message.registers)


def message_from_json(shop_id: str, message_id: str, stored: Json) -> MessageState:
    return MessageState(shop_id, message_id, registers_from_json(stored))


def _plan(registers: Registers, event: MessagePlanned) -> bool:
    changed = _write(
        registers,
        PLANNED_VERSION,
        customer_id=event.customer_id,
        rule_id=event.rule_id,
        rule_version=event.rule_version,
        kind=event.kind,
        message_class=event.message_class.value,
        priority=event.priority,
        order_id=event.order_id,
    )
    return write_moments(registers, PLANNED_VERSION, ("due_at",), (event.due_at,)) or changed


def _deliver(registers: Registers, event: DeliveryChanged) -> bool:
    # A revision of its own, so that a state of revision 0 still beats the plan.
    version = event.revision + 1
    changed = _write(
        registers,
        version,
        customer_id=event.customer_id,
        rule_id=event.rule_id,
        rule_version=event.rule_version,
        kind=event.kind,
        order_id=event.order_id,
        state=event.state.value,
        reason=event.reason,
        channel=None if event.channel is None else event.channel.value,
        gateway=event.gateway,
        pieces=event.pieces,
        price_micros=event.price_micros,
        currency=event.currency,
    )
    return write_moments(registers, version, ("sent_at",), (event.sent_at,)) or changed


def _write(registers: Registers, version: int, **values: Any) -> bool:
    return write_registers(registers, version, values.keys(), values.values())
