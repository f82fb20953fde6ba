"""Shops as ingest tells of them: the newest revision is true."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from care.calendar import day_of, start_of_day
from contracts.events import Shop
from segmenter.domain.average import Average
from segmenter.domain.standing import ShopDay


@dataclass(frozen=True, slots=True)
class KnownShop:
    revision: int
    zone: str
    currency: str


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def lock_shops(self, shop_ids: Collection[str]) -> dict[str, KnownShop]: ...
    async def save_shops(self, shops: Sequence[Shop]) -> None: ...
    async def start_days(self, days: Sequence[tuple[ShopDay, datetime]]) -> None: ...
    async def rebuild(self, shop_ids: Sequence[str]) -> None: ...


async def note_shops(store: Store, news: Iterable[Shop], now: datetime) -> None:
    """Keep the newest of *news*. A shop that moves its days or its money is derived anew."""
    newest: dict[str, Shop] = {}
    for shop in news:
        held = newest.get(shop.shop_id)
        if held is None or shop.revision > held.revision:
            newest[shop.shop_id] = shop
    known = await store.lock_shops(newest.keys())
    fresh = [
        shop
        for shop_id, shop in sorted(newest.items())
        if shop_id not in known or shop.revision > known[shop_id].revision
    ]
    await store.save_shops(fresh)
    await store.start_days([_first_day(shop, now) for shop in fresh if shop.shop_id not in known])
    await store.rebuild(
        [
            shop.shop_id
            for shop in fresh
            if (was := known.get(shop.shop_id)) is not None
            and (was.zone, was.currency) != (shop.zone, shop.currency)
        ]
    )


def _first_day(shop: Shop, now: datetime) -> tuple[ShopDay, datetime]:
    today = day_of(now, shop.zone)
    day = ShopDay(shop.shop_id, shop.zone, shop.currency, today, Average())
    return day, start_of_day(today + timedelta(days=1), shop.zone)
