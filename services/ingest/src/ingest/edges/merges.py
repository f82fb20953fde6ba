"""Which customers are one person: to be looked at, to be said, and to be undone."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from ingest.app.match_people import merge_by_hand, undo
from ingest.domain.matching import Link, Persons
from ingest.edges.idempotency import IdempotentRoute
from ingest.edges.native_types import Id
from ingest.edges.persons import PersonStore
from ingest.edges.ports import Ports, get_ports
from ingest.edges.store import SOURCE
from ingest.errors import MergeRefused
from plumbing.clock import business_clock
from web.auth import ShopId, require
from web.bodies import Strict, json_body
from web.pages import Limit
from web.shop_session import Engine, shop_tx

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["customers"], route_class=IdempotentRoute)

ThePorts = Annotated[Ports, Depends(get_ports)]
READ = [Depends(require("customers:read"))]
WRITE = [Depends(require("customers:write"))]
MOST_SHOWN = 50  # of the customers that share a contact


class NewMerge(Strict):
    """Two customers that are one person."""

    customers: list[Id] = Field(min_length=2, max_length=2)


class MergeAnswer(BaseModel):
    alias_id: str
    survivor_id: str
    decided_at: datetime
    why: Literal["phone", "email", "by_hand"] = Field(description="what they share")


class MergesAnswer(BaseModel):
    merges: list[MergeAnswer]


class PersonAnswer(BaseModel):
    survivor_id: str
    customers: list[str] = Field(description="all ids of this person")
    merges: list[MergeAnswer]


class DoubtAnswer(BaseModel):
    why: Literal["phone", "email"]
    since: datetime
    customers: list[str] = Field(description=f"the first {MOST_SHOWN} who share it")


class DoubtsAnswer(BaseModel):
    doubtful: list[DoubtAnswer]


@router.get("/merges", operation_id="list_merges", dependencies=READ)
async def list_merges(
    shop_id: ShopId, engine: Engine, ports: ThePorts, limit: Limit = 50
) -> MergesAnswer:
    """List the latest merges that stand."""
    async with _persons(engine, ports, shop_id) as (store, _):
        return MergesAnswer(merges=_answers(await store.latest_links(limit)))


@router.get("/merges/doubtful", operation_id="list_doubtful_contacts", dependencies=READ)
async def list_doubtful(
    shop_id: ShopId, engine: Engine, ports: ThePorts, limit: Limit = 50
) -> DoubtsAnswer:
    """List contacts that too many customers share: they merge nobody, a person is to judge."""
    async with _persons(engine, ports, shop_id) as (store, _):
        found = await store.doubts(limit, MOST_SHOWN)
    return DoubtsAnswer(
        doubtful=[
            DoubtAnswer.model_validate(
                {"why": one.kind, "since": one.since, "customers": [*one.customers]}
            )
            for one in found
        ]
    )


@router.post("/merges", operation_id="merge_customers", dependencies=WRITE)
async def merge_customers(
    shop_id: ShopId,
    new: Annotated[NewMerge, Depends(json_body(NewMerge))],
    engine: Engine,
    ports: ThePorts,
) -> PersonAnswer:
    """Say that two customers are one person; what they were parted by is forgotten."""
    _demand_merging(ports)
    first, second = new.customers
    async with _persons(engine, ports, shop_id) as (store, at):
        await merge_by_hand(store, shop_id, (first, second), at)
        answer = await _person(store, first)
    ports.wake()
    return answer


@router.delete("/merges/{alias_id}", operation_id="undo_merge", status_code=204, dependencies=WRITE)
async def undo_merge(shop_id: ShopId, alias_id: Id, engine: Engine, ports: ThePorts) -> Response:
    """Restore a customer who was merged; the two are not merged again but by hand."""
    async with _persons(engine, ports, shop_id) as (store, at):
        await undo(store, shop_id, alias_id, at)
    ports.wake()
    return Response(status_code=204)


@router.get("/customers/{customer_id}/person", operation_id="get_person", dependencies=READ)
async def get_person(
    shop_id: ShopId, customer_id: Id, engine: Engine, ports: ThePorts
) -> PersonAnswer:
    """Tell which customers are the same person as this one."""
    async with _persons(engine, ports, shop_id) as (store, _):
        return await _person(store, customer_id)


@asynccontextmanager
async def _persons(
    engine: Engine, ports: Ports, shop_id: str
) -> AsyncIterator[tuple[PersonStore, datetime]]:
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        at = await business_clock(conn)
        yield PersonStore(conn, ports.sealer, ports.partitions, ports.now(), shop_id), at


def _demand_merging(ports: Ports) -> None:
    if not ports.merges_customers:
        raise MergeRefused("merging is off here: HUILIU_MERGE_CUSTOMERS turns it on")


async def _person(store: PersonStore, customer_id: str) -> PersonAnswer:
    links = await store.links([customer_id])
    persons = Persons(links)
    return PersonAnswer(
        survivor_id=persons.root(customer_id),
        customers=sorted(persons.members(customer_id)),
        merges=_answers(links),
    )


def _answers(links: Collection[Link]) -> list[MergeAnswer]:
    return [
        MergeAnswer.model_validate(
            {
                "alias_id": one.alias_id,
                "survivor_id": one.survivor_id,
                "decided_at": one.decided_at,
                "why": "by_hand" if one.contact is None else one.contact.kind,
            }
        )
        for one in links
    ]
