"""Qimen (奇门): warehouses that call us by Taobao's Open Platform."""

from typing import Any, Final, Literal

import orjson

from ingest.domain import qimen as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import AppId, Kind, NewPushed, Push, config_of, told_by
from ingest.edges.ports import Ports
from web.bodies import Strict
from web.hot import Answer
from webhooks import top


class QimenConfig(Strict):
    """The app whose secret signs, and the shop that calls must be of."""

    app_key: AppId
    customer_id: AppId


class NewQimen(NewPushed):
    kind: Literal["qimen"]
    config: QimenConfig


def _open(push: Push, connector: Connector, now_s: float) -> bytes:
    call = top.verify(push.query, push.headers, push.raw, connector.secrets, now_s)
    return orjson.dumps({"parameters": call.parameters, "body": call.body})


async def _read(body: Any, connector: Connector, _: Ports) -> Reading:
    config = config_of(connector, QimenConfig)
    return bodies.read(body, connector.shop_id, config.app_key, config.customer_id)


KIND: Final = Kind(
    name="qimen",
    open=_open,
    read=_read,
    success=Answer(
        200,
        b'<?xml version="1.0" encoding="utf-8"?>'
        b"<response><flag>success</flag><code>0</code><message>ok</message></response>",
        b"application/xml",
    ),
    config=QimenConfig,
    identity=told_by(bodies.identity),
)
