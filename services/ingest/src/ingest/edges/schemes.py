"""The kinds of connectors: how each proves who sent it, and what its bodies mean.

To add a platform: a verifier in `libs/webhooks`, a mapping in `ingest.domain`, a row here, its
name in `connectors.NewConnector`, and in `configs` what it must be told beside the secret.
"""

import hmac
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import orjson

from care.phones import normalise
from ingest.domain import doudian as doudian_bodies
from ingest.domain import douyin as douyin_bodies
from ingest.domain import kuaidi100 as courier
from ingest.domain import pinduoduo as pinduoduo_bodies
from ingest.domain import shopify as shopify_bodies
from ingest.domain import taobao as taobao_bodies
from ingest.domain import woocommerce as woocommerce_bodies
from ingest.domain import youzan as youzan_bodies
from ingest.domain.facts import Item
from ingest.domain.push import MOST_TOLD, Context, Reading
from ingest.domain.reading import Unmappable
from ingest.edges import events
from ingest.edges.configs import (
    DoudianConfig,
    DouyinConfig,
    PinduoduoConfig,
    TaobaoConfig,
    YouzanConfig,
    config_of,
)
from ingest.edges.directory import Connector
from ingest.edges.generic import GenericConfig
from ingest.edges.ports import Ports
from web.hot import Answer
from web.problems import Unprocessable
from webhooks import (
    BadJson,
    Headers,
    check_secret,
    doudian,
    douyin,
    kuaidi100,
    shopify,
    standard,
    strict_json,
    woocommerce,
    youzan,
)

C = TypeVar(
    "C", GenericConfig, YouzanConfig, DoudianConfig, DouyinConfig, TaobaoConfig, PinduoduoConfig
)

_CODE_0: Final = b'{"code":0,"msg":"success"}'
_SAYS_TEST: Final = re.compile(rb'"test"\s*:\s*true')


def _no_greeting(_raw: bytes, _headers: Headers) -> bool:
    return False


def _no_handshake(_body: Any) -> Answer | None:
    return None


def _whole(signed: bytes, _body: Any, _connector: Connector) -> bytes:
    return signed


@dataclass(frozen=True, slots=True)
class Scheme:
    """A connector kind.

    Args:
        open: Checks the signature at a time, in Unix seconds; returns the bytes that it covers, to
            be parsed.
        read: The parsed body to facts.
        success: What the sender wants to hear.
        check_secret: Refuses a secret that the platform may sign otherwise with.
        is_greeting: Knows the unsigned push that only asks whether somebody is there.
        handshake: Answers the signed push that asks for something of it back; None to all others.
        identity: What tells one kept push from another: of the signed bytes and what they say.
    """

    open: Callable[[bytes, Headers, Connector, float], bytes]
    read: Callable[[Any, Connector, Ports], Awaitable[Reading]]
    success: Answer
    check_secret: Callable[[str], str] = check_secret
    is_greeting: Callable[[bytes, Headers], bool] = _no_greeting
    handshake: Callable[[Any], Answer | None] = _no_handshake
    identity: Callable[[bytes, Any, Connector], bytes] = _whole


def _by_secret(
    verify: Callable[[bytes, Headers, Sequence[str]], None],
) -> Callable[[bytes, Headers, Connector, float], bytes]:
    """Return what opens a body of which all is signed, whenever that was."""

    def opened(raw: bytes, headers: Headers, connector: Connector, _: float) -> bytes:
        verify(raw, headers, connector.secrets)
        return raw

    return opened


def _open_standard(raw: bytes, headers: Headers, connector: Connector, now_s: float) -> bytes:
    standard.verify(raw, headers, connector.secrets, now_s)
    return raw


def _open_generic(raw: bytes, headers: Headers, connector: Connector, now_s: float) -> bytes:
    _config(connector, GenericConfig).verify.verify(raw, headers, connector.secrets, now_s)
    return raw


