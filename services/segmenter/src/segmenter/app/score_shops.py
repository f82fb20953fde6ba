"""Once a day, after a shop's midnight pass: by which figures its customers' scores are told."""

from datetime import date, datetime
from typing import Protocol

from segmenter.domain.scores import ShopCuts


class Store(Protocol):
    """What this use case needs from storage, inside one open transaction."""

    async def take_unscored(self, now: datetime) -> tuple[str, date] | None: ...
    async def cut(self, shop_id: str, day: date) -> ShopCuts | None: ...
    async def save_cuts(self, shop_id: str, day: date, cuts: ShopCuts | None) -> None: ...


async def score_shops(store: Store, now: datetime) -> str | None:
    """Score one shop whose day has turned since; return which, None when there is none to do."""
    taken = await store.take_unscored(now)
    if taken is None:
        return None
    shop_id, day = taken
    await store.save_cuts(shop_id, day, await store.cut(shop_id, day))
    return shop_id
