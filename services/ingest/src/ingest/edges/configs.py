"""What some kinds of connectors must be told beside the secret, checked when it is saved."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Field

from ingest.edges.generic import GenericConfig
from web.bodies import Strict

AppId: TypeAlias = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")]


class YouzanConfig(Strict):
    """The app and the shop that messages must be of, and which of the two forms is signed."""

    client_id: AppId
    kdt_id: Annotated[int, Field(ge=1)]
    form: Literal["header", "body"] = Field(
        "header", description="what is signed: all of it (Event-Sign), or its field msg"
    )


class DoudianConfig(Strict):
    """The app whose secret signs, and the shop that messages must be of."""

    app_key: AppId
    shop_id: Annotated[int, Field(ge=1, description="Doudian's, not ours")]


class DouyinConfig(Strict):
    """The app that messages must be of."""

    client_key: AppId


class TaobaoConfig(Strict):
    """The seller that messages must be of; the shop's bridge signs them."""

    user_id: Annotated[int, Field(ge=1)]


class PinduoduoConfig(Strict):
    """The mall that messages must be of; the shop's bridge signs them."""

    mall_id: Annotated[int, Field(ge=1)]


Config: TypeAlias = (
    GenericConfig | YouzanConfig | DoudianConfig | DouyinConfig | TaobaoConfig | PinduoduoConfig
)
CONFIGS: Final[Mapping[str, type[Config]]] = {
    "generic": GenericConfig,
    "youzan": YouzanConfig,
    "doudian": DoudianConfig,
    "douyin": DouyinConfig,
    "taobao": TaobaoConfig,
    "pinduoduo": PinduoduoConfig,
}


@lru_cache(maxsize=1024)
def config_of(kind: str, saved: str) -> Config:
    """Return what was saved for a connector of *kind*; it was checked then, so it is good."""
    return CONFIGS[kind].model_validate_json(saved)
