"""Shops, their connectors, their customers' wish to be forgotten."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field, model_validator

from contracts.events import CustomerErased, Shop, Variable
from ingest.domain.quota import NAME as QUOTA
from ingest.domain.quota import quota_of
from ingest.edges.native_types import Country, Currency, Minor, Name, Zone
from ingest.edges.ports import Ports, get_ports
from ingest.edges.shops import ShopStore
from ingest.edges.store import SOURCE
from ingest.errors import ShopExists
from plumbing.resources import worker_role, worker_tx
from web.auth import ShopId, require
from web.bodies import Strict, json_body, refused
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

    @model_validator(mode="after")
    def _bounds_make_sense(self) -> Self:
        try:
            quota_of(self.settings.get(QUOTA), 0)
        except ValueError:
            raise refused("range", "settings", QUOTA) from None
        return self

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
            known = replace(known, attributes=before.attributes)
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
