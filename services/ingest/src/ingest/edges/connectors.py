"""Connectors: hooks for shops' systems and couriers, their secrets, what they pushed in vain."""

import json
import secrets as dice
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Any, TypeVar, cast

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field, ValidationError

from ingest.domain.push import TaskKind
from ingest.edges.idempotency import IdempotentRoute
from ingest.edges.kinds import KINDS, NEW, Config, NewConnector, Secret, kind_of
from ingest.edges.kinds.kind import saved
from ingest.edges.ports import Ports, get_ports
from ingest.edges.push_log import Outcome, last_pushes
from ingest.edges.shops import SealedConnector, ShopStore, api_context, connector_context
from ingest.edges.store import SOURCE
from plumbing.seal import Sealer
from web.auth import ShopId, require
from web.bodies import Strict, field_errors, json_body
from web.pages import Limit, decode_cursor, encode_cursor
from web.problems import FieldError, NotFound, Unprocessable
from web.shop_session import Engine, shop_tx
from webhooks import MAX_SECRETS

router = APIRouter(prefix="/v1/shops", tags=["connectors"], route_class=IdempotentRoute)

ThePorts = Annotated[Ports, Depends(get_ports)]
C = TypeVar("C", bound=BaseModel)
ConnectorId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class ConnectorChange(Strict):
    """What is left out stays. To replace a secret, add the new one, then keep one."""

    new_secret: Secret | None = Field(None, description="tried first from now on")
    keep_secrets: int | None = Field(
        None, ge=1, le=MAX_SECRETS, description="so many of the newest; the others are forgotten"
    )
    accept_test: bool | None = None
    config: dict[str, Any] | None = Field(None, description="the whole, as when it was added")
    api: dict[str, Any] | None = Field(None, description="the whole; it is asked at once")


class ConnectorAnswer(BaseModel):
    connector_id: str
    kind: str
    accept_test: bool
    active_secrets: int
    is_pulled: bool = Field(description="whether the platform is asked for what was missed")
    config: Config | None
    path: str = Field(description="where the sender posts to")
    created_at: datetime


class ConnectorsAnswer(BaseModel):
    connectors: list[ConnectorAnswer]


class PullAnswer(BaseModel):
    """How far a platform has been asked for what its pushes did not bring."""

    mark: datetime = Field(description="all that changed before this is known")
    done_at: datetime | None = Field(description="when that was last found")
    next_at: datetime
    failures: int = Field(description="in a row")
    error: str | None
    hook_off: bool = Field(description="the platform has switched our hook off: switch it on there")


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
    task: TaskKind | None = Field(description="what the platform asks of a person")
    subject: str | None = Field(description="the customer or the order that the task is about")


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
            api=None if new.api is None else _sealed_api(new.api, connector_id, ports.sealer),
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
        if change.api is not None:
            await store.ask(connector_id, shop_id)
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
    "/{shop_id}/connectors/{connector_id}/pull",
    operation_id="get_pull",
    dependencies=[Depends(require("connectors:read"))],
)
async def get_pull(shop_id: ShopId, connector_id: ConnectorId, engine: Engine) -> PullAnswer:
    """Tell how far the platform has been asked; 404 when it is not asked at all."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ShopStore(conn).pull_of(shop_id, connector_id)
    if found is None:
        raise NotFound("no connector that is asked")
    return PullAnswer.model_validate(found, from_attributes=True)


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
    *,
    tasks: Annotated[bool, Query(description="only what asks for a person")] = False,
) -> KeptPushes:
    """List signed pushes that make no facts, with the reason; bodies stay sealed."""
    place = decode_cursor(cursor, int)
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ShopStore(conn).rejected_pushes(
            int(place[0]) if place else 0, limit, tasks_only=tasks
        )
    pushes = [KeptPush.model_validate(one, from_attributes=True) for one in found]
    more = encode_cursor(found[-1].id) if len(found) == limit else None
    return KeptPushes(pushes=pushes, cursor=more)


@router.delete(
    "/{shop_id}/kept-pushes/{kept_id}",
    operation_id="put_away_kept_push",
    status_code=204,
    dependencies=[Depends(require("connectors:write"))],
)
async def put_away_kept_push(
    shop_id: ShopId, kept_id: Annotated[int, Path(ge=1, le=2**63 - 1)], engine: Engine
) -> None:
    """Delete a kept push: what it asked for is done, or nobody will look at it any more."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        if not await ShopStore(conn).put_away(kept_id):
            raise NotFound("no such kept push")


