"""SF Express (顺丰): routes of parcels. Nothing signs them: the address is the secret."""

from typing import Any, Final, Literal

from pydantic import Field

from ingest.domain import sf as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import Kind, NewPushed, Push, config_of, told_by
from ingest.edges.ports import Ports
from web.bodies import Strict
from web.hot import Answer
from web.peers import Network, is_within
from webhooks import BadSignature


class SfConfig(Strict):
    """Where SF's pushes may come from."""

    networks: list[Network] = Field(
        min_length=1, max_length=50, description="addresses that SF names, as 203.0.113.0/24"
    )


class NewSf(NewPushed):
    kind: Literal["sf"]
    config: SfConfig
    secrets: list[str] = Field(default_factory=list, max_length=0, description="none: no signature")


def _open(push: Push, connector: Connector, _: float) -> bytes:
    if not is_within(push.peer, config_of(connector, SfConfig).networks):
        raise BadSignature
    return push.raw


async def _read(body: Any, connector: Connector, _: Ports) -> Reading:
    return bodies.read(body, connector.shop_id, connector.accept_test)


KIND: Final = Kind(
    name="sf",
    open=_open,
    read=_read,
    success=Answer(200, '{"return_code":"0000","return_msg":"成功"}'.encode()),
    config=SfConfig,
    identity=told_by(bodies.identity),
    has_secrets=False,
)
