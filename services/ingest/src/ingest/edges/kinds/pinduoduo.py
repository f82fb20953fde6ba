"""Pinduoduo (拼多多) by the shop's bridge, which signs as Standard Webhooks.

It confirms to the platform only what we have answered with success.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from ingest.domain import pinduoduo as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import NOTHING, Kind, NewPushed, config_of, told_by
from ingest.edges.kinds.standard import check_key, open_standard
from ingest.edges.ports import Ports
from web.bodies import Strict


class PinduoduoConfig(Strict):
    """The mall that messages must be of; the shop's bridge signs them."""

    mall_id: Annotated[int, Field(ge=1)]


class NewPinduoduo(NewPushed):
    kind: Literal["pinduoduo"]
    config: PinduoduoConfig


async def _read(body: Any, connector: Connector, _: Ports) -> Reading:
    mall = str(config_of(connector, PinduoduoConfig).mall_id)
    return bodies.read(body, connector.shop_id, mall)


KIND: Final = Kind(
    name="pinduoduo",
    open=open_standard,
    read=_read,
    success=NOTHING,
    config=PinduoduoConfig,
    check_secret=check_key,
    identity=told_by(bodies.identity),
)
