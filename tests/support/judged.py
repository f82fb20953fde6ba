"""Whether a house made of steadily pushed orders what it should: nothing lost, nothing twice."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from contracts.topics import ORDERS, SHIPMENTS
from demo.house import SERVICES, login
from support.canonical import event_ids_of
from support.load import count_again, forget_change, misannounced
from support.steady import Bought, Steady
from support.town import SHOP_ID, Town
from support.trial import Trial

UNLOGGED: Final = "acknowledged and not in the log"
MISJUDGED: Final = "customers and orders known wrongly"
MISCOUNTED: Final = "counters not exact"
MISANNOUNCED: Final = "changes not announced once"


async def judge(trial: Trial, town: Town, steady: Steady) -> None:
    """Look for what was lost or done twice; the house must be at rest."""
    logged = {*await event_ids_of(town, ORDERS), *await event_ids_of(town, SHIPMENTS)}
    trial.none(UNLOGGED, steady.unlogged(logged))
    trial.none(MISJUDGED, await misjudged(town, steady.orders()))
    trial.none(MISCOUNTED, await miscounted(town, steady))
    trial.none(MISANNOUNCED, await misannounced(town))
    trial.none("dead letters", await _letters(town))
    trial.control(UNLOGGED, steady.unlogged(logged - {steady.taken[0].event_id}))


async def plant(trial: Trial, town: Town, steady: Steady) -> None:
    """Spoil what the house knows, and see that `judge` would tell; nothing of it is right after."""
    await forget_change(town)
    trial.control(MISANNOUNCED, await misannounced(town))
    await count_again(town)
    trial.control(MISJUDGED, await misjudged(town, steady.orders()))
    await town.watch.db.execute("""
        update reporting.order_fact set net_minor = 2 * net_minor where order_id =
          (select min(order_id) from reporting.order_fact where counted_in is not null)""")
    trial.control(MISCOUNTED, await miscounted(town, steady))


async def misjudged(town: Town, orders: Mapping[str, Bought]) -> list[tuple[str, str, Any, Any]]:
    """Return where a service knows something else: service, what, expected, found."""
    sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in orders.values():
        if one.paid:
            frequency, money = sums[one.customer_id]
            sums[one.customer_id] = (frequency + 1, money + (one.total_minor or 0))
    expected: dict[str, dict[str, Any]] = {
        "segmenter": dict(sums),
        "reporting": {name: (one.total_minor, one.paid) for name, one in orders.items()},
        "care-triggers": {name: (one.paid,) for name, one in orders.items()},
    }
    return [
        (service, name, known.get(name), found.get(name))
        for service, known in expected.items()
        for found in [await _known(town, service)]
        for name in sorted(known.keys() | found.keys())
        if known.get(name) != found.get(name)
    ]


_KNOWN: Final = {
    "segmenter": "select customer_id, frequency, monetary_minor from segmenter.customer_state"
    " where frequency > 0",
    "reporting": "select order_id, total_minor, paid_at is not null as paid"
    " from reporting.order_fact",
    "care-triggers": "select order_id, paid_at is not null as paid from care_triggers.order_fact",
}


async def _known(town: Town, service: str) -> dict[str, tuple[Any, ...]]:
    rows = [tuple(row.values()) for row in await town.rows(_KNOWN[service])]
    return {row[0]: row[1:] for row in rows}


async def miscounted(town: Town, steady: Steady) -> list[tuple[str, int, int]]:
    """Return which of reporting's counters differ: name, expected, found.

    It counts each event once, so a batch that was applied again, or was lost, shows.
    """
    orders = steady.orders()
    paid = [one.total_minor or 0 for one in orders.values() if one.paid]
    events = {one.event_id for one in steady.taken if one.fact["kind"] == "order"}
    expected = {"events": len(events), "known": len(orders), "counted": len(paid)}
    expected["net_minor"] = sum(paid)
    summary = await town.api.get("reporting", f"/v1/shops/{SHOP_ID}/reports/summary")
    found = summary["orders"]
    return [(name, n, found[name]) for name, n in expected.items() if found[name] != n]


async def _letters(town: Town) -> list[dict[str, Any]]:
    found = []
    for service in SERVICES:
        query = f"select topic, part, off, reason from {login(service)}.dead_letter"  # noqa: S608 - ours
        found += [{"service": service, **row} for row in await town.rows(query)]
    return found
