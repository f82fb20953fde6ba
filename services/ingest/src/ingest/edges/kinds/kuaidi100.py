"""kuaidi100 (快递100): routes of parcels."""

from typing import Any, Final, Literal

from ingest.domain import kuaidi100 as bodies
from ingest.domain.push import Reading
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import Kind, NewPushed, Push
from ingest.edges.ports import Ports
from web.hot import Answer
from webhooks import kuaidi100


class NewKuaidi100(NewPushed):
    kind: Literal["kuaidi100"]
    config: None = None


def _open(push: Push, connector: Connector, _: float) -> bytes:
    return kuaidi100.verify(push.raw, connector.secrets).encode()


async def _read(body: Any, connector: Connector, ports: Ports) -> Reading:
    parcel, notes = bodies.read(body, connector.shop_id, ports.directory.business_now())
    return Reading((parcel,), notes=notes)


KIND: Final = Kind(
    name="kuaidi100",
    open=_open,
    read=_read,
    success=Answer(200, '{"result":true,"returnCode":"200","message":"成功"}'.encode()),
)
