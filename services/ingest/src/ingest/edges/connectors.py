"""Connectors: hooks for shops' systems and couriers, their secrets, what they pushed in vain."""

import json
import secrets as dice
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeAlias

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from ingest.edges.configs import (
    CONFIGS,
    Config,
    DoudianConfig,
    DouyinConfig,
    PinduoduoConfig,
    TaobaoConfig,
    YouzanConfig,
    config_of,
)
from ingest.edges.generic import GenericConfig
from ingest.edges.ports import Ports, get_ports
from ingest.edges.push_log import Outcome, last_pushes
from ingest.edges.schemes import SCHEMES
from ingest.edges.shops import SealedConnector, ShopStore, connector_context
from ingest.edges.store import SOURCE
from plumbing.seal import Sealer
from web.auth import ShopId, require
from web.bodies import Strict, field_errors, json_body, refused
from web.pages import Limit, decode_cursor, encode_cursor
from web.problems import FieldError, NotFound, Unprocessable
from web.shop_session import Engine, shop_tx
from webhooks import MAX_SECRETS

router = APIRouter(prefix="/v1/shops", tags=["connectors"])

ThePorts = Annotated[Ports, Depends(get_ports)]
ConnectorId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Secret = Annotated[str, Field(min_length=1, max_length=512)]


class _New(Strict):
    kind: str
    config: Config | None
    secrets: list[Secret] = Field(
        min_length=1, max_length=MAX_SECRETS, description="all are tried; never shown again"
    )
    accept_test: bool = Field(False, description="make facts of the platform's test bodies too")

    @model_validator(mode="after")
    def _secrets_fit(self) -> Self:
        for secret in self.secrets:
            try:
                _check_secret(secret, self.kind, self.config)
            except ValueError:
                raise refused("value_error", "secrets") from None
        return self


class NewPlain(_New):
    kind: Literal["standard", "shopify", "woocommerce", "kuaidi100"]
    config: None = None


class NewGeneric(_New):
    """Any system that signs JSON, described."""

    kind: Literal["generic"]
    config: GenericConfig


class NewYouzan(_New):
    kind: Literal["youzan"]
    config: YouzanConfig


class NewDoudian(_New):
    kind: Literal["doudian"]
    config: DoudianConfig


class NewDouyin(_New):
    kind: Literal["douyin"]
    config: DouyinConfig


class NewTaobao(_New):
    kind: Literal["taobao"]
    config: TaobaoConfig


class NewPinduoduo(_New):
    kind: Literal["pinduoduo"]
    config: PinduoduoConfig


NewConnector: TypeAlias = (
    NewPlain | NewGeneric | NewYouzan | NewDoudian | NewDouyin | NewTaobao | NewPinduoduo
)
NEW: Final[TypeAdapter[NewConnector]] = TypeAdapter(
    Annotated[NewConnector, Field(discriminator="kind")]
)


class ConnectorChange(Strict):
    """What is left out stays. To replace a secret, add the new one, then keep one."""

    new_secret: Secret | None = Field(None, description="tried first from now on")
    keep_secrets: int | None = Field(
        None, ge=1, le=MAX_SECRETS, description="so many of the newest; the others are forgotten"
    )
    accept_test: bool | None = None
    config: dict[str, Any] | None = Field(None, description="the whole, as when it was added")


class ConnectorAnswer(BaseModel):
    connector_id: str
    kind: str
    accept_test: bool
    active_secrets: int
    config: Config | None
    path: str = Field(description="where the sender posts to")
    created_at: datetime


class ConnectorsAnswer(BaseModel):
    connectors: list[ConnectorAnswer]


class PushAnswer(BaseModel):
    at: datetime
    outcome: Outcome
    reason: str
    size_bytes: int


class PushesAnswer(BaseModel):
    pushes: list[PushAnswer]


class KeptPush(BaseModel):
    id: int
    connector_id: str
    reason: str
    received_at: datetime


class KeptPushes(BaseModel):
    pushes: list[KeptPush]
    cursor: str | None


@router.post(
    "/{shop_id}/connectors",
    operation_id="add_connector",
    status_code=201,
    dependencies=[Depends(require("connectors:write"))],
)
async def add_connector(
    shop_id: ShopId,
    new: Annotated[NewConnector, Depends(json_body(NEW))],
    engine: Engine,
    ports: ThePorts,
) -> ConnectorAnswer:
    """Open a hook for a shop system or a courier. Its id cannot be guessed."""
    await ports.directory.shop(shop_id)
    # With a prefix: a random one may begin with a dash, which command lines take for an option.
    connector_id = f"cn_{dice.token_urlsafe(24)}"
    sealed = _sealed(new.secrets, connector_id, ports.sealer)
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        made = await ShopStore(conn).add_connector(
            connector_id=connector_id,
            shop_id=shop_id,
            kind=new.kind,
            secrets=sealed,
            accept_test=new.accept_test,
            config=None if new.config is None else new.config.model_dump_json(by_alias=True),
        )
    ports.directory.note_connector(made)
    return _connector_answer(made, ports.sealer)


@router.get(
    "/{shop_id}/connectors",
    operation_id="list_connectors",
    dependencies=[Depends(require("connectors:read"))],
)
async def list_connectors(shop_id: ShopId, engine: Engine, ports: ThePorts) -> ConnectorsAnswer:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ShopStore(conn).connectors(shop_id)
    return ConnectorsAnswer(connectors=[_connector_answer(one, ports.sealer) for one in found])


