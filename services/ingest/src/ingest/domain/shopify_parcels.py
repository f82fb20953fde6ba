"""Shopify fulfilments: one parcel for each tracking number, and what became of them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from contracts.events import Checkpoint, ShipmentFacts, ShipmentProblem, ShipmentState
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, normal_number
from ingest.domain.parcels import with_route

_S = ShipmentState
_P = ShipmentProblem
# https://shopify.dev/docs/api/admin-rest/latest/resources/fulfillmentevent, `status`.
STEPS: Final[Mapping[str, tuple[ShipmentState | None, ShipmentProblem | None]]] = {
    **dict.fromkeys(("label_printed", "label_purchased", "confirmed"), (_S.LABEL, None)),
    "carrier_picked_up": (_S.PICKED_UP, None),
    "in_transit": (_S.IN_TRANSIT, None),
    "delayed": (_S.IN_TRANSIT, _P.STALE),
    "out_for_delivery": (_S.OUT_FOR_DELIVERY, None),
    "ready_for_pickup": (_S.AWAITING_PICKUP, None),
    "delivered": (_S.DELIVERED, _P.NONE),
    "attempted_delivery": (None, _P.FAILED_ATTEMPT),
    "failure": (None, _P.OTHER),
}


def parcels_of(
    body: Mapping[str, Any], shop_id: str, order_id: str, customer_id: str
) -> list[ShipmentFacts]:
    """Return a fact for each parcel; `success` means handed over, not delivered."""
    version = reading.instant(body, "updated_at")
    spelled = body.get("tracking_numbers")
    numbers = [one for one in spelled if isinstance(one, str)] if isinstance(spelled, list) else []
    parcels = sorted({normal_number(one)[: reading.MAX_ID_CHARS] for one in numbers} - {""})
    route = []
    if body.get("status") == "success":
        at = reading.maybe_instant(body, "created_at") or version
        route.append(Checkpoint(at, ShipmentState.PICKED_UP))
    return [
        with_route(
            ShipmentFacts(
                shop_id,
                customer_id,
                order_id,
                parcel_id,
                reading.micros(version),
                carrier=reading.maybe_text(body, "tracking_company"),
                number=parcel_id,
                source_ref=reading.gid(body),
            ),
            route,
        )
        for parcel_id in parcels
    ]


def step_of(body: Mapping[str, Any], shop_id: str, notes: Counter[str]) -> ShipmentFacts | None:
    """Return what an event says of each parcel of its fulfilment; None when that is nothing.

    Its version is the time that it happened: an earlier trouble that is told later is no news.
    """
    known = STEPS.get(reading.text(body, "status"))
    if known is None:
        notes["unknown_status"] += 1
        return None
    state, problem = known
    at = reading.instant(body, "happened_at")
    fact = ShipmentFacts(shop_id, UNKNOWN, UNKNOWN, UNKNOWN, reading.micros(at), problem=problem)
    return fact if state is None else with_route(fact, [Checkpoint(at, state)])
