"""Shops, their connectors, their customers' wish to be forgotten."""

import json
import secrets as dice
from datetime import datetime
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from contracts.events import CustomerErased, Shop, Variable
from ingest.edges.generic import GenericConfig, prepared
from ingest.edges.native_types import Country, Currency, Minor, Name, Zone
from ingest.edges.ports import Ports, get_ports
from ingest.edges.schemes import SCHEMES
from ingest.edges.shops import SealedConnector, ShopStore, connector_context
from ingest.edges.store import SOURCE
from ingest.errors import ShopExists
from plumbing.resources import worker_role, worker_tx
from web.auth import ShopId, require
from web.bodies import Strict, json_body
from web.pages import Limit, decode_cursor, encode_cursor
from web.problems import NotFound
from web.shop_session import Engine, shop_tx

router = APIRouter(prefix="/v1/shops", tags=["shops"])

read_shops = Depends(require("shops:read"))
write_shops = Depends(require("shops:write"))
ThePorts = Annotated[Ports, Depends(get_ports)]
CustomerId = Annotated[str, Path(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]


class ShopSettings(Strict):
    """What can be said of a shop; PUT replaces all of it."""

    name: Annotated[Name, Field(min_length=1)]
    zone: Zone | None = Field(
        None,
        description="IANA name: every day of this shop is a day there; HUILIU_SHOP_ZONE if null",
    )
    currency: Currency
    country: Country
    locale: Literal["zh", "en"] = "zh"
    sms_signature: Annotated[str, Field(max_length=20, pattern=r"^[^\x00-\x1f\x7f【】]*$")] = ""
    escrow: bool = False
    same_day_cutoff: Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$")] = ""
    min_reminder_minor: Minor = 10_000
    marketing_consent_implied: bool = False
    email_from: Annotated[
        str, Field(max_length=254, pattern=r"^([^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]+)?$")
    ] = ""
    settings: dict[
        Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")],
        Annotated[str, Field(max_length=500)],
    ] = Field(default_factory=dict, max_length=100)

    def shop(self, shop_id: str, revision: int, default_zone: str) -> Shop:
        said = self.model_dump(exclude={"settings", "shop_id", "zone"})
        pairs = sorted(self.settings.items())
        return Shop(
            shop_id,
            revision,
            **said,
            zone=self.zone or default_zone,
            settings=tuple(Variable(name, value) for name, value in pairs),
        )


class NewShop(ShopSettings):
    shop_id: str = Field(pattern=r"^[a-z0-9-]{1,64}$")


class ShopAnswer(BaseModel):
    shop_id: str
    revision: int
    name: str
    zone: str
    currency: str
    country: str
    locale: str
    sms_signature: str
    escrow: bool
    same_day_cutoff: str
    min_reminder_minor: int
    marketing_consent_implied: bool
    email_from: str
    settings: dict[str, str]


class ShopsAnswer(BaseModel):
    shops: list[ShopAnswer]
    cursor: str | None


class NewConnector(Strict):
    kind: Literal["standard", "generic", "shopify", "woocommerce", "kuaidi100"]
    config: GenericConfig | None = Field(None, description="of the kind generic, which needs it")
    secrets: list[Annotated[str, Field(min_length=1, max_length=512)]] = Field(
        min_length=1, max_length=5, description="all are tried; never shown again"
    )
    accept_test: bool = Field(False, description="make facts of the platform's test bodies too")

    @field_validator("secrets")
    @classmethod
    def _fit(cls, secrets: list[str], info: ValidationInfo) -> list[str]:
        scheme, config = SCHEMES.get(info.data.get("kind", "")), info.data.get("config")
        if scheme is not None:  # else the kind is wrong, and that is said
            check = scheme.check_secret if config is None else config.verify.check_secret
            for secret in secrets:
                check(secret)
        return secrets

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        if (self.kind == "generic") != (self.config is not None):
            raise ValueError("a generic connector needs a config, and no other has one")
        return self


class ConnectorAnswer(BaseModel):
    connector_id: str
    kind: str
    accept_test: bool
    config: GenericConfig | None
    path: str = Field(description="where the sender posts to")
    created_at: datetime


class ConnectorsAnswer(BaseModel):
    connectors: list[ConnectorAnswer]


class KeptPush(BaseModel):
    id: int
    connector_id: str
    reason: str
    received_at: datetime


class KeptPushes(BaseModel):
    pushes: list[KeptPush]
    cursor: str | None


class Accepted(BaseModel):
    event_id: str


@router.post("", operation_id="add_shop", status_code=201, dependencies=[write_shops])
async def add_shop(
    new: Annotated[NewShop, Depends(json_body(NewShop))], engine: Engine, ports: ThePorts
) -> ShopAnswer:
    """Create a shop; it works on this pod at once and on the others within seconds."""
    known = new.shop(new.shop_id, 1, ports.shop_zone)
    async with shop_tx(engine, SOURCE, new.shop_id) as conn:
        store = ShopStore(conn)
        if not await store.add_shop(known):
            raise ShopExists("there is a shop with this id: change it by PUT")
        await store.announce(known, ports.partitions, ports.now())
    ports.wake()
    ports.directory.note_shop(known)
    return _shop_answer(known)


@router.put("/{shop_id}", operation_id="put_shop", dependencies=[write_shops])
async def put_shop(
    shop_id: ShopId,
    said: Annotated[ShopSettings, Depends(json_body(ShopSettings))],
    engine: Engine,
    ports: ThePorts,
) -> ShopAnswer:
    """Create or replace a shop's settings."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        store = ShopStore(conn)
        known = said.shop(shop_id, 1, ports.shop_zone)
        if not await store.add_shop(known):
            before = await store.shop(shop_id, lock=True)
            if before is None:
                raise NotFound("no such shop")
            known = said.shop(shop_id, before.revision + 1, ports.shop_zone)
            await store.change_shop(known)
        await store.announce(known, ports.partitions, ports.now())
    ports.wake()
    ports.directory.note_shop(known)
    return _shop_answer(known)


@router.get("", operation_id="list_shops", dependencies=[read_shops])
async def list_shops(
    engine: Engine, limit: Limit = 50, cursor: Annotated[str | None, Query()] = None
) -> ShopsAnswer:
    """List all shops; for operators of the platform."""
    place = decode_cursor(cursor, str)
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        found = await ShopStore(conn).shops(str(place[0]) if place else "", limit)
    more = encode_cursor(found[-1].shop_id) if len(found) == limit else None
    return ShopsAnswer(shops=[_shop_answer(one) for one in found], cursor=more)


@router.get("/{shop_id}", operation_id="get_shop", dependencies=[read_shops])
async def get_shop(shop_id: ShopId, engine: Engine) -> ShopAnswer:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        known = await ShopStore(conn).shop(shop_id)
    if known is None:
        raise NotFound("no such shop")
    return _shop_answer(known)


@router.post(
    "/{shop_id}/connectors",
    operation_id="add_connector",
    status_code=201,
    tags=["connectors"],
    dependencies=[Depends(require("connectors:write"))],
)
async def add_connector(
    shop_id: ShopId,
    new: Annotated[NewConnector, Depends(json_body(NewConnector))],
    engine: Engine,
    ports: ThePorts,
) -> ConnectorAnswer:
    """Open a hook for a shop system or a courier. Its id cannot be guessed."""
    await ports.directory.shop(shop_id)
    connector_id = dice.token_urlsafe(24)
    sealed = ports.sealer.seal(json.dumps(new.secrets).encode(), connector_context(connector_id))
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
    return _connector_answer(made)


@router.get(
    "/{shop_id}/connectors",
    operation_id="list_connectors",
    tags=["connectors"],
    dependencies=[Depends(require("connectors:read"))],
)
async def list_connectors(shop_id: ShopId, engine: Engine) -> ConnectorsAnswer:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ShopStore(conn).connectors(shop_id)
    return ConnectorsAnswer(connectors=[_connector_answer(one) for one in found])


@router.delete(
    "/{shop_id}/connectors/{connector_id}",
    operation_id="delete_connector",
    status_code=204,
    tags=["connectors"],
    dependencies=[Depends(require("connectors:write"))],
)
async def delete_connector(
    shop_id: ShopId,
    connector_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")],
    engine: Engine,
    ports: ThePorts,
) -> None:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await ShopStore(conn).delete_connector(shop_id, connector_id)
    if not found:
        raise NotFound("no such connector")
    ports.directory.drop_connector(connector_id)


@router.get(
    "/{shop_id}/kept-pushes",
    operation_id="list_kept_pushes",
    tags=["connectors"],
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


@router.delete(
    "/{shop_id}/customers/{customer_id}",
    operation_id="erase_customer",
    status_code=202,
    tags=["customers"],
    dependencies=[Depends(require("customers:write"))],
)
async def erase_customer(
    shop_id: ShopId,
    customer_id: CustomerId,
    ports: ThePorts,
) -> Accepted:
    """Forget a person: personal data goes, amounts stay; no later fact brings the person back."""
    await ports.directory.shop(shop_id)
    now = ports.directory.business_now()
    entry = ports.publisher.entry(CustomerErased(shop_id, customer_id, now))
    await ports.publisher.put([entry])
    return Accepted(event_id=entry.event_id)


def _shop_answer(known: Shop) -> ShopAnswer:
    settings = {one.name: one.value for one in known.settings}
    fields = {name: getattr(known, name) for name in ShopAnswer.model_fields if name != "settings"}
    return ShopAnswer(**fields, settings=settings)


def _connector_answer(one: SealedConnector) -> ConnectorAnswer:
    return ConnectorAnswer(
        connector_id=one.connector_id,
        kind=one.kind,
        accept_test=one.accept_test,
        config=None if one.config is None else prepared(one.config)[0],
        path=f"/v1/hooks/{one.connector_id}",
        created_at=one.created_at,
    )