def _generic_identity(signed: bytes, body: Any, connector: Connector) -> bytes:
    return _config(connector, GenericConfig).identity_of(body) or signed


def _config(connector: Connector, model: type[C]) -> C:
    if connector.config is not None:
        config = config_of(connector.kind, connector.config)
        if isinstance(config, model):
            return config
    raise ValueError("a connector without the configuration that its kind needs")


def _open_youzan(raw: bytes, headers: Headers, connector: Connector, _: float) -> bytes:
    config = _config(connector, YouzanConfig)
    if config.form == "body":
        return youzan.verify_message(raw, config.client_id, connector.secrets)
    youzan.verify_body(raw, headers, config.client_id, connector.secrets)
    return raw


async def _read_youzan(body: Any, connector: Connector, ports: Ports) -> Reading:
    config = _config(connector, YouzanConfig)
    if config.form == "header":
        body = _youzan_message(body, config)
    return youzan_bodies.read(body, _context(connector, ports))


def _youzan_message(body: Any, config: YouzanConfig) -> Any:
    """Return the message inside a signed body, which must be of the app and the shop."""
    if not isinstance(body, dict):
        raise Unmappable("not an object")
    if body.get("client_id") != config.client_id or body.get("kdt_id") != config.kdt_id:
        raise Unmappable("it is of another app or shop")
    try:
        return strict_json(youzan.decoded(body["msg"]))
    except (KeyError, TypeError, AttributeError, BadJson, ValueError):
        raise Unmappable("msg is no JSON") from None


def _is_youzans_probe(raw: bytes, _: Headers) -> bool:
    """Tell whether it says that it is a test; such a one may come unsigned, and says nothing."""
    if not _SAYS_TEST.search(raw):  # every message has the field: it is not parsed twice for that
        return False
    try:
        body = strict_json(raw)
    except BadJson:
        return False
    return isinstance(body, dict) and body.get("test") is True


def _open_doudian(raw: bytes, headers: Headers, connector: Connector, _: float) -> bytes:
    doudian.verify(raw, headers, _config(connector, DoudianConfig).app_key, connector.secrets)
    return raw


async def _read_doudian(body: Any, connector: Connector, _: Ports) -> Reading:
    shop = str(_config(connector, DoudianConfig).shop_id)
    return doudian_bodies.read(body, connector.shop_id, shop)


def _by(of: Callable[[Any], str | None]) -> Callable[[bytes, Any, Connector], bytes]:
    """Return what tells pushes apart by what *of* finds in their bodies, else by all of them."""

    def identity(signed: bytes, body: Any, _: Connector) -> bytes:
        found = of(body)
        return signed if found is None else found.encode()

    return identity


async def _read_douyin(body: Any, connector: Connector, _: Ports) -> Reading:
    key = _config(connector, DouyinConfig).client_key
    return douyin_bodies.read(body, connector.shop_id, key)


def _shake_douyin(body: Any) -> Answer | None:
    value = douyin_bodies.challenge(body)
    return None if value is None else Answer(200, orjson.dumps({"challenge": value}))


async def _read_taobao(body: Any, connector: Connector, ports: Ports) -> Reading:
    seller = str(_config(connector, TaobaoConfig).user_id)
    return taobao_bodies.read(body, seller, _context(connector, ports))


async def _read_pinduoduo(body: Any, connector: Connector, _: Ports) -> Reading:
    mall = str(_config(connector, PinduoduoConfig).mall_id)
    return pinduoduo_bodies.read(body, connector.shop_id, mall)


def _open_kuaidi100(raw: bytes, _: Headers, connector: Connector, __: float) -> bytes:
    return kuaidi100.verify(raw, connector.secrets).encode()


async def _read_native(body: Any, connector: Connector, ports: Ports) -> Reading:
    """Read the events of our own API: what shops without a platform, and bridges, push."""
    try:
        posted = events.posted(body)
    except Unprocessable as error:
        raise Unmappable(str(error)) from None
    return await _of_events(posted.events, connector, ports, {})


