"""From Kafka's records to the use cases. Each method runs inside one batch's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from care.calendar import UnknownZone, zone
from contracts.codec import Tombstone, Unreadable, decode, split_key
from contracts.events import CustomerProfile, OrderFacts, Shop, Watermark
from plumbing.absence import Absence
from plumbing.clock import business_now
from plumbing.consume import NotReady
from plumbing.dead_letters import Dead, park, sift
from plumbing.records import Record
from plumbing.seal import Sealer
from segmenter.app.apply_orders import apply_orders
from segmenter.app.note_profiles import note_profiles
from segmenter.app.note_shops import note_shops
from segmenter.domain.fitness import unfit
from segmenter.domain.standing import CustomerKey, ShopDay
from segmenter.edges.person_store import PersonStore
from segmenter.edges.shop_store import ShopStore
from segmenter.edges.store import Outlet, PostgresStore

UNKNOWN_SHOP: Final = "unknown shop"


@dataclass(frozen=True, kw_only=True)
class Consumer:
    grp: str
    partitions: int
    sealer: Sealer | None = None
    absence: Absence = field(default_factory=Absence)  # shops that we wait for

    async def on_orders(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events, dead = sift(records, _read, Unreadable)
        wanted = [(record, event) for record, event in events if not isinstance(event, Watermark)]
        facts: list[tuple[Record, OrderFacts]] = []
        for record, event in wanted:
            if not isinstance(event, OrderFacts):
                dead.append(Dead(record, f"{type(event).__name__} is not handled"))
            elif (fault := unfit(event)) is not None:
                dead.append(Dead(record, fault))
            else:
                facts.append((record, event))
        if facts:
            shops = await ShopStore(conn).hold_days({fact.shop_id for _, fact in facts})
            dead += self._give_up(
                [(record, fact) for record, fact in facts if fact.shop_id not in shops]
            )
            known = [fact for _, fact in facts if fact.shop_id in shops]
            await self._apply(conn, known, shops)
        await self._park(conn, dead)

    async def on_shops(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events, dead = sift(records, _read, Unreadable)
        shops: list[Shop] = []
        for record, event in events:
            fault = _unfit_shop(event)
            if fault is None:
                shops.append(event)
            else:
                dead.append(Dead(record, fault))
        if shops:
            await note_shops(ShopStore(conn), shops, await business_now(conn))
        await self._park(conn, dead)

    async def on_customers(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        events, dead = sift(records, _read, Unreadable)
        news: list[tuple[CustomerKey, CustomerProfile | None]] = []
        for record, event in events:
            if isinstance(event, Tombstone):
                news.append((split_key(event.key), None))
            elif isinstance(event, CustomerProfile):
                news.append(((event.shop_id, event.customer_id), event))
            else:
                dead.append(Dead(record, f"{type(event).__name__} is not handled"))
        if news:
            now = await business_now(conn)
            outlet = Outlet(now, self.partitions)
            await note_profiles(PersonStore(conn, outlet), news, now.date())
        if self.sealer is None:  # then nothing of a person may rest here, not even unread
            dead = [Dead(replace(one.record, value=None), one.reason) for one in dead]
        await self._park(conn, dead)

    async def _apply(
        self, conn: AsyncConnection, facts: Sequence[OrderFacts], shops: dict[str, ShopDay]
    ) -> None:
        if facts:
            outlet = Outlet(await business_now(conn), self.partitions)
            await apply_orders(PostgresStore(conn, outlet), facts, shops)

    def _give_up(self, homeless: Sequence[tuple[Record, OrderFacts]]) -> list[Dead]:
        """Return letters for facts of shops that do not come; wait while that is not sure."""
        if homeless and not self.absence.gives_up({fact.shop_id for _, fact in homeless}):
            raise NotReady(UNKNOWN_SHOP)
        return [Dead(record, UNKNOWN_SHOP) for record, _ in homeless]

    async def _park(self, conn: AsyncConnection, dead: Sequence[Dead]) -> None:
        if dead:
            await park(conn, self.grp, dead, sealer=self.sealer)


def _read(record: Record) -> Any:
    return decode(record.headers, record.value, record.key)


def _unfit_shop(event: Any) -> str | None:
    if not isinstance(event, Shop):
        return f"{type(event).__name__} is not handled"
    try:
        zone(event.zone)
    except UnknownZone:
        return "the shop's zone is unknown here"
    return None
