"""Douyin's open platform (抖音开放平台): a challenge to answer, and orders."""

from typing import Any, Final, Literal

import orjson

from ingest.domain import douyin as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import CODE_0, AppId, Kind, NewPushed, by_secret, config_of, told_by
from ingest.edges.ports import Ports
from web.bodies import Strict
from web.hot import Answer
from webhooks import douyin


class DouyinConfig(Strict):
    """The app that messages must be of."""

    client_key: AppId


class NewDouyin(NewPushed):
    kind: Literal["douyin"]
    config: DouyinConfig


async def _read(body: Any, connector: Connector, _: Ports) -> Reading:
    return bodies.read(body, connector.shop_id, config_of(connector, DouyinConfig).client_key)


def _handshake(body: Any) -> Answer | None:
    value = bodies.challenge(body)
    return None if value is None else Answer(200, orjson.dumps({"challenge": value}))


KIND: Final = Kind(
    name="douyin",
    open=by_secret(douyin.verify),
    read=_read,
    success=CODE_0,
    config=DouyinConfig,
    handshake=_handshake,
    identity=told_by(bodies.identity),
)
