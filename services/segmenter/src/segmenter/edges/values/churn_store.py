"""The pass over churn risk in Postgres: whose turn it is, how far it is, what was announced."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import ChurnChanged
from plumbing import arrays
from plumbing.crashpoint import crashpoint
from segmenter.app.walk_churn import ChurnTurn, Met
from segmenter.domain.churn import ByClass, Gaps, Thresholds
from segmenter.domain.terms import terms_of
from segmenter.edges.store import Outlet, publish
from segmenter.edges.values.purchase_days import gaps_of, page_of_met
from segmenter.metrics import CHURN_CHANGES

_MEET: Final = text(
    """
    insert into shop_churn (shop_id, gaps, thresholds)
    select shop_id, '{}', '{}' from shop_day
    where not exists (select from shop_churn where shop_churn.shop_id = shop_day.shop_id)
    on conflict (shop_id) do nothing
    """
)
_TAKE: Final = text(
    """
    select shop_id, day, settings, as_of, thresholds, shop_churn.cursor
    from shop_churn join shop_day using (shop_id) join shop using (shop_id)
    where phase = 'done' and (as_of is null or as_of <> day or shop_churn.cursor is not null)
    order by as_of nulls first, shop_id limit 1 for update of shop_churn skip locked
    """
)
_BEGIN: Final = text(
    """
    update shop_churn set as_of = :day, gaps = cast(:gaps as jsonb), cursor = '',
                          thresholds = cast(:thresholds as jsonb)
    where shop_id = :shop_id
    """
)
_GO_ON: Final = text("update shop_churn set cursor = :cursor where shop_id = :shop_id")
_SAVE: Final = text(
    """
    insert into customer_churn as held (shop_id, customer_id, risk, revision, as_of)
    select shop_id, customer_id, risk, revision, as_of
    from unnest(cast(cast(:shop_id as text) as text[]), cast(cast(:customer_id as text) as text[]),
                cast(cast(:risk as text) as text[]), cast(cast(:revision as text) as bigint[]),
                cast(cast(:as_of as text) as date[]))
         as new(shop_id, customer_id, risk, revision, as_of)
    on conflict (shop_id, customer_id) do update
    set risk = excluded.risk, revision = excluded.revision, as_of = excluded.as_of
    """
)


class ChurnStore:
    """Bound to one open transaction of the worker's role."""

    def __init__(self, conn: AsyncConnection, outlet: Outlet) -> None:
        self._conn = conn
        self._outlet = outlet

    async def meet(self) -> None:
        """Give new shops their row. For a transaction of its own: another pod's would wait."""
        await self._conn.execute(_MEET)

    async def take_turn(self) -> ChurnTurn | None:
        """Return a shop whose midnight pass is done and whose day was not compared to its end."""
        row = (await self._conn.execute(_TAKE)).one_or_none()
        if row is None:
            return None
        known = thresholds_of(row) if row.as_of == row.day else None
        terms = terms_of(row.settings or {})
        return ChurnTurn(row.shop_id, row.day, terms.churn_percents, known, row.cursor or "")

    async def gaps(self, shop_id: str, day: date) -> dict[int, Gaps]:
        return await gaps_of(self._conn, shop_id, day)

    async def begin(self, turn: ChurnTurn, gaps: Mapping[int, Gaps], known: ByClass) -> None:
        """Keep what the day is judged by, and go to the first customer."""
        counted = {str(number): [one.days, one.counts] for number, one in gaps.items()}
        steps = {
            str(number): [one.middle, one.high, one.very_high] for number, one in known.items()
        }
        values = {
            "shop_id": turn.shop_id,
            "day": turn.day,
            "gaps": orjson.dumps(counted).decode(),
            "thresholds": orjson.dumps(steps).decode(),
        }
        await self._conn.execute(_BEGIN, values)

    async def page(self, turn: ChurnTurn, limit: int) -> tuple[list[Met], str | None]:
        """Return the next customers, and where the page after them begins; None: nowhere."""
        met = await page_of_met(self._conn, turn.shop_id, turn.day, turn.cursor, limit)
        crashpoint("timer-after-take")
        cursor = met[-1].customer_id if len(met) == limit else None
        return [one for one in met if one.last_day is not None or one.held is not None], cursor

    async def go_on(self, turn: ChurnTurn, cursor: str | None) -> None:
        await self._conn.execute(_GO_ON, {"shop_id": turn.shop_id, "cursor": cursor})

    async def save(self, changes: Sequence[ChurnChanged]) -> None:
        """Keep what is announced, and announce it."""
        if not changes:
            return
        columns = {
            "shop_id": arrays.texts([one.shop_id for one in changes]),
            "customer_id": arrays.texts([one.customer_id for one in changes]),
            "risk": arrays.plain([one.risk for one in changes]),
            "revision": arrays.plain([one.revision for one in changes]),
            "as_of": arrays.plain([one.as_of for one in changes]),
        }
        await self._conn.execute(_SAVE, columns)
        await publish(self._conn, self._outlet, changes)
        for change in changes:
            CHURN_CHANGES.labels(change.risk).inc()


def thresholds_of(row: Row[Any]) -> dict[int, Thresholds]:
    return {int(number): Thresholds(*steps) for number, steps in row.thresholds.items()}


def gaps_in(row: Row[Any]) -> dict[int, Gaps]:
    return {
        int(number): Gaps(tuple(days), tuple(counts)) for number, (days, counts) in row.gaps.items()
    }
