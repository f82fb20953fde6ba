"""What the API reads of value and churn. The transaction sees one shop's rows only."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.domain.churn import Gaps, Thresholds
from segmenter.domain.terms import Terms, terms_of
from segmenter.edges.values.churn_store import gaps_in, thresholds_of
from segmenter.edges.values.store import model_in
from segmenter.edges.values.wire import Model

_SHOP: Final = text(
    """
    select currency, day, settings, shop_value.as_of as model_of, model,
           shop_churn.as_of as gaps_of, coalesce(gaps, '{}') as gaps,
           coalesce(thresholds, '{}') as thresholds
    from shop join shop_day using (shop_id)
    left join shop_value using (shop_id) left join shop_churn using (shop_id)
    where shop_id = :shop_id
    """
)
_IS_KNOWN: Final = text("select 1 from customer_state where customer_id = :customer_id")
_ANNOUNCED: Final = text(
    """
    select customer_id, as_of from customer_churn
    where customer_id = any(cast(:customers as text[]))
    """
)


@dataclass(frozen=True, slots=True)
class ShopView:
    """A shop on its day, and what is known of it that value and churn need."""

    currency: str
    day: date
    terms: Terms
    model: Model | None  # None: not fitted yet
    model_of: date | None
    gaps_of: date | None
    gaps: dict[int, Gaps]
    thresholds: dict[int, Thresholds]


class ValueViewStore:
    """Bound to one open transaction of the API's role, in which one shop is seen."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def shop(self, shop_id: str) -> ShopView | None:
        row = (await self._conn.execute(_SHOP, {"shop_id": shop_id})).one_or_none()
        if row is None:
            return None
        return ShopView(
            currency=row.currency,
            day=row.day,
            terms=terms_of(row.settings or {}),
            model=model_in(row),
            model_of=row.model_of,
            gaps_of=row.gaps_of,
            gaps=gaps_in(row),
            thresholds=thresholds_of(row),
        )

    async def is_known(self, customer_id: str) -> bool:
        found = await self._conn.execute(_IS_KNOWN, {"customer_id": customer_id})
        return found.one_or_none() is not None

    async def announced(self, customers: list[str]) -> dict[str, date]:
        """Return on which day the risk of these was announced."""
        rows = await self._conn.execute(_ANNOUNCED, {"customers": customers})
        return {row.customer_id: row.as_of for row in rows}
