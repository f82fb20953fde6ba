"""Taobao (淘宝): messages that a bridge of the shop posts, or that we fetch ourselves.

The bridge signs as Standard Webhooks. Whoever fetches confirms to the platform only what we have
made durable.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from ingest.domain import taobao as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import NOTHING, Kind, New, Secret, config_of, context, told_by
from ingest.edges.kinds.standard import check_key, open_standard
from ingest.edges.ports import Ports
from ingest.edges.pulls.taobao import PULL, TaobaoApi
from web.bodies import Strict
from webhooks import MAX_SECRETS


class TaobaoConfig(Strict):
    """The seller that messages must be of; the shop's bridge signs them."""

    user_id: Annotated[int, Field(ge=1)]


class NewTaobao(New):
    kind: Literal["taobao"]
    config: TaobaoConfig
    secrets: list[Secret] = Field(
        default_factory=list,
        max_length=MAX_SECRETS,
        description="of the bridge; none is needed if messages are fetched",
    )
    api: TaobaoApi | None = None


async def _read(body: Any, connector: Connector, ports: Ports) -> Reading:
    seller = str(config_of(connector, TaobaoConfig).user_id)
    return bodies.read(body, seller, context(connector, ports))


KIND: Final = Kind(
    name="taobao",
    open=open_standard,
    read=_read,
    success=NOTHING,
    config=TaobaoConfig,
    check_secret=check_key,
    identity=told_by(bodies.identity),
    pull=PULL,
)
