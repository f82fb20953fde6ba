"""Doudian (抖店): messages about orders, in lists."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from ingest.domain import doudian as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import CODE_0, AppId, Kind, NewPushed, Push, config_of, told_by
from ingest.edges.ports import Ports
from web.bodies import Strict
from webhooks import doudian


class DoudianConfig(Strict):
    """The app whose secret signs, and the shop that messages must be of."""

    app_key: AppId
    shop_id: Annotated[int, Field(ge=1, description="Doudian's, not ours")]


class NewDoudian(NewPushed):
    kind: Literal["doudian"]
    config: DoudianConfig


def _open(push: Push, connector: Connector, _: float) -> bytes:
    app_key = config_of(connector, DoudianConfig).app_key
    doudian.verify(push.raw, push.headers, app_key, connector.secrets)
    return push.raw


async def _read(body: Any, connector: Connector, _: Ports) -> Reading:
    shop = str(config_of(connector, DoudianConfig).shop_id)
    return bodies.read(body, connector.shop_id, shop)


KIND: Final = Kind(
    name="doudian",
    open=_open,
    read=_read,
    success=CODE_0,
    config=DoudianConfig,
    identity=told_by(bodies.identity),
)
