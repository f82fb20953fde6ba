"""Customers of whom something changed, for the audiences that are in use."""

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from typing_extensions import override

from plumbing import arrays
from segmenter.domain.fold import Held, OrderKey
from segmenter.domain.standing import CustomerKey, Standing
from segmenter.edges.store import PostgresStore

_USED: Final = text(
    """
    select distinct shop_id from audience
    where shop_id = any(cast(:shops as text[])) and kind = 'live' and cardinality(used_by) > 0
    """
)
_NOTE: Final = text(
    """
    insert into audience_dirty (shop_id, customer_id)
    select * from unnest(cast(cast(:shops as text) as text[]),
                         cast(cast(:customers as text) as text[]))
    """
)


async def note_dirty(conn: AsyncConnection, customers: Collection[CustomerKey]) -> None:
    """Have *customers* judged again, by the used audiences of their shops, within seconds.

    Call it in the transaction that changes whatever a filter asks of them. A shop without used
    audiences costs nothing but the look. Rows are only added, so nobody waits for anybody.
    """
    shops = {shop_id for shop_id, _ in customers}
    if not shops:
        return
    used = set((await conn.execute(_USED, {"shops": sorted(shops)})).scalars())
    noted = sorted(customer for customer in customers if customer[0] in used)
    if noted:
        columns = {
            "shops": arrays.texts([shop_id for shop_id, _ in noted]),
            "customers": arrays.texts([customer_id for _, customer_id in noted]),
        }
        await conn.execute(_NOTE, columns)


class NotingStore(PostgresStore):
    """Notes whose standing it saves."""

    @override
    async def save(
        self, orders: Mapping[OrderKey, Held], standings: Mapping[CustomerKey, Standing]
    ) -> None:
        await super().save(orders, standings)
        await note_dirty(self._conn, standings)
