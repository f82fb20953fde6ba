"""Points spent, given or taken by request: once for each id, and never below nought."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

from segmenter.app.settle_points import Entry, Ledger, post
from segmenter.domain.points import Account
from segmenter.domain.standing import CustomerKey


@dataclass(frozen=True, slots=True)
class NotEnough:
    balance: int


@dataclass(frozen=True, slots=True)
class Taken:
    """The id belongs to another request."""


class Store(Ledger, Protocol):
    async def entry(self, shop_id: str, entry_id: str) -> Entry | None: ...


Answer: TypeAlias = Entry | NotEnough | Taken


async def change_points(store: Store, wanted: Entry) -> Answer:
    """Put *wanted* into the ledger, or return what stands there of the same request already."""
    customer: CustomerKey = (wanted.shop_id, wanted.customer_id)
    accounts: dict[CustomerKey, Account] = await store.lock_accounts({customer})
    known = await store.entry(wanted.shop_id, wanted.entry_id)
    if known is not None:
        return known if known.points == wanted.points else Taken()
    balance = accounts[customer].balance
    if wanted.points < 0 and balance + wanted.points < 0:
        return NotEnough(balance)
    (entry,) = await post(store, [wanted])
    return entry
