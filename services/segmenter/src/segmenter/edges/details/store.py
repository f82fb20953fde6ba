"""Details in Postgres: whole sets in, whole sets out.

As in `store.py`, rows are read without locks and written only if nobody else wrote them
meanwhile; the loser's batch is handled again. Items and refunds go with their order's row.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import orjson
from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from care.facts import (
    OrderState,
    ParcelState,
    ReviewState,
    order_from_json,
    order_to_json,
    parcel_from_json,
    parcel_to_json,
    review_from_json,
    review_to_json,
)
from contracts.events import Product
from plumbing import arrays
from plumbing.consume import NotReady
from plumbing.crashpoint import crashpoint
from plumbing.upsert import upsert
from segmenter.app.note_details import Key, Login
from segmenter.domain.detail import Detail, detail_of
from segmenter.domain.standing import CustomerKey
from segmenter.edges.details import queries
from segmenter.edges.rows import UNIT
from segmenter.edges.store import OVERTAKEN
from segmenter.edges.tables import metadata

S = TypeVar("S")
_PRODUCT: Final = metadata.tables["product"]
# A text that a product may lack is empty here.
_TEXTS: Final = ("title", "category", "season", "style", "currency")
_VALUES: Final = ("revision", "price_minor", "stock", "launch_day", "hot_sale_day", "cycle_days")


class DetailStore:
    """Bound to one open transaction of the worker's role."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn
        self._seen: dict[Key, str] = {}

    async def shops(self, shop_ids: set[str]) -> set[str]:
        """Return which of these shops are known."""
        found = await self._conn.execute(queries.SHOPS, {"shops": sorted(shop_ids)})
        return set(found.scalars())

    async def orders(self, keys: Collection[Key]) -> dict[Key, OrderState]:
        return await self._read(queries.ORDERS, keys, order_from_json)

    async def save_orders(self, orders: Mapping[Key, OrderState]) -> None:
        """Write *orders* with their items and refunds."""
        keys = sorted(orders)
        details = {key: detail_of(orders[key]) for key in keys}

        def columns(some: Sequence[Key]) -> dict[str, str]:
            return _order_columns(some, details) | _states(order_to_json, some, orders)

        old = await self._write(queries.ADD_ORDERS, queries.UPDATE_ORDERS, keys, columns)
        if old:
            shops, ids = _split(old)
            for statement in (queries.DROP_ITEMS, queries.DROP_REFUNDS):
                await self._conn.execute(statement, {"shop_id": shops, "order_id": ids})
        await self._add(queries.ADD_ITEMS, _item_rows(details), _ITEM_COLUMNS)
        await self._add(queries.ADD_REFUNDS, _refund_rows(details), _REFUND_COLUMNS)
        crashpoint("after-merge")

    async def parcels(self, keys: Collection[Key]) -> dict[Key, ParcelState]:
        return await self._read(queries.PARCELS, keys, parcel_from_json)

    async def save_parcels(self, parcels: Mapping[Key, ParcelState]) -> None:
        def columns(some: Sequence[Key]) -> dict[str, str]:
            signed = [parcels[key].signed_at for key in some]
            return {
                "shop_id": arrays.texts([key[0] for key in some]),
                "order_id": arrays.texts([key[1] for key in some]),
                "parcel_id": arrays.texts([key[2] for key in some]),
                "signed_at": arrays.plain(map(_quoted, signed)),
            } | _states(parcel_to_json, some, parcels)

        await self._write(queries.ADD_PARCELS, queries.UPDATE_PARCELS, sorted(parcels), columns)

    async def reviews(self, keys: Collection[Key]) -> dict[Key, ReviewState]:
        return await self._read(queries.REVIEWS, keys, review_from_json)

    async def save_reviews(self, reviews: Mapping[Key, ReviewState]) -> None:
        def columns(some: Sequence[Key]) -> dict[str, str]:
            held = [reviews[key] for key in some]
            shops, ids = _split(some)
            return {
                "shop_id": shops,
                "review_id": ids,
                "customer_id": arrays.texts([one.customer_id for one in held]),
                "order_id": arrays.texts([one.order_id or "" for one in held]),
                "sku": arrays.texts([one.sku or "" for one in held]),
                "score": arrays.plain([None if one.is_withdrawn else one.rating for one in held]),
                "reviewed_at": arrays.plain([_quoted(one.reviewed_at) for one in held]),
                "withdrawn_at": arrays.plain([_quoted(one.withdrawn_at) for one in held]),
            } | _states(review_to_json, some, reviews)

        await self._write(queries.ADD_REVIEWS, queries.UPDATE_REVIEWS, sorted(reviews), columns)

    async def add_logins(self, logins: Collection[Login]) -> None:
        if logins:
            columns = {
                "shop_id": [shop_id for shop_id, _, _ in logins],
                "customer_id": [customer_id for _, customer_id, _ in logins],
                "at": [at for _, _, at in logins],
            }
            await self._conn.execute(queries.ADD_LOGINS, columns)

    async def forget(self, customers: Collection[CustomerKey]) -> None:
        """Drop what is known of people that nobody may know any more."""
        if customers:
            shops, ids = _split(sorted(customers))
            await self._conn.execute(queries.FORGET_LOGINS, {"shop_id": shops, "customer_id": ids})

    async def save_products(self, products: Sequence[Product]) -> None:
        rows = [
            {
                "shop_id": one.shop_id,
                "sku": one.sku,
                "pairs_with": list(one.pairs_with),
                **{name: getattr(one, name) or "" for name in _TEXTS},
                **{name: getattr(one, name) for name in _VALUES},
            }
            for one in products
        ]
        await upsert(self._conn, _PRODUCT, rows, newer="revision")

    async def drop_products(self, keys: Collection[Key]) -> None:
        if keys:
            shops, ids = _split(sorted(keys))
            await self._conn.execute(queries.DROP_PRODUCTS, {"shop_id": shops, "sku": ids})

    async def _read(
        self, query: TextClause, keys: Collection[Key], from_json: Callable[[Any], S]
    ) -> dict[Key, S]:
        """Return the states under *keys* that there are, and remember as of when."""
        if not keys:
            return {}
        columns = zip(*sorted(keys), strict=True)
        values = {f"key{place}": arrays.texts(column) for place, column in enumerate(columns)}
        found: dict[Key, S] = {}
        for *key, state, seen in await self._conn.execute(query, values):
            found[tuple(key)] = from_json(orjson.loads(state))
            self._seen[tuple(key)] = seen
        return found

    async def _write(
        self,
        add: TextClause,
        update: TextClause,
        keys: Sequence[Key],
        columns: Callable[[Sequence[Key]], dict[str, str]],
    ) -> list[Key]:
        """Write the rows of *keys*; return those that were there."""
        new = [key for key in keys if key not in self._seen]
        old = [key for key in keys if key in self._seen]
        for statement, some in ((add, new), (update, old)):
            if some:
                seen = arrays.plain([self._seen.get(key) for key in some])
                done = await self._conn.execute(statement, {**columns(some), "seen": seen})
                if done.rowcount != len(some):
                    raise NotReady(OVERTAKEN)
        return old

    async def _add(
        self, statement: TextClause, rows: Sequence[tuple[Any, ...]], names: Sequence[str]
    ) -> None:
        if rows:
            columns = dict(zip(names, map(_column, zip(*rows, strict=True)), strict=True))
            await self._conn.execute(statement, columns)


