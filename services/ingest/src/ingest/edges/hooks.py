"""POST /v1/hooks/{connector_id}: what shops and couriers push, signed in their own ways.

The order of work: connector (404), body (413, 415), signature over the bytes as they came (401),
parse, make durable (503), the scheme's own success answer. A signed body that cannot be read as
facts gets the success answer too, and is kept for an operator: a 4xx would make the sender repeat
it, then switch the hook off.
"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from ingest import metrics
from ingest.domain.reading import Unmappable
from ingest.edges import taking
from ingest.edges.directory import Connector
from ingest.edges.kinds import Push, kind_of
from ingest.edges.ports import Ports, get_ports
from ingest.edges.push_log import Outcome
from ingest.errors import NotDurable
from web.bodies import limited_body
from web.hot import Answer
from web.peers import peer_of
from webhooks import BadJson, BadSignature, strict_json

MAX_CONNECTOR_CHARS: Final = 64

FORGED: Final = Answer(401, b'{"error":"signature"}')

# Bodies and answers are the platforms' own.
_ANY: Final[dict[str, Any]] = {"schema": {}}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "It survives any crash: what the platform wants to hear",
        "content": {"application/json": _ANY, "application/xml": _ANY},
    },
    204: {"description": "It survives any crash"},
    401: {
        "description": "The signature is not the connector's",
        "content": {
            "application/json": {
                "schema": {
                    "title": "Forged",
                    "type": "object",
                    "required": ["error"],
                    "properties": {"error": {"type": "string", "const": "signature"}},
                },
                "example": {"error": "signature"},
            }
        },
    },
}
_BODY: Final = {
    "description": "Signed, as its platform sends it; the signature is in a header or in the body",
    "required": True,
    "content": {
        "application/json": _ANY,
        "application/x-www-form-urlencoded": {"schema": {"type": "object"}},
        "text/xml": _ANY,
    },
}

router = APIRouter(prefix="/v1/hooks", tags=["webhooks"])


@router.post(
    "/{connector_id}",
    operation_id="receive_push",
    responses=_ANSWERS,
    openapi_extra={"requestBody": _BODY},
)
async def receive(
    connector_id: str, request: Request, ports: Annotated[Ports, Depends(get_ports)]
) -> Response:
    """Take one webhook. The scheme's success answer means that it survives any crash."""
    connector = await ports.directory.connector(connector_id[:MAX_CONNECTOR_CHARS])
    raw = await limited_body(request)
    push = Push(
        raw,
        request.headers.raw,
        request.scope["query_string"],
        peer_of(request.scope, ports.trusted_proxies),
    )
    answer = await take(connector, push, ports)
    return Response(answer.content, answer.status, media_type=answer.media_type.decode())


async def take(connector: Connector, push: Push, ports: Ports) -> Answer:
    """Check who sent *push*, keep what it says, and note what became of it."""
    try:
        answer, outcome, reason = await _judged(connector, push, ports)
    except NotDurable:
        _note(ports, connector, "not_durable", "", push.raw)
        raise
    _note(ports, connector, outcome, reason, push.raw)
    return answer


async def _judged(connector: Connector, push: Push, ports: Ports) -> tuple[Answer, Outcome, str]:
    kind = kind_of(connector.kind)
    if kind.is_greeting(push.raw, push.headers):
        return kind.success, "greeting", ""
    if kind.has_secrets and not connector.secrets:  # it is only asked
        return FORGED, "forged", ""
    try:
        signed = kind.open(push, connector, ports.now().timestamp())
    except BadSignature:
        return FORGED, "forged", ""
    body = None
    try:
        body = strict_json(signed)
        asked = kind.handshake(body)
    except (BadJson, Unmappable) as error:
        await taking.keep(connector, kind, signed, body, str(error), ports)
        return kind.success, "kept", str(error)
    if asked is not None:
        return asked, "greeting", ""
    return kind.success, *await taking.take(connector, kind, signed, body, ports)


def _note(ports: Ports, connector: Connector, outcome: Outcome, reason: str, raw: bytes) -> None:
    ports.push_log.note(connector, ports.now(), outcome, reason, len(raw))
    metrics.PUSHES.labels(connector.kind, outcome).inc()
