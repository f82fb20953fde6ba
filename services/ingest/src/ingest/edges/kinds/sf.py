"""SF Express (顺丰): routes of parcels. Nothing signs them: the address is the secret."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ingest.domain import sf as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import Kind, NewPushed, Push, config_of, told_by
from ingest.edges.ports import Ports
from web.bodies import Strict
from web.hot import Answer
from webhooks import BadSignature


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError:
        raise PydanticCustomError("format", "a network is expected, as 203.0.113.0/24") from None
    return text


Network: TypeAlias = Annotated[str, Field(max_length=50), AfterValidator(_network)]


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
    try:
        peer = ip_address(push.peer or "")
    except ValueError:
        raise BadSignature from None
    if not any(peer in _parsed(one) for one in config_of(connector, SfConfig).networks):
        raise BadSignature
    return push.raw


@lru_cache(maxsize=1024)
def _parsed(network: str) -> IPv4Network | IPv6Network:
    return ip_network(network)


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