_ITEM_COLUMNS: Final = (
    *("shop_id", "order_id", "sku", "customer_id", "currency"),
    *("paid_at", "quantity", "price_minor"),
)
_REFUND_COLUMNS: Final = (
    *("shop_id", "order_id", "refund_id", "customer_id"),
    *("amount_minor", "opened_at", "taken_at"),
)


def _item_rows(details: Mapping[Key, Detail]) -> list[tuple[Any, ...]]:
    return [
        (
            *key,
            item.sku,
            one.customer_id,
            one.currency,
            one.paid_at,
            item.quantity,
            item.price_minor,
        )
        for key, one in details.items()
        for item in one.items
    ]


def _refund_rows(details: Mapping[Key, Detail]) -> list[tuple[Any, ...]]:
    return [
        (
            *(*key, claim.refund_id, one.customer_id),
            *(claim.amount_minor, claim.opened_at, claim.taken_at),
        )
        for key, one in details.items()
        for claim in one.claims
    ]


def _order_columns(keys: Sequence[Key], details: Mapping[Key, Detail]) -> dict[str, str]:
    held = [details[key] for key in keys]
    shops, ids = _split(keys)
    instants = ("placed_at", "paid_at", "signed_at", "confirmed_at")
    return {
        "shop_id": shops,
        "order_id": ids,
        "customer_id": arrays.texts([one.customer_id for one in held]),
        "currency": arrays.texts([one.currency for one in held]),
        "net_minor": arrays.plain([one.net_minor for one in held]),
        **{name: arrays.plain([_quoted(getattr(one, name)) for one in held]) for name in instants},
    }


def _states(
    to_json: Callable[[S], dict[str, Any]], keys: Iterable[Key], states: Mapping[Key, S]
) -> dict[str, str]:
    return {"state": UNIT.join([orjson.dumps(to_json(states[key])).decode() for key in keys])}


def _split(keys: Collection[tuple[str, ...]]) -> tuple[str, str]:
    return arrays.texts([key[0] for key in keys]), arrays.texts([key[1] for key in keys])


def _column(values: Sequence[Any]) -> str:
    """Return one column of rows as an array's literal."""
    if isinstance(values[0], str):
        return arrays.texts(values)
    return arrays.plain([one if isinstance(one, int) else _quoted(one) for one in values])


def _quoted(value: Any) -> str | None:
    return None if value is None else f'"{value.isoformat()}"'
