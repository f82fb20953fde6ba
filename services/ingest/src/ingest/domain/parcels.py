"""A parcel's route: from checkpoints to the instants that care rules wait for."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from contracts.events import Checkpoint, ShipmentFacts, ShipmentState

# Whoever is here was handed over: at the first of these, unless an earlier one is heard of.
MOVING: Final = frozenset(
    {
        ShipmentState.PICKED_UP,
        ShipmentState.IN_TRANSIT,
        ShipmentState.ARRIVED_IN_CITY,
        ShipmentState.OUT_FOR_DELIVERY,
        ShipmentState.AWAITING_PICKUP,
        ShipmentState.DELIVERED,
        ShipmentState.CUSTOMS,
    }
)


def with_route(fact: ShipmentFacts, checkpoints: Iterable[Checkpoint]) -> ShipmentFacts:
    """Return *fact* with these checkpoints, each once and in order, and what they imply."""
    route = tuple(sorted(set(checkpoints), key=lambda point: (point.at, point.state)))
    return replace(
        fact,
        checkpoints=route,
        handed_over_at=_first(route, *MOVING),
        arrived_in_city_at=_first(route, ShipmentState.ARRIVED_IN_CITY),
        out_for_delivery_at=_first(route, ShipmentState.OUT_FOR_DELIVERY),
        signed_at=_first(route, ShipmentState.DELIVERED),
        returned_at=_first(route, ShipmentState.RETURNED),
    )


def trim(fact: ShipmentFacts, not_before: datetime) -> ShipmentFacts:
    """Return *fact* without what is said of the time before *not_before*."""
    if all(point.at >= not_before for point in fact.checkpoints):
        return fact
    kept = with_route(fact, (point for point in fact.checkpoints if point.at >= not_before))
    refused_at = fact.refused_at
    if refused_at is not None and refused_at < not_before:
        refused_at = None
    return replace(kept, refused_at=refused_at)


def _first(route: Iterable[Checkpoint], *states: ShipmentState) -> datetime | None:
    return min((point.at for point in route if point.state in states), default=None)