def _changed(known: SealedConnector, change: ConnectorChange, sealer: Sealer) -> SealedConnector:
    """Return *known* as *change* wants it; `Unprocessable` when it may not be so."""
    config = _config_of(known) if change.config is None else _read_config(known, change.config)
    active = _opened(known, sealer)
    if change.new_secret is not None:
        active.insert(0, change.new_secret)
    kind = kind_of(known.kind)
    if active and not kind.has_secrets:
        raise _wrong("new_secret", "unknown_field", f"a connector of kind {known.kind} has none")
    active = active[: change.keep_secrets]
    if len(active) > MAX_SECRETS:
        raise _wrong("new_secret", "too_many", f"{MAX_SECRETS} are active: keep fewer")
    for secret in active:
        try:
            kind.check_secret(secret, config)
        except ValueError as error:
            raise _wrong("new_secret", "value_error", str(error)) from None
    return replace(
        known,
        secrets=_sealed(active, known.connector_id, sealer),
        accept_test=known.accept_test if change.accept_test is None else change.accept_test,
        config=None if config is None else config.model_dump_json(by_alias=True),
        api=known.api if change.api is None else _read_api(known, change.api, sealer),
    )


def _config_of(one: SealedConnector) -> Config | None:
    known = KINDS.get(one.kind)
    if one.config is None or known is None or known.config is None:
        return None
    return cast("Config", saved(known.config, one.config))  # a test holds that it is one


def _read_config(known: SealedConnector, given: dict[str, Any]) -> Config:
    model = kind_of(known.kind).config
    if model is None:
        raise _wrong("config", "unknown_field", f"a connector of kind {known.kind} has no config")
    return cast("Config", _read(model, given, "config"))


def _read_api(known: SealedConnector, given: dict[str, Any], sealer: Sealer) -> bytes:
    found = kind_of(known.kind).pull
    if found is None:
        raise _wrong("api", "unknown_field", f"connectors of kind {known.kind} are not asked")
    return _sealed_api(_read(found.api, given, "api"), known.connector_id, sealer)


def _read(model: type[C], given: dict[str, Any], name: str) -> C:
    raw = json.dumps(given).encode()
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        errors = [replace(one, field=f"/{name}{one.field}") for one in field_errors(error, raw)]
        raise Unprocessable(f"the {name} is not what its kind needs", errors=errors) from None


def _wrong(field: str, code: str, why: str) -> Unprocessable:
    return Unprocessable(why, errors=[FieldError(f"/{field}", code)])


def _sealed(active: Sequence[str], connector_id: str, sealer: Sealer) -> bytes:
    return sealer.seal(json.dumps(active).encode(), connector_context(connector_id))


def _sealed_api(api: Strict, connector_id: str, sealer: Sealer) -> bytes:
    return sealer.seal(api.model_dump_json().encode(), api_context(connector_id))


def _opened(one: SealedConnector, sealer: Sealer) -> list[str]:
    active: list[str] = json.loads(sealer.unseal(one.secrets, one.context))
    return active


def _connector_answer(one: SealedConnector, sealer: Sealer) -> ConnectorAnswer:
    return ConnectorAnswer(
        connector_id=one.connector_id,
        kind=one.kind,
        accept_test=one.accept_test,
        active_secrets=len(_opened(one, sealer)),
        is_pulled=one.api is not None,
        config=_config_of(one),
        path=f"/v1/hooks/{one.connector_id}",
        created_at=one.created_at,
    )
