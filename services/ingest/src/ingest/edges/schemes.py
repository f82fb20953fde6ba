"""The kinds of connectors: how each proves who sent it, and what its bodies mean.

To add a platform: a verifier in `libs/webhooks`, a mapping in `ingest.domain`, a row here, and its
name in `api.NewConnector`.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from care.phones import normalise
from ingest.domain import kuaidi100 as courier
from ingest.domain import shopify as shopify_bodies
from ingest.domain import woocommerce as woocommerce_bodies
from ingest.domain.push import Context, Reading
from ingest.edges.directory import Connector
from ingest.edges.ports import Ports
from webhooks import Headers, check_secret, kuaidi100, shopify, woocommerce


def _no_greeting(_raw: bytes, _headers: Headers) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Scheme:
    """A connector kind.

    Args:
        open: Checks the signature; returns the bytes that it covers, to be parsed.
        read: The parsed body to facts.
        success: What the sender wants to hear.
        check_secret: Refuses a secret that the platform may sign otherwise with.
        is_greeting: Knows the unsigned push that only asks whether somebody is there.
    """

    open: Callable[[bytes, Headers, Connector], bytes]
    read: Callable[[Any, Connector, Ports], Reading]
    success: Mapping[str, Any]
    check_secret: Callable[[str], str] = check_secret
    is_greeting: Callable[[bytes, Headers], bool] = _no_greeting


def _open_shopify(raw: bytes, headers: Headers, connector: Connector) -> bytes:
    shopify.verify(raw, headers, connector.secrets)
    return raw


def _open_woocommerce(raw: bytes, headers: Headers, connector: Connector) -> bytes:
    woocommerce.verify(raw, headers, connector.secrets)
    return raw


def _open_kuaidi100(raw: bytes, _: Headers, connector: Connector) -> bytes:
    return kuaidi100.verify(raw, connector.secrets).encode()


def _of_a_shop(
    read: Callable[[Any, Context], Reading],
) -> Callable[[Any, Connector, Ports], Reading]:
    """Return what reads a shop platform's bodies, which name buyers."""

    def reader(body: Any, connector: Connector, ports: Ports) -> Reading:
        shop = ports.directory.known_shop(connector.shop_id)
        key = ports.sealer.blind_index(f"guest:{connector.shop_id}")
        context = Context(
            connector.shop_id,
            shop.currency,
            shop.country,
            connector.accept_test,
            partial(_keyed, key),
            normalise,
        )
        return read(body, context)

    return reader


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _read_kuaidi100(body: Any, connector: Connector, ports: Ports) -> Reading:
    parcel, notes = courier.read(body, connector.shop_id, ports.directory.business_now())
    return Reading((parcel,), notes=notes)


SCHEMES: Final[Mapping[str, Scheme]] = {
    "shopify": Scheme(_open_shopify, _of_a_shop(shopify_bodies.read), {}),
    "woocommerce": Scheme(
        _open_woocommerce,
        _of_a_shop(woocommerce_bodies.read),
        {},
        woocommerce.check,
        woocommerce.is_ping,
    ),
    "kuaidi100": Scheme(
        _open_kuaidi100,
        _read_kuaidi100,
        {"result": True, "returnCode": "200", "message": "成功"},
    ),
}
