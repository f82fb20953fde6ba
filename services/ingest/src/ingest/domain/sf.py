"""SF Express (顺丰) routes to facts: steps of parcels, told once each and not signed.

https://open.sf-express.com, RoutePushService. Nobody proves who sent them, so they may stop a
reminder about a parcel that lies still, and nothing more: no delivery, no return, no trouble.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from contracts.events import Checkpoint, ShipmentFacts, ShipmentState
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByParcel, normal_number
from ingest.domain.push import Reading, each
from ingest.domain.reading import Unmappable

CARRIER: Final = "shunfeng"
DELIVERED: Final = frozenset({"80", "8000"})

_S = ShipmentState
# Only 50 is sure; the others are what SF's customers report. A code that is not here moves nothing.
MOVES: Final[Mapping[str, ShipmentState]] = {
    "50": _S.PICKED_UP,
    **dict.fromkeys(("30", "31", "36"), _S.IN_TRANSIT),
    "44": _S.OUT_FOR_DELIVERY,
    **dict.fromkeys(("99", "648"), _S.RETURNING),
}


def read(body: Any, shop_id: str, accept_test: bool) -> Reading:
    """Return the facts of a body, parsed.

    Args:
        body: The body.
        shop_id: The connector's shop.
        accept_test: Whether SF's trial routes count.

    Raises:
        Unmappable: No routes, or nothing in them can be read.
    """
    notes: Counter[str] = Counter()

    def read_one(route: Mapping[str, Any]) -> ByParcel | None:
        if route.get("remark") == "test" and not accept_test:
            notes["test"] += 1
            return None
        return _step(route, shop_id, notes)

    inside = reading.object_of(body, "Body") if isinstance(body, dict) else {}
    return each(inside.get("WaybillRoute"), read_one, notes)


def identity(body: Any) -> str | None:
    """Return numbers and ids of a body's routes: what tells one push from another."""
    inside = reading.object_of(body, "Body") if isinstance(body, dict) else {}
    told = [
        reading.texts(route, "mailno", "id") for route in reading.objects(inside, "WaybillRoute")
    ]
    known = [one for one in told if one is not None]
    return "\x1e".join(known) if known and len(known) == len(told) else None


def _step(route: Mapping[str, Any], shop_id: str, notes: Counter[str]) -> ByParcel | None:
    number = normal_number(reading.text(route, "mailno"))
    if not number or len(number) > reading.MAX_ID_CHARS:
        raise Unmappable("mailno is no number")
    at = reading.maybe_china(route, "acceptTime")
    if at is None:
        raise Unmappable("acceptTime is missing")
    code = reading.maybe_id(route, "opCode") or ""
    state = MOVES.get(code)
    if state is None and code not in DELIVERED:
        notes["unknown_code"] += 1
        return None
    fact = ShipmentFacts(
        shop_id,
        UNKNOWN,
        # The shop's own number of the order, perhaps: if nobody knows the parcel, it is tried.
        reading.maybe_id(route, "orderid") or UNKNOWN,
        number,
        reading.micros(at),
        carrier=CARRIER,
        number=number,
        # Of what is delivered nothing more is awaited.
        watch_ended_at=at if state is None else None,
        checkpoints=() if state is None else (Checkpoint(at, state),),
    )
    return ByParcel(number, fact)
