"""The kinds of connectors that there are.

To add a platform: a verifier in `libs/webhooks` and a mapping in `ingest.domain`, both pure; a file
here, made of the one that is most like it; its names in the three lists below.
"""

from collections.abc import Mapping
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, Field, TypeAdapter

from ingest.edges.kinds import (
    doudian,
    douyin,
    generic,
    kuaidi100,
    pinduoduo,
    qimen,
    sf,
    shopify,
    standard,
    taobao,
    woocommerce,
    youzan,
)
from ingest.edges.kinds.described import GenericConfig
from ingest.edges.kinds.kind import Kind, New, Push, Secret
from ingest.errors import NotDurable
from web.bodies import refused

__all__ = ["KINDS", "NEW", "Config", "Kind", "New", "NewConnector", "Push", "Secret", "kind_of"]

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        standard.KIND,
        generic.KIND,
        shopify.KIND,
        woocommerce.KIND,
        youzan.KIND,
        doudian.KIND,
        douyin.KIND,
        taobao.KIND,
        pinduoduo.KIND,
        qimen.KIND,
        kuaidi100.KIND,
        sf.KIND,
    )
}


def kind_of(name: str) -> Kind:
    """Return a kind; `NotDurable` when only a newer process, on its way in or out, knows it."""
    found = KINDS.get(name)
    if found is None:
        raise NotDurable("this kind is not known here yet: send the same again")
    return found


Config: TypeAlias = (
    GenericConfig
    | youzan.YouzanConfig
    | doudian.DoudianConfig
    | douyin.DouyinConfig
    | taobao.TaobaoConfig
    | pinduoduo.PinduoduoConfig
    | qimen.QimenConfig
    | sf.SfConfig
)

NewConnector: TypeAlias = (
    standard.NewStandard
    | generic.NewGeneric
    | shopify.NewShopify
    | woocommerce.NewWooCommerce
    | youzan.NewYouzan
    | doudian.NewDoudian
    | douyin.NewDouyin
    | taobao.NewTaobao
    | pinduoduo.NewPinduoduo
    | qimen.NewQimen
    | kuaidi100.NewKuaidi100
    | sf.NewSf
)


def _secrets_fit(new: NewConnector) -> NewConnector:
    if KINDS[new.kind].has_secrets and not new.secrets and new.api is None:
        raise refused("missing", "secrets")
    for secret in new.secrets:
        try:
            KINDS[new.kind].check_secret(secret, new.config)
        except ValueError as error:
            raise refused("value_error", "secrets", hint=str(error)) from None
    return new


NEW: Final[TypeAdapter[NewConnector]] = TypeAdapter(
    Annotated[NewConnector, Field(discriminator="kind"), AfterValidator(_secrets_fit)]
)