async def _read_generic(body: Any, connector: Connector, ports: Ports) -> Reading:
    shop = ports.directory.known_shop(connector.shop_id)
    notes: Counter[str] = Counter()
    config = _config(connector, GenericConfig)
    documents = config.events_of(body, shop.currency, notes)
    return await _of_events([events.event(one) for one in documents], connector, ports, notes)


async def _of_events(
    read: Sequence[events.Read | events.Faults],
    connector: Connector,
    ports: Ports,
    notes: Mapping[str, int],
) -> Reading:
    items: list[Item] = []
    wrong: list[str] = []
    for number, one in enumerate(await events.in_time(read, ports)):
        if isinstance(one, tuple):
            wrong += [f"events/{number}{fault.field}: {fault.code}" for fault in one]
        else:
            items.append(one.item(connector.shop_id))
    refused = ", ".join(wrong[:MOST_TOLD])
    if not items:
        raise Unmappable(refused)
    return Reading(items=tuple(items), refused=refused or None, notes=notes)


def _of_a_shop(
    read: Callable[[Any, Context], Reading],
) -> Callable[[Any, Connector, Ports], Awaitable[Reading]]:
    """Return what reads a shop platform's bodies, which name buyers."""

    async def reader(body: Any, connector: Connector, ports: Ports) -> Reading:
        return read(body, _context(connector, ports))

    return reader


def _context(connector: Connector, ports: Ports) -> Context:
    shop = ports.directory.known_shop(connector.shop_id)
    key = ports.sealer.blind_index(f"guest:{connector.shop_id}")
    return Context(
        connector.shop_id,
        shop.currency,
        shop.country,
        connector.accept_test,
        partial(_keyed, key),
        normalise,
    )


def _keyed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


async def _read_kuaidi100(body: Any, connector: Connector, ports: Ports) -> Reading:
    parcel, notes = courier.read(body, connector.shop_id, ports.directory.business_now())
    return Reading((parcel,), notes=notes)


SCHEMES: Final[Mapping[str, Scheme]] = {
    "standard": Scheme(_open_standard, _read_native, Answer(204, b""), standard.check_key),
    "generic": Scheme(_open_generic, _read_generic, Answer(204, b""), identity=_generic_identity),
    "shopify": Scheme(
        _by_secret(shopify.verify), _of_a_shop(shopify_bodies.read), Answer(200, b"{}")
    ),
    "woocommerce": Scheme(
        _by_secret(woocommerce.verify),
        _of_a_shop(woocommerce_bodies.read),
        Answer(200, b"{}"),
        woocommerce.check,
        woocommerce.is_ping,
    ),
    "youzan": Scheme(
        _open_youzan,
        _read_youzan,
        Answer(200, _CODE_0),
        is_greeting=_is_youzans_probe,
    ),
    "doudian": Scheme(
        _open_doudian, _read_doudian, Answer(200, _CODE_0), identity=_by(doudian_bodies.identity)
    ),
    "douyin": Scheme(
        _by_secret(douyin.verify),
        _read_douyin,
        Answer(200, _CODE_0),
        handshake=_shake_douyin,
        identity=_by(douyin_bodies.identity),
    ),
    # Both come by the shop's bridge, which signs as Standard Webhooks, and confirms to the
    # platform only what we have answered so.
    "taobao": Scheme(
        _open_standard,
        _read_taobao,
        Answer(204, b""),
        standard.check_key,
        identity=_by(taobao_bodies.identity),
    ),
    "pinduoduo": Scheme(
        _open_standard,
        _read_pinduoduo,
        Answer(204, b""),
        standard.check_key,
        identity=_by(pinduoduo_bodies.identity),
    ),
    "kuaidi100": Scheme(
        _open_kuaidi100,
        _read_kuaidi100,
        Answer(200, '{"result":true,"returnCode":"200","message":"成功"}'.encode()),
    ),
}
