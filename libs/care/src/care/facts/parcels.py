"""One parcel of one order, as shop and courier tell it."""

from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Final

from care.facts.registers import (
    Instants,
    Json,
    Registers,
    from_us,
    keep_earliest,
    registers_from_json,
    registers_to_json,
    to_us,
    value_of,
    write_register,
    write_registers,
)
from contracts.events import Checkpoint, ShipmentFacts, ShipmentProblem, ShipmentState

EARLIEST: Final = (
    "handed_over_at",
    "arrived_in_city_at",
    "out_for_delivery_at",
    "signed_at",
    "returned_at",
    "refused_at",
    "watch_ended_at",
)
PLAIN: Final = ("customer_id", "carrier", "number", "parcels_in_order")
# Of two checkpoints at one instant the one further along is the parcel's state.
_PROGRESS: Final = {state.value: place for place, state in enumerate(ShipmentState)}

_earliest_of = attrgetter(*EARLIEST)
_plain_of = attrgetter(*PLAIN)


@dataclass(frozen=True, slots=True)
class ParcelState:
    """The merged parcel. Treat the collections as frozen; `merge_shipment` copies them."""

    shop_id: str
    order_id: str
    parcel_id: str
    instants: Instants
    registers: Registers
    checkpoint_set: frozenset[tuple[int, str]]

    @property
    def customer_id(self) -> str:
        return str(self.registers["customer_id"][1])

    @property
    def carrier(self) -> str | None:
        return _text(value_of(self.registers, "carrier"))

    @property
    def number(self) -> str | None:
        return _text(value_of(self.registers, "number"))

    @property
    def parcels_in_order(self) -> int | None:
        held = value_of(self.registers, "parcels_in_order")
        return None if held is None else int(held)

    @property
    def estimated_day(self) -> date | None:
        held = value_of(self.registers, "estimated_day")
        return None if held is None else date.fromisoformat(held)

    @property
    def problem(self) -> ShipmentProblem:
        held = value_of(self.registers, "problem")
        return ShipmentProblem.NONE if held is None else ShipmentProblem(held)

    @property
    def handed_over_at(self) -> datetime | None:
        return from_us(self.instants.get("handed_over_at"))

    @property
    def arrived_in_city_at(self) -> datetime | None:
        return from_us(self.instants.get("arrived_in_city_at"))

    @property
    def out_for_delivery_at(self) -> datetime | None:
        return from_us(self.instants.get("out_for_delivery_at"))

    @property
    def signed_at(self) -> datetime | None:
        return from_us(self.instants.get("signed_at"))

    @property
    def returned_at(self) -> datetime | None:
        return from_us(self.instants.get("returned_at"))

    @property
    def refused_at(self) -> datetime | None:
        return from_us(self.instants.get("refused_at"))

    @property
    def watch_ended_at(self) -> datetime | None:
        return from_us(self.instants.get("watch_ended_at"))

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Oldest first."""
        ordered = sorted(self.checkpoint_set, key=_by_time)
        return tuple(
            Checkpoint(at, ShipmentState(state))
            for at, state in ((from_us(at_us), state) for at_us, state in ordered)
            if at is not None
        )

    @property
    def last_checkpoint(self) -> Checkpoint | None:
        points = self.checkpoints
        return points[-1] if points else None


def merge_shipment(state: ParcelState | None, facts: ShipmentFacts) -> ParcelState:
    """Return *state* with *facts* merged in; the very *state* when they bring nothing new."""
    if state is None:
        state = ParcelState(facts.shop_id, facts.order_id, facts.parcel_id, {}, {}, frozenset())
    version_us = facts.version_us
    instants, registers = dict(state.instants), dict(state.registers)
    changed = keep_earliest(instants, EARLIEST, _earliest_of(facts))
    changed |= write_registers(registers, version_us, PLAIN, _plain_of(facts))
    if facts.estimated_day is not None:
        day = facts.estimated_day.isoformat()
        changed |= write_register(registers, "estimated_day", (version_us, day))
    if facts.problem is not None:
        changed |= write_register(registers, "problem", (version_us, facts.problem.value))
    points = state.checkpoint_set
    if facts.checkpoints:
        points |= {(to_us(point.at), point.state.value) for point in facts.checkpoints}
        changed |= len(points) > len(state.checkpoint_set)
    if not changed:
        return state
    return ParcelState(state.shop_id, state.order_id, state.parcel_id, instants, registers, points)


def parcel_to_json(state: ParcelState) -> Json:
    return {
        "shop": state.shop_id,
        "order": state.order_id,
        "parcel": state.parcel_id,
        "at": state.instants,
        "is": registers_to_json(state.registers),
        "points": [list(point) for point in sorted(state.checkpoint_set)],
    }


def parcel_from_json(stored: Json) -> ParcelState:
    return ParcelState(
        stored["shop"],
        stored["order"],
        stored["parcel"],
        stored["at"],
        registers_from_json(stored["is"]),
        frozenset((point[0], point[1]) for point in stored["points"]),
    )


def _by_time(point: tuple[int, str]) -> tuple[int, int]:
    return point[0], _PROGRESS[point[1]]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
