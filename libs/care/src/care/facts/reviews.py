"""One review, as its facts together tell it."""

from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final

from care.facts.registers import (
    Instants,
    Json,
    Registers,
    from_us,
    keep_earliest,
    keep_latest,
    registers_from_json,
    registers_to_json,
    value_of,
    write_registers,
)
from contracts.events import ReviewFacts

PLAIN: Final = ("customer_id", "order_id", "sku", "rating")
_plain_of = attrgetter(*PLAIN)


@dataclass(frozen=True, slots=True)
class ReviewState:
    """The merged review. Treat the dictionaries as frozen; `merge_review` copies them."""

    shop_id: str
    review_id: str
    instants: Instants
    registers: Registers

    @property
    def customer_id(self) -> str:
        return str(self.registers["customer_id"][1])

    @property
    def reviewed_at(self) -> datetime | None:
        return from_us(self.instants.get("reviewed_at"))

    @property
    def withdrawn_at(self) -> datetime | None:
        return from_us(self.instants.get("withdrawn_at"))

    @property
    def order_id(self) -> str | None:
        return _text(value_of(self.registers, "order_id"))

    @property
    def sku(self) -> str | None:
        return _text(value_of(self.registers, "sku"))

    @property
    def rating(self) -> int | None:
        held = value_of(self.registers, "rating")
        return None if held is None else int(held)

    @property
    def is_withdrawn(self) -> bool:
        return "withdrawn_at" in self.instants

    @property
    def is_bad(self) -> bool:
        """Medium or bad, and still standing."""
        rating = self.rating
        return rating is not None and rating <= 3 and not self.is_withdrawn


def merge_review(state: ReviewState | None, facts: ReviewFacts) -> ReviewState:
    """Return *state* with *facts* merged in; the very *state* when they bring nothing new."""
    if state is None:
        state = ReviewState(facts.shop_id, facts.review_id, {}, {})
    instants, registers = dict(state.instants), dict(state.registers)
    changed = keep_earliest(instants, ("reviewed_at",), (facts.reviewed_at,))
    changed |= keep_latest(instants, ("withdrawn_at",), (facts.withdrawn_at,))
    changed |= write_registers(registers, facts.version_us, PLAIN, _plain_of(facts))
    if not changed:
        return state
    return ReviewState(state.shop_id, state.review_id, instants, registers)


def review_to_json(state: ReviewState) -> Json:
    return {
        "shop": state.shop_id,
        "review": state.review_id,
        "at": state.instants,
        "is": registers_to_json(state.registers),
    }


def review_from_json(stored: Json) -> ReviewState:
    return ReviewState(
        stored["shop"], stored["review"], stored["at"], registers_from_json(stored["is"])
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
