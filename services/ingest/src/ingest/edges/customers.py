"""What shops note of customers: their own attributes, and changes of many at once by staff."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Response
from pydantic import BaseModel, Field, model_validator

from contracts.events import (
    AttributeType,
    Channel,
    CustomerClass,
    Gender,
    OwnAttribute,
    Shop,
)
from ingest.app.note_customer import edit_customers, take_edit_back
from ingest.domain.attributes import MOST, faults, printed
from ingest.domain.editing import Edit
from ingest.edges.edits import KEPT_DAYS, EditStore, Kept
from ingest.edges.idempotency import IdempotentRoute
from ingest.edges.native import AttributeValue, Consents
from ingest.edges.native_types import Id, Name
from ingest.edges.people import PeopleStore
from ingest.edges.ports import Ports, get_ports
from ingest.edges.shops import ShopStore
from ingest.edges.store import SOURCE
from ingest.errors import AttributeRefused, EditTooOld, UnknownShop
from plumbing.clock import business_clock
from web.auth import Principal, ShopId, require
from web.bodies import Strict, json_body, refused
from web.pages import Limit
from web.problems import FieldError, NotFound, Unprocessable
from web.shop_session import Engine, shop_tx

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["customers"], route_class=IdempotentRoute)

ThePorts = Annotated[Ports, Depends(get_ports)]
AttributeName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,63}$")]

_OF_CHOICES = (AttributeType.CHOICE, AttributeType.CHOICES)


class AttributeBody(Strict):
    """What an attribute holds. Its type stays; label and choices may change."""

    type: Annotated[AttributeType, Field(strict=False)]
    label: Name = Field("", description="for people")
    choices: list[Annotated[Name, Field(min_length=1)]] = Field(
        default_factory=list, max_length=100, description="of the types choice and choices"
    )

    @model_validator(mode="after")
    def _choices_make_sense(self) -> Self:
        if (self.type in _OF_CHOICES) != bool(self.choices):
            raise refused("too_long" if self.choices else "missing", "choices")
        if len(set(self.choices)) < len(self.choices):
            raise refused("unknown", "choices")
        return self


class AttributeAnswer(BaseModel):
    name: str
    type: AttributeType
    label: str
    choices: list[str]


class AttributesAnswer(BaseModel):
    attributes: list[AttributeAnswer]


class Change(Strict):
    """What is set for each customer; what is absent stays."""

    customer_class: Annotated[CustomerClass, Field(strict=False)] | None = None
    gender: Annotated[Gender, Field(strict=False)] | None = None
    consent: Consents | None = Field(None, description="to marketing")
    attributes: list[AttributeValue] = Field(default_factory=list, max_length=MOST)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.edit() == Edit():
            raise refused("missing", "attributes")
        names = [one.name for one in self.attributes]
        if len(set(names)) < len(names):
            raise refused("unknown", "attributes")
        return self

    def edit(self) -> Edit:
        stated = self.consent or Consents()
        consents = {Channel.SMS: stated.sms, Channel.EMAIL: stated.email}
        return Edit(
            self.customer_class,
            self.gender,
            {channel: given for channel, given in consents.items() if given is not None},
            {one.name: printed(one.value) for one in self.attributes},
        )


class NewEdit(Strict):
    """One change of up to 1,000 customers."""

    customers: list[Id] = Field(min_length=1, max_length=1_000)
    change: Change
    source: Annotated[Name, Field(min_length=1, description="where this is known from")]


class EditAnswer(BaseModel):
    edit_id: str
    at: datetime
    source: str
    by: str = Field(description="the token's subject")
    change: dict[str, Any]
    customers: int = Field(description="who were changed; people who were erased are not")
    reverted_at: datetime | None


class EditsAnswer(BaseModel):
    edits: list[EditAnswer]


@router.get(
    "/attributes", operation_id="list_attributes", dependencies=[Depends(require("shops:read"))]
)
async def list_attributes(shop_id: ShopId, engine: Engine) -> AttributesAnswer:
    """List what the shop notes of its customers beyond what all shops know."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        known = await ShopStore(conn).shop(shop_id)
    if known is None:
        raise UnknownShop("no such shop")
    return AttributesAnswer(attributes=[_attribute(one) for one in known.attributes])


@router.put(
    "/attributes/{name}",
    operation_id="put_attribute",
    dependencies=[Depends(require("shops:write"))],
)
async def put_attribute(
    shop_id: ShopId,
    name: AttributeName,
    said: Annotated[AttributeBody, Depends(json_body(AttributeBody))],
    engine: Engine,
    ports: ThePorts,
) -> AttributeAnswer:
    """Define an attribute, or change its label and choices; values that rest stay as they are."""
    new = OwnAttribute(name, said.type, said.label, tuple(said.choices))

    def defined(known: dict[str, OwnAttribute]) -> None:
        before = known.get(name)
        if before is not None and before.type != new.type:
            raise AttributeRefused(f"it is of the type {before.type}: delete it, or name another")
        if before is None and len(known) >= MOST:
            raise AttributeRefused(f"a shop has at most {MOST} attributes: delete one")
        known[name] = new

    async with shop_tx(engine, SOURCE, shop_id) as conn:
        shop = await _changed(ShopStore(conn), shop_id, defined, ports)
    _known(shop, ports)
    return _attribute(new)


