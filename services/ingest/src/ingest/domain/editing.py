"""One change of many customers by staff, and how it is taken back.

An edit is said of each of them as any other fact is. It is taken back value by value: where
something else was said since, that stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from contracts.events import (
    Attribute,
    Channel,
    Consent,
    CustomerClass,
    CustomerFacts,
    Gender,
    Purpose,
)
from ingest.domain.profile import Profile, Register, nothing_of
from ingest.domain.reading import micros

Lane: TypeAlias = str  # own, attributes, consents: where a profile keeps it
# By lane and name, the register that was there before; None where there was none.
Before: TypeAlias = Mapping[Lane, Mapping[str, Register | None]]

LANES: Final = ("own", "attributes", "consents")


@dataclass(frozen=True, slots=True)
class Edit:
    """What is set; an attribute's value is printed, an empty one takes it away."""

    customer_class: CustomerClass | None = None
    gender: Gender | None = None
    consents: Mapping[Channel, bool] = field(default_factory=dict)  # to marketing
    attributes: Mapping[str, str] = field(default_factory=dict)

    def facts(self, shop_id: str, customer_id: str, at: datetime, source: str) -> CustomerFacts:
        return CustomerFacts(
            shop_id,
            customer_id,
            micros(at),
            gender=self.gender,
            customer_class=self.customer_class,
            attributes=tuple(
                Attribute(name, value, at, source) for name, value in self.attributes.items()
            ),
            consents=tuple(
                Consent(channel, Purpose.MARKETING, given, at, source)
                for channel, given in self.consents.items()
            ),
        )

    def before(self, known: Profile) -> Before:
        """Return what *known* holds of all that is set."""
        own = {"class": self.customer_class, "gender": self.gender}
        names = {
            "own": [name for name, value in own.items() if value is not None],
            "attributes": [*self.attributes],
            "consents": [f"{channel}:{Purpose.MARKETING}" for channel in self.consents],
        }
        return {
            lane: {name: getattr(known, lane).get(name) for name in names[lane]} for lane in LANES
        }


def taken_back(known: Profile, before: Before, *, edited_at: datetime, at: datetime) -> Profile:
    """Return *known* with what was there before an edit, wherever the edit's word is the last."""
    lanes: dict[Lane, Any] = {}
    for lane in LANES:
        registers: dict[str, Register] = {**getattr(known, lane)}
        for name, was in before[lane].items():
            now = registers.get(name)
            if now is not None and now.version_us == micros(edited_at):
                back = nothing_of(lane) if was is None else was
                registers[name] = back._replace(version_us=micros(at))
        lanes[lane] = registers
    return replace(known, **lanes)


def to_rows(before: Before) -> dict[Lane, dict[str, Any]]:
    """Return *before* as JSON's own types, to be stored."""
    return {
        lane: {name: None if was is None else [*was] for name, was in names.items()}
        for lane, names in before.items()
    }


def from_rows(rows: Mapping[Lane, Mapping[str, Any]]) -> Before:
    return {
        lane: {name: None if was is None else Register._make(was) for name, was in names.items()}
        for lane, names in rows.items()
    }
