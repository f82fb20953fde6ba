"""The statements of `detail_store`."""

from typing import Final

from sqlalchemy import TextClause, text


def _texts(*names: str) -> str:
    return ", ".join(f"cast(cast(:{name} as text) as text[])" for name in names)


def _reading(table: str, *ids: str) -> TextClause:
    """Return what reads the states of some rows of *table*, each as of when it was seen."""
    wanted = _texts(*(f"key{place}" for place in range(len(ids))))
    keys = ", ".join(ids)
    return text(
        f"select {keys}, cast(state as text) as state, cast({table}.xmin as text) as seen"  # noqa: S608 - names of ours
        f" from {table} join unnest({wanted}) as wanted({keys}) using ({keys})"
    )


def _writing(table: str, ids: tuple[str, ...], **kinds: str) -> tuple[TextClause, TextClause]:
    """Return what adds rows to *table*, and what replaces rows that are still as they were seen.

    Args:
        table: With a column `state`.
        ids: Its primary key, all texts.
        kinds: The other columns, with their types.
    """
    typed = {**dict.fromkeys(ids, "text"), **kinds}
    arrays = [f"cast(cast(:{name} as text) as {kind}[])" for name, kind in typed.items()]
    arrays += ["string_to_array(:state, chr(31))", "cast(cast(:seen as text) as text[])"]
    names = ", ".join(typed)
    new = f"unnest({', '.join(arrays)}) as new({names}, state, seen)"
    add = (
        f"insert into {table} ({names}, state)"  # noqa: S608 - names of ours
        f" select {names}, cast(state as jsonb) from {new} on conflict do nothing"
    )
    sets = ", ".join(f"{name} = new.{name}" for name in kinds)
    same = " and ".join(f"held.{name} = new.{name}" for name in ids)
    update = (
        f"update {table} as held set {sets}, state = cast(new.state as jsonb) from {new}"  # noqa: S608 - names of ours
        f" where {same} and cast(held.xmin as text) = new.seen"
    )
    return text(add), text(update)


def _dropping(table: str, *ids: str) -> TextClause:
    keys = ", ".join(ids)
    return text(
        f"delete from {table} where ({keys}) in (select * from unnest({_texts(*ids)}))"  # noqa: S608 - names of ours
    )


def _adding(table: str, **kinds: str) -> TextClause:
    names = ", ".join(kinds)
    arrays = ", ".join(f"cast(cast(:{name} as text) as {kind}[])" for name, kind in kinds.items())
    return text(f"insert into {table} ({names}) select * from unnest({arrays})")  # noqa: S608 - names of ours


SHOPS: Final = text("select shop_id from shop where shop_id = any(cast(:shops as text[]))")

ORDERS: Final = _reading("order_detail", "shop_id", "order_id")
ADD_ORDERS, UPDATE_ORDERS = _writing(
    "order_detail",
    ("shop_id", "order_id"),
    customer_id="text",
    currency="text",
    placed_at="timestamptz",
    paid_at="timestamptz",
    net_minor="bigint",
    signed_at="timestamptz",
    confirmed_at="timestamptz",
)
DROP_ITEMS: Final = _dropping("order_item", "shop_id", "order_id")
DROP_REFUNDS: Final = _dropping("order_refund", "shop_id", "order_id")
ADD_ITEMS: Final = _adding(
    "order_item",
    shop_id="text",
    order_id="text",
    sku="text",
    customer_id="text",
    currency="text",
    paid_at="timestamptz",
    quantity="bigint",
    price_minor="bigint",
)
ADD_REFUNDS: Final = _adding(
    "order_refund",
    shop_id="text",
    order_id="text",
    refund_id="text",
    customer_id="text",
    amount_minor="bigint",
    opened_at="timestamptz",
    taken_at="timestamptz",
)

PARCELS: Final = _reading("parcel", "shop_id", "order_id", "parcel_id")
ADD_PARCELS, UPDATE_PARCELS = _writing(
    "parcel", ("shop_id", "order_id", "parcel_id"), signed_at="timestamptz"
)

REVIEWS: Final = _reading("review", "shop_id", "review_id")
ADD_REVIEWS, UPDATE_REVIEWS = _writing(
    "review",
    ("shop_id", "review_id"),
    customer_id="text",
    order_id="text",
    sku="text",
    score="integer",
    reviewed_at="timestamptz",
    withdrawn_at="timestamptz",
)

# Whoever was erased stays so: a profile that comes late brings nothing back.
ADD_LOGINS: Final = text(
    """
    insert into login (shop_id, customer_id, at)
    select * from unnest(cast(:shop_id as text[]), cast(:customer_id as text[]),
                         cast(:at as timestamptz[])) as new(shop_id, customer_id, at)
    where not exists (select from customer_traits as known
                      where known.shop_id = new.shop_id and known.customer_id = new.customer_id
                        and known.erased)
    on conflict do nothing
    """
)
FORGET_LOGINS: Final = _dropping("login", "shop_id", "customer_id")
DROP_PRODUCTS: Final = _dropping("product", "shop_id", "sku")
