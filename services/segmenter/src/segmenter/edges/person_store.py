"""What is derived from profiles, in Postgres."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import Traits
from plumbing.crashpoint import crashpoint
from plumbing.upsert import upsert
from segmenter.domain.person import KnownPerson, Person
from segmenter.domain.standing import CustomerKey
from segmenter.edges.audience.dirty import note_dirty
from segmenter.edges.store import Outlet, publish
from segmenter.edges.tables import customer_traits

_FIELDS: Final = tuple(field.name for field in fields(Person))

_PERSONS: Final = text(
    """
    select customer_traits.* from customer_traits
    join unnest(cast(:shops as text[]), cast(:customers as text[])) as wanted(shop_id, customer_id)
      using (shop_id, customer_id)
    """
)
_MEET: Final = text(
    """
    insert into customer_state (shop_id, customer_id, frequency, monetary_minor, cell, revision)
    select shop_id, customer_id, 0, 0, 'never_bought', 0
    from unnest(cast(:shops as text[]), cast(:customers as text[])) as new(shop_id, customer_id)
    on conflict (shop_id, customer_id) do nothing
    """
)


class PersonStore:
    """Bound to one open transaction of the worker's role; a customer's profiles come in order."""

    def __init__(self, conn: AsyncConnection, outlet: Outlet) -> None:
        self._conn = conn
        self._outlet = outlet

    async def persons(self, customers: Collection[CustomerKey]) -> dict[CustomerKey, KnownPerson]:
        rows = await self._conn.execute(_PERSONS, _columns(customers))
        return {(row.shop_id, row.customer_id): _person(row) for row in rows}

    async def save_persons(self, persons: Mapping[CustomerKey, KnownPerson]) -> None:
        rows = [
            {
                "shop_id": shop_id,
                "customer_id": customer_id,
                "revision": known.revision,
                "erased": known.erased,
                **dict(zip(_FIELDS, astuple(known.person), strict=True)),
            }
            for (shop_id, customer_id), known in persons.items()
        ]
        await upsert(self._conn, customer_traits, rows, newer="revision")
        await note_dirty(self._conn, persons)

    async def meet(self, customers: Collection[CustomerKey]) -> None:
        """Make customers known who never bought; whoever is known stays as he is."""
        if customers:
            await self._conn.execute(_MEET, _columns(customers))

    async def send(self, changes: Sequence[Traits]) -> None:
        crashpoint("after-merge")
        await publish(self._conn, self._outlet, changes)


def _columns(customers: Collection[CustomerKey]) -> dict[str, list[str]]:
    ordered = sorted(customers)
    return {
        "shops": [shop_id for shop_id, _ in ordered],
        "customers": [customer_id for _, customer_id in ordered],
    }


def _person(row: Row[Any]) -> KnownPerson:
    values = {name: getattr(row, name) for name in _FIELDS}
    values["mobile_prefix"] = row.mobile_prefix or ""  # rows from before have none
    values["attributes"] = row.attributes or {}
    person = Person(**{**values, "address_tags": tuple(row.address_tags)})
    return KnownPerson(row.revision, row.erased, person)
