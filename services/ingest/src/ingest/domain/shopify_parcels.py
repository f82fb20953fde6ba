"""Shopify fulfilments: one parcel for each tracking number."""

from collections.abc import Mapping
from typing import Any

from contracts.events import Checkpoint, ShipmentFacts, ShipmentState
from ingest.domain import reading
from ingest.domain.facts import normal_number
from ingest.domain.parcels import with_route


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
            ),
            route,
        )
        for parcel_id in parcels
    ]
