"""Shopify.

https://shopify.dev/docs/apps/build/webhooks
"""

from typing import Final, Literal

from ingest.domain import shopify as bodies
from ingest.edges.kinds.kind import EMPTY, Kind, NewPushed, by_secret, of_a_shop
from webhooks import shopify


class NewShopify(NewPushed):
    kind: Literal["shopify"]
    config: None = None


KIND: Final = Kind(
    name="shopify", open=by_secret(shopify.verify), read=of_a_shop(bodies.read), success=EMPTY
)
