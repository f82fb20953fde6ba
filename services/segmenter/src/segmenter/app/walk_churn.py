"""A shop's daily pass over churn risk: its gaps first, then its customers, page by page.

It follows the midnight pass, so that the day and all standings agree. Each piece is a transaction
under the lock of the shop's row; a pass that dies goes on where it stood, and what changed is
stored and announced in one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple, Protocol

from contracts.events import ChurnChanged
from segmenter.domain.churn import ByClass, Gaps, Risk, is_news, risk_of, thresholds


@dataclass(frozen=True, slots=True)
class ChurnTurn:
    """A shop with work to do; nobody else works on it until the transaction ends."""

    shop_id: str
    day: date
    percents: Sequence[int]  # of what a shop says, where the risk's steps are
    known: ByClass | None  # None: the gaps of *day* are still to be counted
    cursor: str  # the last customer compared


class Met(NamedTuple):
    """A customer who bought, or did before refunds; and what was announced last."""

    customer_id: str
    counted_days: int
    last_day: date | None
    held: Risk | None
    revision: int


class Store(Protocol):
    """What the pass needs from storage, inside one open transaction."""

    async def take_turn(self) -> ChurnTurn | None: ...
    async def gaps(self, shop_id: str, day: date) -> dict[int, Gaps]: ...
    async def begin(self, turn: ChurnTurn, gaps: Mapping[int, Gaps], known: ByClass) -> None: ...
    async def page(self, turn: ChurnTurn, limit: int) -> tuple[list[Met], str | None]: ...
    async def go_on(self, turn: ChurnTurn, cursor: str | None) -> None: ...
    async def save(self, changes: Sequence[ChurnChanged]) -> None: ...


async def walk_churn(store: Store, *, limit: int) -> ChurnTurn | None:
    """Do the next piece of some shop's pass, at most *limit* customers; None: nothing to do."""
    turn = await store.take_turn()
    if turn is None:
        return None
    if turn.known is None:
        gaps = await store.gaps(turn.shop_id, turn.day)
        await store.begin(turn, gaps, thresholds(gaps, turn.percents))
    else:
        met, cursor = await store.page(turn, limit)
        await store.save([change for one in met if (change := _change(turn, turn.known, one))])
        await store.go_on(turn, cursor)
    return turn


def _change(turn: ChurnTurn, known: ByClass, one: Met) -> ChurnChanged | None:
    recency_days = None if one.last_day is None else (turn.day - one.last_day).days
    risk = risk_of(known, one.counted_days, recency_days)
    if not is_news(one.held, risk):
        return None
    return ChurnChanged(
        shop_id=turn.shop_id,
        customer_id=one.customer_id,
        revision=one.revision + 1,
        as_of=turn.day,
        risk=risk,
    )
