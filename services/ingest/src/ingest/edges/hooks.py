"""POST /v1/hooks/{connector_id}: what shops and couriers push, signed in their own ways.

The order of work: connector (404), body (413, 415), signature over the bytes as they came (401),
parse, make durable (503), the scheme's own success answer. A signed body that cannot be read as
facts gets the success answer too, and is kept for an operator: a 4xx would make the sender repeat
it, then switch the hook off.
"""

import hashlib
import logging
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from ingest import metrics
from ingest.app.accept_facts import accept_push
from ingest.domain.push import Reading
from ingest.domain.reading import Unmappable, micros
from ingest.edges.directory import Connector
from ingest.edges.ports import Ports, get_ports
from ingest.edges.push_log import Outcome
from ingest.edges.schemes import SCHEMES
from ingest.errors import NotDurable
from web.bodies import limited_body
from web.hot import Answer
from webhooks import BadJson, BadSignature, Headers, strict_json

AHEAD: Final = timedelta(minutes=10)
MAX_CONNECTOR_CHARS: Final = 64

FORGED: Final = Answer(401, b'{"error":"signature"}')

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/hooks", tags=["webhooks"])


@router.post("/{connector_id}", operation_id="receive_push")
async def receive(
    connector_id: str, request: Request, ports: Annotated[Ports, Depends(get_ports)]
) -> Response:
    """Take one webhook. The scheme's success answer means that it survives any crash."""
    connector = await ports.directory.connector(connector_id[:MAX_CONNECTOR_CHARS])
    raw = await limited_body(request)
    answer = await take(connector, raw, request.headers.raw, ports)
    return Response(answer.content, answer.status, media_type=answer.media_type.decode())


async def take(connector: Connector, raw: bytes, headers: Headers, ports: Ports) -> Answer:
    """Check who sent *raw*, keep what it says, and note what became of it."""
    try:
        answer, outcome, reason = await _judged(connector, raw, headers, ports)
    except NotDurable:
        _note(ports, connector, "not_durable", "", raw)
        raise
    _note(ports, connector, outcome, reason, raw)
    return answer


async def _judged(
    connector: Connector, raw: bytes, headers: Headers, ports: Ports
) -> tuple[Answer, Outcome, str]:
    scheme = SCHEMES.get(connector.kind)
    if scheme is None:  # a newer process, on its way in or out, has saved it
        raise NotDurable("this kind is not known here yet: send the same again")
    if scheme.is_greeting(raw, headers):
        return scheme.success, "greeting", ""
    try:
        signed = scheme.open(raw, headers, connector, ports.now().timestamp())
    except BadSignature:
        return FORGED, "forged", ""
    body = None
    try:
        body = strict_json(signed)
        asked = scheme.handshake(body)
        if asked is not None:
            return asked, "greeting", ""
        reading = await scheme.read(body, connector, ports)
        await _check_times(reading, ports)
    except (BadJson, Unmappable) as error:
        await _keep(ports, connector, signed, body, str(error))
        return scheme.success, "kept", str(error)
    outcomes = await accept_push(
        connector.shop_id,
        reading.everything(),
        reading.aliases,
        registry=ports.registry,
        log=ports.publisher,
    )
    for what, times in (reading.notes or {}).items():
        metrics.NOTES.labels(connector.kind, what).inc(times)
    too_large = any(one.status == "too_large" for one in outcomes)
    refused = "larger than a record may be" if too_large else reading.refused
    if refused is None:
        return scheme.success, "accepted", ""
    await _keep(ports, connector, signed, body, refused)
    return scheme.success, "partly", refused


def _note(ports: Ports, connector: Connector, outcome: Outcome, reason: str, raw: bytes) -> None:
    ports.push_log.note(connector, ports.now(), outcome, reason, len(raw))
    metrics.PUSHES.labels(connector.kind, outcome).inc()


async def _keep(ports: Ports, connector: Connector, signed: bytes, body: Any, reason: str) -> None:
    identity = SCHEMES[connector.kind].identity(signed, body, connector)
    await ports.registry.keep_push(
        shop_id=connector.shop_id,
        connector_id=connector.connector_id,
        digest=hashlib.sha256(identity).digest(),
        reason=reason,
        body=signed,
    )
    log.warning("push kept", extra={"connector_kind": connector.kind, "reason": reason})


async def _check_times(reading: Reading, ports: Ports) -> None:
    """A version from the future would win over every later one."""
    newest_us = max((_version_us(one.said.fact) for one in reading.everything()), default=0)
    if newest_us <= micros(ports.directory.business_now() + AHEAD):
        return
    await ports.directory.refresh_clock()
    if newest_us > micros(ports.directory.business_now() + AHEAD):
        raise Unmappable("a time ahead of now")


def _version_us(fact: object) -> int:
    version_us: int = getattr(fact, "version_us", 0)
    return version_us
