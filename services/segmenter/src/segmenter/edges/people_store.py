"""Who is one person with whom, in Postgres."""

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.app.unite_people import Moved
from segmenter.domain.people import Pair, Tie, Ties
from segmenter.edges.audience.dirty import NotingStore

# The first of an advisory lock's two keys; the second is the shop. Taken before rows of customers.
MERGE_LOCK: Final = 4_820_103

_LOCK: Final = text(
    """
    select pg_advisory_xact_lock(:space, hashtext(shop_id))
    from (select shop_id from unnest(cast(:shops as text[])) as wanted(shop_id)
          order by hashtext(shop_id)) as sorted
    """
)
_TIES: Final = text(
    """
    with recursive person(customer_id) as (
      select unnest(cast(:customers as text[]))
      union
      select case when alias_id = person.customer_id then survivor_id else alias_id end
      from person join customer_tie
        on shop_id = :shop_id and person.customer_id in (alias_id, survivor_id))
    select distinct alias_id, survivor_id, merged_at, parted_at
    from customer_tie join person on customer_id = alias_id
    where shop_id = :shop_id
    """
)
_SAVE: Final = text(
    """
    insert into customer_tie (shop_id, alias_id, survivor_id, merged_at, parted_at)
    select :shop_id, * from unnest(
      cast(:aliases as text[]), cast(:survivors as text[]),
      cast(:merged as timestamptz[]), cast(:parted as timestamptz[]))
    on conflict (shop_id, alias_id, survivor_id) do update
    set merged_at = excluded.merged_at, parted_at = excluded.parted_at
    """
)
# What does not count is not looked for: it finds its owner when it begins to.
_HAND_OVER: Final = text(
    """
    update customer_order as held
    set customer_id = moved.after,
        buyer_id = case when moved.after = moved.customer_id then null else moved.customer_id end
    from unnest(cast(:shops as text[]), cast(:customers as text[]), cast(:befores as text[]),
                cast(:afters as text[])) as moved(shop_id, customer_id, before, after)
    where held.shop_id = moved.shop_id and held.customer_id = moved.before
      and coalesce(held.buyer_id, held.customer_id) = moved.customer_id
      and held.paid_day is not null
    """
)


class PeopleStore(NotingStore):
    """Bound to one open transaction of the worker's role that holds `lock_merges`."""

    async def ties(self, shop_id: str, customers: Collection[str]) -> Ties:
        """Return the ties of *customers*, and of all tied to these."""
        values = {"shop_id": shop_id, "customers": sorted(customers)}
        return {
            Pair(row.alias_id, row.survivor_id): Tie(row.merged_at, row.parted_at)
            for row in await self._conn.execute(_TIES, values)
        }

    async def save_ties(self, shop_id: str, ties: Ties) -> None:
        if ties:
            values = {
                "shop_id": shop_id,
                "aliases": [pair.alias_id for pair in ties],
                "survivors": [pair.survivor_id for pair in ties],
                "merged": [tie.merged_at for tie in ties.values()],
                "parted": [tie.parted_at for tie in ties.values()],
            }
            await self._conn.execute(_SAVE, values)

    async def hand_over(self, moved: Sequence[Moved]) -> None:
        """Let the orders of those who *moved* count under their new id."""
        values = {
            "shops": [one.shop_id for one in moved],
            "customers": [one.customer_id for one in moved],
            "befores": [one.before for one in moved],
            "afters": [one.after for one in moved],
        }
        await self._conn.execute(_HAND_OVER, values)

    def forget(self) -> None:
        """Remember nothing of the rows so far: orders have other owners."""
        self._memory.forget()


async def lock_merges(conn: AsyncConnection, shop_ids: Collection[str]) -> None:
    """See to it that nobody else unites or parts customers of these shops."""
    await conn.execute(_LOCK, {"space": MERGE_LOCK, "shops": list(shop_ids)})
