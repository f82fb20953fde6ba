"""What the API reads of goods, for one shop."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.app.expect import LastPurchase, Place
from segmenter.app.find_cohorts import Goods, Launched
from segmenter.app.recommend import Suggestion
from segmenter.domain.cohort import EARLY_DAYS, FEWEST_PIECES, SEASON_DAYS, Days, Habits
from segmenter.domain.pairs import Figures
from segmenter.domain.replenish import MOST_DAYS, Bought
from segmenter.domain.standing import ShopDay
from segmenter.edges.goods import queries

MOST_ITEMS: Final = 10_000  # of a style or a category
_MOST_OF_A_CUSTOMER: Final = 200


class ProductStore:
    """Bound to one open transaction of the API's role, in which one shop is seen."""

    def __init__(self, conn: AsyncConnection, shop: ShopDay) -> None:
        self._conn = conn
        self._money = {"currency": shop.currency}
        self._days = {"currency": shop.currency, "zone": shop.zone}
        self._today = shop.day

    async def knows_item(self, sku: str) -> bool:
        return await self._holds(queries.KNOWS_ITEM, sku=sku)

    async def knows_customer(self, customer_id: str) -> bool:
        return await self._holds(queries.KNOWS_CUSTOMER, customer_id=customer_id)

    async def pairs_day(self) -> date | None:
        """Return the day of the pass whose pairs are shown."""
        day: date | None = (await self._conn.execute(queries.SHOWN_DAY)).scalar_one_or_none()
        return day

    async def partners(self, sku: str, season: str, limit: int) -> list[Suggestion]:
        return await self._suggestions(queries.PARTNERS, sku=sku, season=season, limit=limit)

    async def named_partners(self, sku: str, limit: int) -> list[Suggestion]:
        return await self._suggestions(queries.NAMED_PARTNERS, sku=sku, limit=limit)

    async def suggestions(self, customer_id: str, season: str, limit: int) -> list[Suggestion]:
        """Return what goes with anything that a customer bought, each with its best reason."""
        values = {"customer_id": customer_id, "season": season, "limit": limit, **self._money}
        return await self._suggestions(queries.SUGGESTIONS, **values)

    async def last_purchases_of(self, customer_id: str) -> list[LastPurchase]:
        values = {"customer_id": customer_id, "limit": _MOST_OF_A_CUSTOMER}
        return await self._last(queries.LAST_PURCHASES_OF, **values)

    async def last_purchases(
        self, opens: date, closes: date, after: Place, limit: int
    ) -> list[LastPurchase]:
        return await self._last(
            queries.LAST_PURCHASES,
            opens=opens,
            closes=closes,
            after_day=after.expected_day,
            after_customer=after.customer_id,
            after_sku=after.sku,
            limit=limit,
        )

    async def described(self, goods: Goods) -> list[tuple[str, date | None, date | None]]:
        values = {
            "sku": goods.sku,
            "style": goods.style,
            "category": goods.category,
            "season": goods.season,
            "limit": MOST_ITEMS + 1,
        }
        rows = await self._conn.execute(queries.DESCRIBED, values)
        return [(row.sku, row.launch_day, row.hot_sale_day) for row in rows]

    async def habits(self, items: Sequence[Launched], sales: Sequence[Days]) -> dict[Habits, int]:
        rows = await self._conn.execute(queries.HABITS, self._seasons(items, sales))
        return {Habits(row.is_early, row.is_multi, row.is_sale_only): row.buyers for row in rows}

    async def buyers(
        self,
        items: Sequence[Launched],
        sales: Sequence[Days],
        habits: Sequence[Habits],
        after: str,
        limit: int,
    ) -> list[str]:
        values = {
            "early_ones": [one.is_early for one in habits],
            "multi_ones": [one.is_multi for one in habits],
            "sale_ones": [one.is_sale_only for one in habits],
            "after": after,
            "limit": limit,
        }
        rows = await self._conn.execute(queries.BUYERS, self._seasons(items, sales) | values)
        return list(rows.scalars())

    def _seasons(self, items: Sequence[Launched], sales: Sequence[Days]) -> dict[str, Any]:
        return self._days | {
            "skus": [one.sku for one in items],
            "launches": [one.launch_day for one in items],
            "hots": [one.hot_sale_day for one in items],
            "begins": [first for first, _ in sales],
            "ends": [last for _, last in sales],
            "early": EARLY_DAYS,
            "pieces": FEWEST_PIECES,
            "lasting": SEASON_DAYS,
            "today": self._today,
        }

    async def _holds(self, statement: TextClause, **values: str) -> bool:
        return bool((await self._conn.execute(statement, values)).scalar_one())

    async def _suggestions(self, statement: TextClause, **values: Any) -> list[Suggestion]:
        rows = await self._conn.execute(statement, values)
        return [Suggestion(row.sku, row.title, row.because, _figures(row)) for row in rows]

    async def _last(self, statement: TextClause, **values: Any) -> list[LastPurchase]:
        rows = await self._conn.execute(statement, self._days | {"most": MOST_DAYS} | values)
        return [
            LastPurchase(
                row.customer_id,
                row.sku,
                row.title,
                row.in_stock,
                Bought(row.day, int(row.quantity), row.signed_day),
                row.cycle_days,
                row.gaps,
                row.gap_days,
            )
            for row in rows
        ]


def _figures(row: Row[Any]) -> Figures | None:
    if row.buyers_of_any is None:
        return None
    return Figures(row.buyers, row.buyers_of_other, row.buyers_of_both, row.buyers_of_any)