@router.delete(
    "/attributes/{name}",
    operation_id="delete_attribute",
    status_code=204,
    dependencies=[Depends(require("shops:write"))],
)
async def delete_attribute(
    shop_id: ShopId, name: AttributeName, engine: Engine, ports: ThePorts
) -> Response:
    """Take no more values of it; those that rest stay with their customers."""

    def without(known: dict[str, OwnAttribute]) -> None:
        if known.pop(name, None) is None:
            raise NotFound("no such attribute")

    async with shop_tx(engine, SOURCE, shop_id) as conn:
        shop = await _changed(ShopStore(conn), shop_id, without, ports)
    _known(shop, ports)
    return Response(status_code=204)


@router.post("/customers/edits", operation_id="edit_customers")
async def edit_many(
    who: Annotated[Principal, Depends(require("customers:write"))],
    shop_id: ShopId,
    new: Annotated[NewEdit, Depends(json_body(NewEdit))],
    engine: Engine,
    ports: ThePorts,
) -> EditAnswer:
    """Set the same for many customers: all of them, or none. Whoever was erased is left out."""
    shop = await ports.directory.shop(shop_id)
    said = [(one.name, one.value) for one in new.change.attributes]
    wrong = [
        FieldError(f"/change/attributes/{place}", code, why)
        for place, code, why in faults(shop.attributes, said)
    ]
    if wrong:
        raise Unprocessable("the shop's attributes are not such", errors=wrong)
    people = {(shop_id, customer_id) for customer_id in new.customers}
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        at = await business_clock(conn)
        store = PeopleStore(conn, ports.sealer, ports.partitions, ports.now())
        before = await edit_customers(store, people, new.change.edit(), at=at, source=new.source)
        change = new.change.model_dump(mode="json", exclude_none=True)
        kept = Kept(f"ed_{uuid4().hex}", shop_id, at, new.source, who.subject, change, len(before))
        await EditStore(conn, ports.sealer).keep(kept, before)
    ports.wake()
    return _edit(kept)


@router.get(
    "/customers/edits",
    operation_id="list_edits",
    dependencies=[Depends(require("customers:read"))],
)
async def list_edits(
    shop_id: ShopId, engine: Engine, ports: ThePorts, limit: Limit = 50
) -> EditsAnswer:
    """List changes of many customers, the latest first."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        found = await EditStore(conn, ports.sealer).latest(shop_id, limit)
    return EditsAnswer(edits=[_edit(one) for one in found])


@router.post(
    "/customers/edits/{edit_id}/revert",
    operation_id="revert_edit",
    dependencies=[Depends(require("customers:write"))],
)
async def revert_edit(shop_id: ShopId, edit_id: str, engine: Engine, ports: ThePorts) -> EditAnswer:
    """Set what was there before, of all customers of an edit; what was said since then stays."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        edits = EditStore(conn, ports.sealer)
        known = await edits.locked(shop_id, edit_id)
        if known is None:
            raise NotFound("no such edit")
        if known.reverted_at is not None:
            return _edit(known)
        at = await business_clock(conn)
        if at - known.at > timedelta(days=KEPT_DAYS):
            raise EditTooOld(f"what was there before is kept for {KEPT_DAYS} days only")
        store = PeopleStore(conn, ports.sealer, ports.partitions, ports.now())
        before = await edits.before(edit_id)
        await take_edit_back(store, before, edited_at=known.at, at=at)
        await edits.note_reverted(edit_id, at)
    ports.wake()
    return _edit(replace(known, reverted_at=at))


async def _changed(
    store: ShopStore,
    shop_id: str,
    change: Callable[[dict[str, OwnAttribute]], None],
    ports: Ports,
) -> Shop:
    """Write and announce the shop with its attributes changed."""
    before = await store.shop(shop_id, lock=True)
    if before is None:
        raise UnknownShop("no such shop")
    known = {one.name: one for one in before.attributes}
    change(known)
    shop = replace(before, revision=before.revision + 1, attributes=tuple(known.values()))
    await store.change_shop(shop)
    await store.announce(shop, ports.partitions, ports.now())
    return shop


def _known(shop: Shop, ports: Ports) -> None:
    ports.wake()
    ports.directory.note_shop(shop)


def _attribute(one: OwnAttribute) -> AttributeAnswer:
    return AttributeAnswer(name=one.name, type=one.type, label=one.label, choices=[*one.choices])


def _edit(one: Kept) -> EditAnswer:
    return EditAnswer.model_validate(one, from_attributes=True)