@router.patch(
    "/{shop_id}/connectors/{connector_id}",
    operation_id="change_connector",
    dependencies=[Depends(require("connectors:write"))],
)
async def change_connector(
    shop_id: ShopId,
    connector_id: ConnectorId,
    change: Annotated[ConnectorChange, Depends(json_body(ConnectorChange))],
    engine: Engine,
    ports: ThePorts,
) -> ConnectorAnswer:
    """Change secrets or description; this pod knows it at once, the others within seconds."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        store = ShopStore(conn)
        known = await store.connector(shop_id, connector_id, lock=True)
        if known is None:
            raise NotFound("no such connector")
        changed = _changed(known, change, ports.sealer)
        await store.change_connector(changed)
    ports.directory.note_connector(changed)
    return _connector_answer(changed, ports.sealer)


@router.delete(
    "/{shop_id}/connectors/{connector_id}",
    operation_id="delete_connector",
    status_code=204,
    dependencies=[Depends(require("connectors:write"))],
)
async def delete_connector(
    shop_id: ShopId,
    connector_id: ConnectorId,
    engine: Engine,
    ports: ThePorts,
) -> None:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ShopStore(conn).delete_connector(shop_id, connector_id)
    if not found:
        raise NotFound("no such connector")
    ports.directory.drop_connector(connector_id)


@router.get(
    "/{shop_id}/connectors/{connector_id}/pushes",
    operation_id="list_last_pushes",
    dependencies=[Depends(require("connectors:read"))],
)
async def list_last_pushes(
    shop_id: ShopId, connector_id: ConnectorId, engine: Engine
) -> PushesAnswer:
    """Tell what became of the last 20 pushes, the newest first; a second late, without bodies."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        if await ShopStore(conn).connector(shop_id, connector_id) is None:
            raise NotFound("no such connector")
        found = await last_pushes(conn, connector_id)
    return PushesAnswer(pushes=[PushAnswer.model_validate(asdict(one)) for one in found])


@router.get(
    "/{shop_id}/kept-pushes",
    operation_id="list_kept_pushes",
    dependencies=[Depends(require("connectors:read"))],
)
async def list_kept_pushes(
    shop_id: ShopId,
    engine: Engine,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query()] = None,
) -> KeptPushes:
    """List signed pushes that could not be read as facts, with the reason; bodies stay sealed."""
    place = decode_cursor(cursor, int)
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ShopStore(conn).rejected_pushes(int(place[0]) if place else 0, limit)
    pushes = [
        KeptPush(
            id=one.id,
            connector_id=one.connector_id,
            reason=one.reason,
            received_at=one.received_at,
        )
        for one in found
    ]
    more = encode_cursor(found[-1].id) if len(found) == limit else None
    return KeptPushes(pushes=pushes, cursor=more)


def _changed(known: SealedConnector, change: ConnectorChange, sealer: Sealer) -> SealedConnector:
    """Return *known* as *change* wants it; `Unprocessable` when it may not be so."""
    config = _config_of(known) if change.config is None else _read_config(known, change.config)
    active = _opened(known, sealer)
    if change.new_secret is not None:
        active.insert(0, change.new_secret)
    active = active[: change.keep_secrets]
    if len(active) > MAX_SECRETS:
        raise _wrong("new_secret", "too_many", f"{MAX_SECRETS} are active: keep fewer")
    for secret in active:
        try:
            _check_secret(secret, known.kind, config)
        except ValueError as error:
            raise _wrong("new_secret", "value_error", str(error)) from None
    return replace(
        known,
        secrets=_sealed(active, known.connector_id, sealer),
        accept_test=known.accept_test if change.accept_test is None else change.accept_test,
        config=None if config is None else config.model_dump_json(by_alias=True),
    )


def _config_of(one: SealedConnector) -> Config | None:
    return None if one.config is None else config_of(one.kind, one.config)


def _read_config(known: SealedConnector, given: dict[str, Any]) -> Config:
    model = CONFIGS.get(known.kind)
    if model is None:
        raise _wrong("config", "unknown_field", f"a connector of kind {known.kind} has no config")
    raw = json.dumps(given).encode()
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        errors = [FieldError(f"/config{one.field}", one.code) for one in field_errors(error, raw)]
        raise Unprocessable("the config is not what its kind needs", errors=errors) from None


def _check_secret(secret: str, kind: str, config: Config | None) -> None:
    """Raise ValueError when the sender may sign otherwise with it."""
    if isinstance(config, GenericConfig):
        config.check_secret(secret)
    else:
        SCHEMES[kind].check_secret(secret)


def _wrong(field: str, code: str, why: str) -> Unprocessable:
    return Unprocessable(why, errors=[FieldError(f"/{field}", code)])


def _sealed(active: Sequence[str], connector_id: str, sealer: Sealer) -> bytes:
    return sealer.seal(json.dumps(active).encode(), connector_context(connector_id))


def _opened(one: SealedConnector, sealer: Sealer) -> list[str]:
    active: list[str] = json.loads(sealer.unseal(one.secrets, one.context))
    return active


def _connector_answer(one: SealedConnector, sealer: Sealer) -> ConnectorAnswer:
    return ConnectorAnswer(
        connector_id=one.connector_id,
        kind=one.kind,
        accept_test=one.accept_test,
        active_secrets=len(_opened(one, sealer)),
        config=_config_of(one),
        path=f"/v1/hooks/{one.connector_id}",
        created_at=one.created_at,
    )
