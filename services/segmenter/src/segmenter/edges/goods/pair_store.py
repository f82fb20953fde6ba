"""The daily pass over pairs in Postgres: whose turn it is, and its pages, each one statement."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from care.calendar import start_of_day
from plumbing.crashpoint import crashpoint
from segmenter.app.find_pairs import PairPass, Phase
from segmenter.domain.pairs import (
    FEWEST_BUYERS,
    LIFT_ABOVE,
    MOST_NEARBY,
    TOGETHER_DAYS,
    calendar_of,
)
from segmenter.domain.replenish import FEWEST_GAPS
from segmenter.edges.goods import pair_queries as queries

_WORKINGS: Final = (queries.CLEAN_LINES, queries.CLEAN_ITEMS)
_RESULTS: Final = (queries.CLEAN_PAIRS, queries.CLEAN_CYCLES)


class PairStore:
    """Bound to one open transaction of the worker's role."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def take_pass(self) -> PairPass | None:
        """Return a shop whose pass is under way, or whose day has none yet."""
        row = (await self._conn.execute(queries.TAKE)).one_or_none()
        if row is None:
            return None
        crashpoint("timer-after-take")
        phase = Phase.COPY if row.phase == Phase.DONE else Phase(row.phase)
        return PairPass(
            row.shop_id, row.zone, row.currency, row.day, phase, row.cursor, row.shown + 1
        )

    async def enter_shops(self) -> int:
        """Let shops that are new here have passes; return how many there were."""
        return (await self._conn.execute(queries.ENTER)).rowcount

    async def save_pass(self, at: PairPass) -> None:
        values = {"shop_id": at.shop_id, "day": at.day, "phase": at.phase, "cursor": at.cursor}
        await self._conn.execute(queries.SAVE, values)

    async def copy_lines(self, at: PairPass, limit: int) -> str | None:
        """Copy what the next *limit* customers bought in the span, and add up the buyers."""
        last = await self._end(queries.LAST_CUSTOMER, at, limit)
        if last is None:
            return None
        calendar = calendar_of(at.day)
        page = {
            "shop_id": at.shop_id,
            "after": at.cursor,
            "last": last,
            "zone": at.zone,
            "currency": at.currency,
            "opens": start_of_day(min(calendar), at.zone),
            "closes": start_of_day(max(calendar) + timedelta(days=1), at.zone),
            "days": list(calendar),
            "seasons": list(calendar.values()),
            "nearby": TOGETHER_DAYS,
            "most": MOST_NEARBY,
        }
        await self._conn.execute(queries.COPY, page)
        await self._conn.execute(queries.ADD_BUYERS, _only(page, "shop_id", "after", "last"))
        return last

    async def count_items(self, at: PairPass, limit: int) -> str | None:
        """Count the buyers of the next items, of about *limit* lines; and how long items last."""
        last = await self._end(queries.LAST_ITEM, at, limit)
        if last is None:
            return None
        page = {"shop_id": at.shop_id, "after": at.cursor, "last": last}
        await self._conn.execute(queries.COUNT_ITEMS, page | {"fewest": FEWEST_BUYERS})
        cycles = page | {"fewest": FEWEST_GAPS, "generation": at.generation}
        await self._conn.execute(queries.MEASURE_CYCLES, cycles)
        return last

    async def count_pairs(self, at: PairPass, limit: int) -> str | None:
        """Find the pairs whose first item is among the next ones, of about *limit* lines."""
        last = await self._end(queries.LAST_ITEM, at, limit)
        if last is None:
            return None
        times, over = LIFT_ABOVE
        page = {
            "shop_id": at.shop_id,
            "after": at.cursor,
            "last": last,
            "generation": at.generation,
            "apart": TOGETHER_DAYS,
            "fewest": FEWEST_BUYERS,
            "times": times,
            "over": over,
        }
        await self._conn.execute(queries.COUNT_PAIRS, page)
        return last

    async def show(self, at: PairPass) -> None:
        """Let readers see what was found, and nothing older."""
        values = {"shop_id": at.shop_id, "shown": at.generation, "day": at.day}
        await self._conn.execute(queries.SHOW, values)

    async def clean(self, at: PairPass, limit: int) -> int:
        """Delete rows that nobody reads any more, at most *limit* of a table; return how many."""
        shown = at.generation - 1
        deleted = 0
        for statement in _WORKINGS:
            deleted += await self._delete(statement, {"shop_id": at.shop_id, "limit": limit})
        for statement in _RESULTS:
            values = {"shop_id": at.shop_id, "limit": limit, "shown": shown}
            deleted += await self._delete(statement, values)
        return deleted

    async def _end(self, statement: TextClause, at: PairPass, limit: int) -> str | None:
        """Return where the next page ends; None when there is none."""
        values = {"shop_id": at.shop_id, "after": at.cursor, "limit": limit}
        last = (await self._conn.execute(statement, values)).scalar_one()
        return None if last is None else str(last)

    async def _delete(self, statement: TextClause, values: dict[str, Any]) -> int:
        return (await self._conn.execute(statement, values)).rowcount


def _only(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names}
