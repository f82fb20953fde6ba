"""WooCommerce.

https://woocommerce.com/document/webhooks/
"""

from typing import Final, Literal

from ingest.domain import woocommerce as bodies
from ingest.edges.kinds.kind import EMPTY, Kind, New, by_secret, of_a_shop
from ingest.edges.pulls.woocommerce import PULL, WooCommerceApi
from webhooks import woocommerce


class NewWooCommerce(New):
    kind: Literal["woocommerce"]
    config: None = None
    api: WooCommerceApi | None = None


def _check_secret(secret: str, _config: None) -> None:
    woocommerce.check(secret)


KIND: Final = Kind(
    name="woocommerce",
    open=by_secret(woocommerce.verify),
    read=of_a_shop(bodies.read),
    success=EMPTY,
    check_secret=_check_secret,
    is_greeting=woocommerce.is_ping,
    pull=PULL,
)
