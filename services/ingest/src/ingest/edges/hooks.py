"""POST /v1/hooks/{connector_id}: what shops and couriers push, signed in their own ways.

The order of work: connector (404), body (413, 415), signature over the bytes as they came (401),
parse, make durable (503), the scheme's own success answer. A signed body that cannot be read as
facts gets the success answer too, and is kept for an operator: a 4xx would make the sender repeat
it, then switch the hook off.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from care.phones import normalise
from ingest import metrics
from ingest.app.accept_facts import accept_push
from ingest.domain import kuaidi100 as courier
from ingest.domain import shopify as shop_platform
from ingest.domain.reading import Unmappable, micros
from ingest.domain.shopify import Reading
from ingest.edges.directory import Connector
from ingest.edges.ports import Ports, get_ports
from web.bodies import limited_body
from web.hot import Answer
from webhooks import BadJson, BadSignature, Headers, kuaidi100, shopify, strict_json

AHEAD: Final = timedelta(minutes=10)
MAX_CONNECTOR_CHARS: Final = 64

log = logging.getLogger(__name__)
router = APIRouter(prefix="/v1/hooks", tags=["webhooks"])


@dataclass(frozen=True, slots=True)
class Scheme:
    """A connector kind.

    Args:
        open: Checks the signature; returns the bytes that it covers, to be parsed.
        read: The parsed body to facts.
        success: What the sender wants to hear.
    """

    open: Callable[[bytes, Headers, Connector], bytes]
    read: "Callable[[Any, Connector, Ports], Reading]"
    success: Mapping[str, Any]


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
    """Check who sent *raw*, and keep what it says."""
    scheme = SCHEMES[connector.kind]
    try:
        signed = scheme.open(raw, headers, connector)
    except BadSignature:
        metrics.PUSHES.labels(connector.kind, "forged").inc()
        return _json({"error": "signature"}, 401)
    try:
        reading = scheme.read(strict_json(signed), connector, ports)
        await _check_times(reading, ports)
    except (BadJson, Unmappable) as error:
        await _keep(ports, connector, signed, str(error))
        return _json(scheme.success)
    outcomes = await accept_push(
        connector.shop_id,
        reading.said,
        reading.aliases,
        registry=ports.registry,
        log=ports.publisher,
    )
    if any(one.status == "too_large" for one in outcomes):
        await _keep(ports, connector, signed, "larger than a record may be")
    metrics.PUSHES.labels(connector.kind, "accepted").inc()
    for what, times in (reading.notes or {}).items():
        metrics.NOTES.labels(connector.kind, what).inc(times)
    return _json(scheme.success)


async def _keep(ports: Ports, connector: Connector, signed: bytes, reason: str) -> None:
    await ports.registry.keep_push(
        shop_id=connector.shop_id,
        connector_id=connector.connector_id,
        digest=hashlib.sha256(signed).digest(),
        reason=reason,
        body=signed,
    )
    metrics.PUSHES.labels(connector.kind, "kept").inc()
    log.warning("push kept", extra={"connector_kind": connector.kind, "reason": reason})


async def _check_times(reading: Reading, ports: Ports) -> None:
    """A version from the future would win over every later one."""
    newest_us = max((_version_us(one.fact) for one in reading.said), default=0)
    if newest_us <= micros(ports.directory.business_now() + AHEAD):
        return
    await ports.directory.refresh_clock()
    if newest_us > micros(ports.directory.business_now() + AHEAD):
        raise Unmappable("a time ahead of now")


def _version_us(fact: object) -> int:
    version_us: int = getattr(fact, "version_us", 0)
    return version_us


def _open_shopify(raw: bytes, headers: Headers, connector: Connector) -> bytes:
    shopify.verify(raw, headers, connector.secrets)
    return raw


def _read_shopify(body: Any, connector: Connector, ports: Ports) -> Reading:
    shop = ports.directory.known_shop(connector.shop_id)
    key = ports.sealer.blind_index(f"guest:{connector.shop_id}")
    context = shop_platform.Context(
        connector.shop_id,
        shop.currency,
        shop.country,
        connector.accept_test,
        partial(_keyed, key),
        normalise,
    )
    return shop_platform.read(body, context)


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _open_kuaidi100(raw: bytes, _: Headers, connector: Connector) -> bytes:
    return kuaidi100.verify(raw, connector.secrets).encode()


def _read_kuaidi100(body: Any, connector: Connector, ports: Ports) -> Reading:
    now: datetime = ports.directory.business_now()
    parcel, notes = courier.read(body, connector.shop_id, now)
    return Reading((parcel,), notes=notes)


SCHEMES: Final[Mapping[str, Scheme]] = {
    "shopify": Scheme(_open_shopify, _read_shopify, {}),
    "kuaidi100": Scheme(
        _open_kuaidi100,
        _read_kuaidi100,
        {"result": True, "returnCode": "200", "message": "成功"},
    ),
}


def _json(body: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(body, ensure_ascii=False).encode())
