"""Orders and standings as rows: columns of many as arrays, a row of one as a value."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import orjson
from sqlalchemy import Row

from care.facts import money_to_json
from contracts.events import Cell, SegmentChanged
from plumbing import arrays
from segmenter.domain.fold import Held, OrderKey
from segmenter.domain.rfm import Tally
from segmenter.domain.standing import CustomerKey, Standing

Columns: TypeAlias = dict[str, str]  # each an array in one text

_CELLS: Final = {cell.value: cell for cell in Cell}
UNIT: Final = "\x1f"  # between texts of JSON, which never hold it bare


def split(keys: Collection[tuple[str, str]]) -> tuple[str, str]:
    return arrays.texts([one for one, _ in keys]), arrays.texts([two for _, two in keys])


def order_columns(keys: Sequence[OrderKey], orders: Mapping[OrderKey, Held]) -> Columns:
    held = [orders[key] for key in keys]
    purchases = [one.purchase for one in held]
    shops, ids = split(keys)
    return {
        "shop_id": shops,
        "order_id": ids,
        "customer_id": arrays.texts([owner_of(one) for one in held]),
        "buyer_id": _buyers(held),
        "state": UNIT.join([orjson.dumps(money_to_json(one.order)).decode() for one in held]),
        "paid_day": arrays.plain([None if one is None else one.day for one in purchases]),
        "net_minor": arrays.plain([None if one is None else one.net_minor for one in purchases]),
    }


def owner_of(held: Held) -> str:
    return held.owner_id or held.order.customer_id


def _buyers(held: Sequence[Held]) -> str:
    """Return whom the orders name, where they count for somebody else."""
    if all(one.owner_id is None for one in held):
        return arrays.plain([None] * len(held))
    return arrays.some_texts(
        [None if one.owner_id is None else one.order.customer_id for one in held]
    )


def standing_columns(
    keys: Sequence[CustomerKey],
    standings: Mapping[CustomerKey, Standing],
    seen: Mapping[CustomerKey, str],
) -> Columns:
    held = [standings[key] for key in keys]
    totals = [one.total for one in held]
    shops, ids = split(keys)
    return {
        "shop_id": shops,
        "customer_id": ids,
        "frequency": arrays.plain([one.frequency for one in totals]),
        "monetary_minor": arrays.plain([one.monetary_minor for one in totals]),
        "first_day": arrays.plain([one.first_day for one in totals]),
        "last_day": arrays.plain([one.last_day for one in totals]),
        "next_day": arrays.plain([one.next_day for one in totals]),
        "due_day": arrays.plain([one.due_day for one in held]),
        "cell": arrays.plain([one.cell for one in held]),
        "is_high": arrays.plain([one.is_high for one in held]),
        "revision": arrays.plain([one.revision for one in held]),
        "survivor_id": arrays.some_texts([one.survivor_id for one in held]),
        "seen": arrays.plain([seen.get(key) for key in keys]),
    }


def change_columns(changes: Sequence[SegmentChanged]) -> Columns:
    return {
        "shop_id": arrays.texts([one.shop_id for one in changes]),
        "customer_id": arrays.texts([one.customer_id for one in changes]),
        "revision": arrays.plain([one.revision for one in changes]),
        "as_of": arrays.plain([one.as_of for one in changes]),
        "before": arrays.plain([one.before for one in changes]),
        "after": arrays.plain([one.after for one in changes]),
        "reason": arrays.plain([one.reason for one in changes]),
        "recency_days": arrays.plain([one.recency_days for one in changes]),
        "frequency": arrays.plain([one.frequency for one in changes]),
        "monetary_minor": arrays.plain([one.monetary_minor for one in changes]),
    }


def standings_of(
    rows: Iterable[Sequence[Any]],
) -> tuple[dict[CustomerKey, Standing], dict[CustomerKey, str], dict[CustomerKey, str]]:
    """Return who stands where, under which `xmin`, and the survivors of those who have one."""
    found: dict[CustomerKey, Standing] = {}
    seen: dict[CustomerKey, str] = {}
    persons: dict[CustomerKey, str] = {}
    # By place, in the order of the query: a name costs a look-up for each of a million rows.
    for row in rows:
        key, total = (row[0], row[1]), Tally(*row[2:7])
        due, cell, is_high, revision, survivor_id, xmin = row[7:]
        found[key] = Standing(total, _CELLS[cell], is_high, due, revision, survivor_id)
        seen[key] = xmin
        if survivor_id is not None:
            persons[key] = survivor_id
    return found, seen, persons


def standing_of(row: Row[Any]) -> Standing:
    total = Tally(row.frequency, row.monetary_minor, row.first_day, row.last_day, row.next_day)
    cell = _CELLS[row.cell]
    return Standing(total, cell, row.is_high, row.due_day, row.revision, row.survivor_id)
