"""What is bought together in a shop: found anew once a day, after its midnight, in pages.

The pass copies the lines of the span, so that all its pages count the same purchases; counts the
buyers of each item; then the buyers of each pair, of those items alone that have buyers enough:
a pair has no more of them than either of its items, so nothing is missed. What it found takes the
place of yesterday's at once, and is complete. A pass that dies goes on where it stood.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """Where a shop's pass is. copy -> count -> pair -> clean -> done."""

    COPY = "copy"
    COUNT = "count"
    PAIR = "pair"
    CLEAN = "clean"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class PairPass:
    """A shop with work to do; nobody else works on it until the transaction ends."""

    shop_id: str
    zone: str
    currency: str
    day: date  # the span ends with its eve
    phase: Phase
    cursor: str  # the last customer copied, or the last item counted or paired
    generation: int  # of what is being found


class Store(Protocol):
    """What the pass needs from storage, inside one open transaction."""

    async def take_pass(self) -> PairPass | None: ...
    async def enter_shops(self) -> int: ...
    async def save_pass(self, at: PairPass) -> None: ...

    # Each does the next page behind the cursor, and returns where that ended; None for no more.
    async def copy_lines(self, at: PairPass, limit: int) -> str | None: ...
    async def count_items(self, at: PairPass, limit: int) -> str | None: ...
    async def count_pairs(self, at: PairPass, limit: int) -> str | None: ...

    async def show(self, at: PairPass) -> None: ...
    async def clean(self, at: PairPass, limit: int) -> int: ...


async def find_pairs(store: Store, *, limit: int) -> bool:
    """Do the next piece of some shop's pass, about *limit* rows; return whether there was one."""
    at = await store.take_pass()
    if at is None:
        # Apart from the work of a pass: another pod that enters the same shops waits for us.
        return await store.enter_shops() > 0
    await store.save_pass(await _step(store, at, limit))
    return True


async def _step(store: Store, at: PairPass, limit: int) -> PairPass:
    match at.phase:
        case Phase.COPY:
            return _moved(at, await store.copy_lines(at, limit), Phase.COUNT)
        case Phase.COUNT:
            return _moved(at, await store.count_items(at, limit), Phase.PAIR)
        case Phase.PAIR:
            after = _moved(at, await store.count_pairs(at, limit), Phase.CLEAN)
            if after.phase is Phase.CLEAN:
                await store.show(at)
            return after
        case _:
            left = await store.clean(at, limit)
            return at if left else replace(at, phase=Phase.DONE)


def _moved(at: PairPass, ended: str | None, then: Phase) -> PairPass:
    return replace(at, phase=then, cursor="") if ended is None else replace(at, cursor=ended)
