"""Any system that signs JSON, described in the connector's configuration."""

from collections import Counter
from typing import Any, Final, Literal

from ingest.domain.push import Reading
from ingest.edges import events
from ingest.edges.directory import Connector
from ingest.edges.kinds.described import GenericConfig
from ingest.edges.kinds.kind import NOTHING, Kind, NewPushed, Push, config_of, of_events
from ingest.edges.ports import Ports


class NewGeneric(NewPushed):
    kind: Literal["generic"]
    config: GenericConfig


def _open(push: Push, connector: Connector, now_s: float) -> bytes:
    scheme = config_of(connector, GenericConfig).verify
    scheme.verify(push.raw, push.headers, connector.secrets, now_s)
    return push.raw


async def _read(body: Any, connector: Connector, ports: Ports) -> Reading:
    shop = ports.directory.known_shop(connector.shop_id)
    notes: Counter[str] = Counter()
    config = config_of(connector, GenericConfig)
    documents = config.events_of(body, shop.currency, notes)
    return await of_events([events.event(one) for one in documents], connector, ports, notes)


def _check_secret(secret: str, config: GenericConfig) -> None:
    config.check_secret(secret)


def _identity(signed: bytes, body: Any, connector: Connector) -> bytes:
    return config_of(connector, GenericConfig).identity_of(body) or signed


KIND: Final = Kind(
    name="generic",
    open=_open,
    read=_read,
    success=NOTHING,
    config=GenericConfig,
    check_secret=_check_secret,
    identity=_identity,
)
