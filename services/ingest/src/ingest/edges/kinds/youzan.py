"""Youzan (有赞): messages of an app, signed in one of two forms."""

import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from ingest.domain import youzan as bodies
from ingest.domain.push import Reading
from ingest.domain.reading import Unmappable
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import CODE_0, AppId, Kind, NewPushed, Push, config_of, context
from ingest.edges.ports import Ports
from web.bodies import Strict
from webhooks import BadJson, Headers, strict_json, youzan

_SAYS_TEST: Final = re.compile(rb'"test"\s*:\s*true')


class YouzanConfig(Strict):
    """The app and the shop that messages must be of, and which of the two forms is signed."""

    client_id: AppId
    kdt_id: Annotated[int, Field(ge=1)]
    form: Literal["header", "body"] = Field(
        "header", description="what is signed: all of it (Event-Sign), or its field msg"
    )


class NewYouzan(NewPushed):
    kind: Literal["youzan"]
    config: YouzanConfig


def _open(push: Push, connector: Connector, _: float) -> bytes:
    config = config_of(connector, YouzanConfig)
    if config.form == "body":
        return youzan.verify_message(push.raw, config.client_id, connector.secrets)
    youzan.verify_body(push.raw, push.headers, config.client_id, connector.secrets)
    return push.raw


async def _read(body: Any, connector: Connector, ports: Ports) -> Reading:
    config = config_of(connector, YouzanConfig)
    if config.form == "header":
        body = _message(body, config)
    return bodies.read(body, context(connector, ports))


def _message(body: Any, config: YouzanConfig) -> Any:
    """Return the message inside a signed body, which must be of the app and the shop."""
    if not isinstance(body, dict):
        raise Unmappable("not an object")
    if body.get("client_id") != config.client_id or body.get("kdt_id") != config.kdt_id:
        raise Unmappable("it is of another app or shop")
    try:
        return strict_json(youzan.decoded(body["msg"]))
    except (KeyError, TypeError, AttributeError, BadJson, ValueError):
        raise Unmappable("msg is no JSON") from None


def _is_probe(raw: bytes, _: Headers) -> bool:
    """Tell whether it says that it is a test; such a one may come unsigned, and says nothing."""
    if not _SAYS_TEST.search(raw):  # every message has the field: it is not parsed twice for that
        return False
    try:
        body = strict_json(raw)
    except BadJson:
        return False
    return isinstance(body, dict) and body.get("test") is True


KIND: Final = Kind(
    name="youzan",
    open=_open,
    read=_read,
    success=CODE_0,
    config=YouzanConfig,
    is_greeting=_is_probe,
)
