"""POST /v1/shops/{shop_id}/events: the hot path. No database in it, unless an owner is sought."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

import orjson
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
from typing_extensions import override

from contracts.events import OrderFacts, Shop
from ingest import metrics
from ingest.app.accept_facts import Outcome, accept_entries, accept_facts, is_fresh
from ingest.domain import attributes
from ingest.domain.facts import Item
from ingest.domain.reading import micros
from ingest.edges import swift
from ingest.edges.idempotency import IdempotentRoute
from ingest.edges.native import AnyEvent, Batch, Customer, Event
from ingest.edges.ports import Ports, get_ports
from plumbing import trace
from web.auth import ShopId, require
from web.bodies import MOST_COUNTED, JsonBody
from web.hot import Answer, Tell
from web.problems import MEDIA_TYPE, BadRequest, FieldError, Unprocessable
from webhooks import BadJson, strict_json

AHEAD: Final = timedelta(minutes=10)
MAX_EVENTS: Final = 500
MAX_FAULTS: Final = 20  # of one event: who sends more has one mistake, made often

GUARD: Final = require("events:write")
_EVENT: TypeAdapter[Event] = TypeAdapter(AnyEvent)
_DOCUMENTED: TypeAdapter[Any] = TypeAdapter(AnyEvent | Batch)

# pydantic's names to ours; its error types are no API, and change.
_CODES: Final = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "union_tag_invalid": "unknown_kind",
    "union_tag_not_found": "missing",
    "model_type": "type",
    "enum": "unknown",
    "literal_error": "unknown",
    "string_pattern_mismatch": "format",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "greater_than_equal": "range",
    "less_than_equal": "range",
}
_ONE: Final = (
    b'{"accepted":1,"duplicate":0,"rejected":0,'
    b'"results":[{"index":0,"status":"accepted","event_id":"%b"}]}'
)
_COUNTS: Final = {
    status: metrics.FACTS.labels("api", status) for status in ("accepted", "duplicate", "too_large")
}
_ACCEPTED: Final = _COUNTS["accepted"]
_OURS: Final = frozenset({"type", "format", "range", "unknown"})


@dataclass(frozen=True, slots=True)
class Fault:
    """Where an event is wrong, how, and what would be right; never the value."""

    field: str
    code: str
    message: str


Faults: TypeAlias = tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Posted:
    single: bool
    events: Sequence[Event | Faults]

    def __len__(self) -> int:
        return len(self.events)


class EventFault(BaseModel):
    """Where an event is wrong: a JSON pointer, a code, and what would be right."""

    field: str
    code: str
    message: str


class TakenEvent(BaseModel):
    """Known from now on, or known before."""

    index: int
    status: Literal["accepted", "duplicate"]
    event_id: str


class RefusedEvent(BaseModel):
    index: int
    status: Literal["rejected"]
    errors: list[EventFault]


class EventsAnswer(BaseModel):
    """How many of each, and what became of each event, in the order of the request."""

    accepted: int
    duplicate: int
    rejected: int
    results: list[TakenEvent | RefusedEvent]


class EventsBody(JsonBody[Any]):
    """Reads one event or a batch: strict JSON once, then each event on its own."""

    def __init__(self) -> None:
        super().__init__(_DOCUMENTED, strict_json)
        self.name = "Events"

    @override
    def _parse(self, raw: bytes) -> Posted | swift.Plain:
        return swift.plain(raw) or strictly(raw)


def strictly(raw: bytes) -> Posted:
    try:
        document = strict_json(raw)
    except BadJson as error:
        raise BadRequest(f"the body is not strict JSON: {error}") from None
    return posted(document)


def posted(document: Any) -> Posted:
    """Read one event or a batch of them, strictly parsed; `Unprocessable` if it is neither."""
    if isinstance(document, dict) and "events" in document and "kind" not in document:
        return Posted(False, [event(one) for one in _elements(document)])
    return Posted(True, [event(document)])


router = APIRouter(
    prefix="/v1/shops/{shop_id}/events", tags=["events"], route_class=IdempotentRoute
)
body = EventsBody()


@router.post(
    "",
    operation_id="post_events",
    dependencies=[Depends(GUARD)],
    response_model=EventsAnswer,  # as it is documented: what is returned is written already
)
async def post_events(
    shop_id: ShopId,
    posted: Annotated[Posted | swift.Plain, Depends(body)],
    ports: Annotated[Ports, Depends(get_ports)],
) -> Response:
    """Take one event, or up to 500. 200 means that the accepted ones survive any crash."""
    shop = await ports.directory.shop(shop_id)
    headers = ports.quotas.admit(shop, len(posted))
    answer = await take(shop_id, posted, ports)
    return Response(
        answer.content, answer.status, headers=headers, media_type=answer.media_type.decode()
    )


async def take(shop_id: str, posted: Posted | swift.Plain, ports: Ports) -> Answer:
    """Make the good ones of *posted* durable, and answer for each."""
    if isinstance(posted, swift.Plain):
        if posted.newest_us() <= micros(_limit(ports)):
            return await _take_plain(shop_id, posted, ports)
        posted = strictly(posted.raw)
    events = await judged(posted.events, await ports.directory.shop(shop_id), ports)
    items = [one.item(shop_id) for one in events if not isinstance(one, tuple)]
    outcomes = await _accepted(shop_id, items, ports)
    _count(outcomes)
    answers = iter(outcomes)
    results = [
        _refused(number, one) if isinstance(one, tuple) else _result(number, next(answers))
        for number, one in enumerate(events)
    ]
    return _answer(posted.single, results)


async def _take_plain(shop_id: str, plain: swift.Plain, ports: Ports) -> Answer:
    publisher = ports.publisher
    entries = publisher.entries(OrderFacts, plain.ready(shop_id), trace.current())
    outcomes = await accept_entries(entries, log=publisher)
    _count(outcomes)
    results = [_result(number, outcome) for number, outcome in enumerate(outcomes)]
    return _answer(plain.single, results)


def begin(shop_id: str, raw: bytes, traceparent: str, ports: Ports, tell: Tell) -> bool:
    """Do what `take` does for one plain order of a known shop; False if it is anything else."""
    plain = swift.single(raw)
    if plain is None or plain.newest_us() > micros(_limit(ports)):
        return False
    publisher = ports.publisher
    (entry,) = publisher.entries(OrderFacts, plain.ready(shop_id), traceparent)
    if not is_fresh(entry, log=publisher):
        return False
    event_id = entry.event_id

    def done(error: Exception | None) -> None:
        if error is not None:
            tell(error)
            return
        publisher.remember((event_id,))
        _ACCEPTED.inc()
        tell(Answer(200, _ONE % event_id.encode()))

    return publisher.put_soon(entry, done)


async def _accepted(shop_id: str, items: Sequence[Item], ports: Ports) -> list[Outcome]:
    if not items:
        return []
    return await accept_facts(shop_id, items, registry=ports.registry, log=ports.publisher)


async def judged(
    events: Sequence[Event | Faults], shop: Shop, ports: Ports
) -> Sequence[Event | Faults]:
    """Refuse times that lie ahead, and attributes that the shop has not."""
    return [
        (isinstance(one, Customer) and _own_faults(one, shop)) or one
        for one in await _in_time(events, ports)
    ]


def _own_faults(customer: Customer, shop: Shop) -> Faults:
    return tuple(
        Fault(f"/attributes/{place}/{'name' if code == 'unknown' else 'value'}", code, message)
        for place, code, message in attributes.faults(shop.attributes, customer.own_values())
    )


async def _in_time(events: Sequence[Event | Faults], ports: Ports) -> Sequence[Event | Faults]:
    """Refuse what lies more than 10 min ahead of business time, known as of now."""
    if not _any_ahead(events, ports):
        return events
    await ports.directory.refresh_clock()
    limit = _limit(ports)
    timed: list[Event | Faults] = []
    for one in events:
        faults: Faults = ()
        if not isinstance(one, tuple):
            faults = tuple(
                Fault(field, "future", "a time up to now is expected")
                for field, at in one.instants()
                if at is not None and at > limit
            )
        timed.append(faults or one)
    return timed


def _any_ahead(events: Sequence[Event | Faults], ports: Ports) -> bool:
    limit = _limit(ports)
    return any(one.newest() > limit for one in events if not isinstance(one, tuple))


def _limit(ports: Ports) -> datetime:
    return ports.directory.business_now() + AHEAD


def _elements(document: dict[str, Any]) -> list[Any]:
    events = document["events"]
    wrong = [FieldError("/*", "unknown_field")] if len(document) > 1 else []
    if not isinstance(events, list):
        wrong.append(FieldError("/events", "type"))
    elif not 1 <= len(events) <= MAX_EVENTS:
        wrong.append(FieldError("/events", "too_long" if events else "too_short"))
    if wrong:
        raise Unprocessable(
            f"a batch holds 1 to {MAX_EVENTS} events and nothing else", errors=wrong
        )
    return cast("list[Any]", events)


def event(document: Any) -> Event | Faults:
    """Read one event, strictly parsed, or say what is wrong with it."""
    try:
        return _EVENT.validate_python(document)
    except ValidationError as error:
        if error.error_count() > MOST_COUNTED:
            return (Fault("", "too_many_errors", f"more than {MOST_COUNTED} places are wrong"),)
        found = error.errors(include_url=False, include_context=False, include_input=False)
        return tuple(_fault(one, document) for one in found[:MAX_FAULTS])


def _fault(one: ErrorDetails, document: Any) -> Fault:
    kind, _, named = one["type"].partition(":")
    code = kind if kind in _OURS else _CODES.get(kind, "type")
    steps = list(one["loc"])
    if steps and isinstance(document, dict) and steps[0] == document.get("kind"):
        del steps[0]  # the union's tag
    if kind.startswith("union_tag"):
        steps = ["kind"]
    if named:
        steps.append(named)
    # Only fields of our own models are named: another's may hold somebody's number.
    if code == "unknown_field":
        steps[-1] = _shown(str(steps[-1]))
    pointer = "".join(f"/{step}" for step in steps)
    message = "one of the kinds of events is expected" if code == "unknown_kind" else one["msg"]
    return Fault(pointer, code, message)


def _shown(name: str) -> str:
    good = name.isidentifier() and name.isascii() and len(name) <= 40
    return name if good and sum(c.isdigit() for c in name) < 5 else "*"


def _count(outcomes: Sequence[Outcome]) -> None:
    for status, count in Counter([one.status for one in outcomes]).items():
        _COUNTS[status].inc(count)


def _result(number: int, outcome: Outcome) -> dict[str, Any]:
    if outcome.status == "too_large":
        fault = Fault("", "too_long", "the event is larger than a record may be")
        return _refused(number, (fault,))
    return {"index": number, "status": outcome.status, "event_id": outcome.event_id}


def _refused(number: int, faults: Faults) -> dict[str, Any]:
    errors = [{"field": one.field, "code": one.code, "message": one.message} for one in faults]
    return {"index": number, "status": "rejected", "errors": errors}


def _answer(single: bool, results: Sequence[dict[str, Any]]) -> Answer:
    if single and results[0]["status"] == "accepted":
        return Answer(200, _ONE % results[0]["event_id"].encode())
    counts = Counter(one["status"] for one in results)
    answer: dict[str, Any] = {name: counts[name] for name in ("accepted", "duplicate", "rejected")}
    answer["results"] = results
    if not single or not counts["rejected"]:
        return Answer(200, orjson.dumps(answer))
    metrics.FACTS.labels("api", "rejected").inc()
    problem = {
        "type": "urn:huiliu:problem:unprocessable",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "the event is not what this route takes",
    }
    return Answer(422, orjson.dumps(problem | answer), MEDIA_TYPE.encode())
