"""kuaidi100's pushes to facts: each repeats the whole route, newest node first.

`context` may hold names and numbers of people: it is read for a few words and never kept.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from contracts.events import Checkpoint, ShipmentFacts, ShipmentProblem, ShipmentState
from ingest.domain import reading
from ingest.domain.facts import UNKNOWN, ByParcel, normal_number
from ingest.domain.parcels import with_route
from ingest.domain.reading import EARLIEST, LATEST, Unmappable

ZONE: Final = ZoneInfo("Asia/Shanghai")
WORDS: Final = ("疑难", "问题件", "异常", "破损", "拒收", "无法联系", "滞留", "延迟派送")
MAX_NODES: Final = 500

_FTIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)

_S = ShipmentState
_P = ShipmentProblem
# https://api.kuaidi100.com/document/5f0ff6e82977d50a94e10237 lists the codes; `state` may hold one
# of a node's. None leaves the state, or the problem, as it was.
CODES: Final[Mapping[str, tuple[ShipmentState | None, ShipmentProblem | None]]] = {
    **dict.fromkeys(("101", "102"), (_S.LABEL, None)),
    **dict.fromkeys(("1", "103"), (_S.PICKED_UP, None)),
    **dict.fromkeys(("0", "7", "1001", "1002", "1003"), (_S.IN_TRANSIT, None)),
    "5": (_S.OUT_FOR_DELIVERY, None),
    "501": (_S.AWAITING_PICKUP, None),
    **dict.fromkeys(("3", "301", "302", "303", "304"), (_S.DELIVERED, _P.NONE)),
    "2": (None, _P.OTHER),
    "201": (None, _P.OVERDUE_UNSIGNED),
    "202": (None, _P.STALE),
    "203": (None, _P.REFUSED),
    "204": (None, _P.FAILED_ATTEMPT),
    "205": (None, _P.PICKUP_OVERDUE),
    "206": (None, _P.UNREACHABLE),
    "207": (None, _P.OUT_OF_AREA),
    "208": (None, _P.HELD),
    "209": (None, _P.DAMAGED),
    "210": (None, _P.WITHDRAWN),
    "6": (_S.RETURNING, None),
    "4": (_S.RETURNED, None),
    "401": (_S.CANCELLED, None),
    "14": (_S.RETURNING, _P.REFUSED),
    **dict.fromkeys(("8", "10", "11", "12"), (_S.CUSTOMS, None)),
    "13": (_S.CUSTOMS, _P.CUSTOMS),
}


# Of a parcel in any other state, the first node is the courier's first scan.
_NOT_SCANNED: Final = (None, _S.LABEL, _S.CANCELLED)


@dataclass(frozen=True, slots=True)
class _Node:
    at: datetime
    state: ShipmentState | None
    problem: ShipmentProblem | None


def read(body: Any, shop_id: str, now: datetime) -> tuple[ByParcel, Mapping[str, int]]:
    """Return what the push says of its parcel, and a count of codes that we do not know.

    Args:
        body: The parsed `param`.
        shop_id: The connector's shop.
        now: Stands in for the time of a push without any node.

    Raises:
        Unmappable: No number, or a time that is none.
    """
    if not isinstance(body, dict):
        raise Unmappable("not an object")
    last = reading.object_of(body, "lastResult")
    number = normal_number(reading.text(last, "nu"))
    if not number or len(number) > reading.MAX_ID_CHARS:
        raise Unmappable("nu is no number")
    notes: Counter[str] = Counter()
    status = body.get("status")
    nodes = _nodes(last, notes)
    nodes = _close(nodes, last, notes)
    newest = nodes[-1].at if nodes else now
    fact = ShipmentFacts(
        shop_id,
        UNKNOWN,
        UNKNOWN,
        number,
        reading.micros(newest),
        carrier=reading.maybe_text(last, "com"),
        number=number,
        problem=_P.STALE if status == "abort" else _problem(nodes),
        refused_at=min((node.at for node in nodes if node.problem is _P.REFUSED), default=None),
        watch_ended_at=newest if status in ("shutdown", "abort") else None,
    )
    route = [Checkpoint(node.at, node.state) for node in nodes if node.state is not None]
    return ByParcel(number, with_route(fact, route)), notes


def _nodes(last: Mapping[str, Any], notes: Counter[str]) -> list[_Node]:
    """Return the route's nodes, oldest first."""
    spelled = list(reading.objects(last, "data"))[:MAX_NODES]
    nodes = []
    for one in spelled:
        code = reading.maybe_id(one, "statusCode")
        if code is None:
            words = reading.maybe_text(one, "context") or ""
            state, problem = None, _P.OTHER if any(word in words for word in WORDS) else None
        else:
            state, problem = _meaning(code, notes)
        nodes.append(_Node(_at(one), state, problem))
    return sorted(nodes, key=lambda node: node.at)


def _close(nodes: Sequence[_Node], last: Mapping[str, Any], notes: Counter[str]) -> list[_Node]:
    """Give `state`, which describes the whole, to the newest node if no code says it there."""
    code = reading.maybe_id(last, "state")
    if code is None or not nodes:
        return list(nodes)
    state, problem = _meaning(code, notes)
    newest = nodes[-1]
    if newest.state is None and newest.problem in (None, _P.OTHER):
        newest = _Node(newest.at, state, problem if problem is not None else newest.problem)
    first = nodes[0]
    if len(nodes) > 1 and first.state is None and state not in _NOT_SCANNED:
        first = _Node(first.at, _S.PICKED_UP, first.problem)  # without codes: the first scan
    return [first, *nodes[1:-1], newest] if len(nodes) > 1 else [newest]


def _problem(nodes: Sequence[_Node]) -> ShipmentProblem | None:
    """Return the latest word on trouble; delivery clears it."""
    return next((node.problem for node in reversed(nodes) if node.problem is not None), None)


def _meaning(code: str, notes: Counter[str]) -> tuple[ShipmentState | None, ShipmentProblem | None]:
    known = CODES.get(code)
    if known is None:
        notes["unknown_code"] += 1
        return None, None
    return known


def _at(node: Mapping[str, Any]) -> datetime:
    spelled = reading.text(node, "ftime")
    if not _FTIME.fullmatch(spelled):
        raise Unmappable("ftime is no time")
    try:
        local = datetime.fromisoformat(spelled)
    except ValueError:
        raise Unmappable("ftime is no time") from None
    if not EARLIEST.year < local.year < LATEST.year:
        raise Unmappable("ftime is no time that can be")
    return local.replace(tzinfo=ZONE).astimezone(UTC)
