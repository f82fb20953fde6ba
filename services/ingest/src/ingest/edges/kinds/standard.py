"""Standard Webhooks with events of our own API: shops without a platform, and bridges."""

from typing import Any, Final, Literal

from ingest.domain.push import Reading
from ingest.domain.reading import Unmappable
from ingest.edges import events
from ingest.edges.directory import Connector
from ingest.edges.kinds.kind import NOTHING, Kind, NewPushed, by_secret_and_time, of_events
from ingest.edges.ports import Ports
from web.problems import Unprocessable
from webhooks import standard


class NewStandard(NewPushed):
    kind: Literal["standard"]
    config: None = None


def check_key(secret: str, _config: object) -> None:
    """Raise ValueError unless it is a `whsec_` or `whpk_` key."""
    standard.check_key(secret)


open_standard: Final = by_secret_and_time(standard.verify)


async def _read(body: Any, connector: Connector, ports: Ports) -> Reading:
    try:
        posted = events.posted(body)
    except Unprocessable as error:
        raise Unmappable(str(error)) from None
    return await of_events(posted.events, connector, ports, {})


KIND: Final = Kind(
    name="standard", open=open_standard, read=_read, success=NOTHING, check_secret=check_key
)
