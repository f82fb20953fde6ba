"""SQL of what is known: orders, parcels, reviews, people and their cells."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Table, select

from care.facts import (
    OrderState,
    ParcelState,
    ReviewState,
    earliest,
    order_from_json,
    order_to_json,
    parcel_from_json,
    parcel_to_json,
    review_from_json,
    review_to_json,
)
from care_triggers.app.note_event import Case, Key, Orders, Parcels, Reviews
from care_triggers.app.note_person import Known
from care_triggers.domain.birthday import birthday_key
from care_triggers.domain.course import Steps, steps_from_json, steps_to_json
from care_triggers.domain.values import Person
from care_triggers.edges.rows import Rows, among, birth_index, seal_person, unseal_person
from care_triggers.edges.tables import customer, order_fact, parcel_fact, review_fact, segment
from contracts.events import SegmentChanged
from plumbing.upsert import upsert

S = TypeVar("S")


class FactRows(Rows):
    async def lock_orders(self, orders: Collection[Key]) -> dict[Key, Case[OrderState]]:
        if not orders:
            return {}
        where = among(order_fact, order_fact.c.order_id, orders)
        return await self._lock(order_fact, "order_id", where, order_from_json)

    async def lock_open_orders(self, customers: Collection[Key]) -> dict[Key, Case[OrderState]]:
        if not customers:
            return {}
        where = among(order_fact, order_fact.c.customer_id, customers) & order_fact.c.is_open
        return await self._lock(order_fact, "order_id", where, order_from_json)

    async def save_orders(self, orders: Orders) -> None:
        rows = [
            {
                "shop_id": key[0],
                "order_id": key[1],
                "customer_id": case.state.customer_id,
                "placed_at": case.state.placed_at,
                "paid_at": case.state.paid_at,
                "is_open": any(step.open for step in case.steps.values()),
                "state": order_to_json(case.state),
                "steps": steps_to_json(case.steps),
            }
            for key, case in sorted(orders.items())
        ]
        await upsert(self._conn, order_fact, rows)

    async def peek_orders(self, orders: Collection[Key]) -> dict[Key, OrderState]:
        rows = await self._by_key(order_fact, order_fact.c.order_id, orders, order_fact.c.state)
        return {(row.shop_id, row.order_id): order_from_json(row.state) for row in rows}

    async def lock_parcels(self, parcels: Collection[Key]) -> dict[Key, Case[ParcelState]]:
        if not parcels:
            return {}
        where = among(parcel_fact, parcel_fact.c.parcel_id, parcels)
        return await self._lock(parcel_fact, "parcel_id", where, parcel_from_json)

    async def lock_parcels_of(self, orders: Collection[Key]) -> dict[Key, Case[ParcelState]]:
        if not orders:
            return {}
        where = among(parcel_fact, parcel_fact.c.order_id, orders)
        return await self._lock(parcel_fact, "parcel_id", where, parcel_from_json)

    async def save_parcels(self, parcels: Parcels) -> None:
        rows = [
            {
                "shop_id": key[0],
                "parcel_id": key[1],
                "order_id": case.state.order_id,
                "customer_id": case.state.customer_id,
                "handed_over_at": case.state.handed_over_at,
                "signed_at": case.state.signed_at,
                "turned_back_at": earliest(case.state.refused_at, case.state.returned_at),
                "estimated_day": case.state.estimated_day,
                "state": parcel_to_json(case.state),
                "steps": steps_to_json(case.steps),
            }
            for key, case in sorted(parcels.items())
        ]
        await upsert(self._conn, parcel_fact, rows)

    async def lock_reviews(self, reviews: Collection[Key]) -> dict[Key, Case[ReviewState]]:
        if not reviews:
            return {}
        where = among(review_fact, review_fact.c.review_id, reviews)
        return await self._lock(review_fact, "review_id", where, review_from_json)

    async def save_reviews(self, reviews: Reviews) -> None:
        rows = [
            {
                "shop_id": key[0],
                "review_id": key[1],
                "customer_id": case.state.customer_id,
                "reviewed_at": case.state.reviewed_at,
                "rating": None if case.state.is_withdrawn else case.state.rating,
                "state": review_to_json(case.state),
                "steps": steps_to_json(case.steps),
            }
            for key, case in sorted(reviews.items())
        ]
        await upsert(self._conn, review_fact, rows)

    async def lock_people(self, people: Collection[Key]) -> dict[Key, Known]:
        if not people:
            return {}
        query = (
            select(customer)
            .where(among(customer, customer.c.customer_id, people))
            .order_by(customer.c.shop_id, customer.c.customer_id)
            .with_for_update()
        )
        rows = await self._conn.execute(query)
        return {(row.shop_id, row.customer_id): self._known(row) for row in rows}

    async def lock_born_on(
        self, shop_id: str, keys: Sequence[str], after: str, limit: int
    ) -> list[Known]:
        indexes = [birth_index(shop_id, key, self._house.sealer) for key in keys]
        query = (
            select(customer)
            .where(customer.c.shop_id == shop_id, customer.c.birth_index.in_(indexes))
            .where(customer.c.customer_id > after)
            .order_by(customer.c.customer_id)
            .limit(limit)
            .with_for_update()
        )
        return [self._known(row) for row in await self._conn.execute(query)]

    async def save_people(self, people: Collection[Known]) -> None:
        sealer = self._house.sealer
        rows: list[dict[str, Any]] = []
        for known in sorted(people, key=lambda one: (one.shop_id, one.person.customer_id)):
            person, birthday = known.person, known.person.birthday
            rows.append(
                {
                    "shop_id": known.shop_id,
                    "customer_id": person.customer_id,
                    "revision": known.revision,
                    "erased": person.erased,
                    "birth_index": birthday
                    and birth_index(known.shop_id, birthday_key(birthday), sealer),
                    "sealed": None if person.erased else seal_person(person, known.shop_id, sealer),
                    "steps": steps_to_json(known.steps),
                }
            )
        await upsert(self._conn, customer, rows)

    async def people(self, people: Collection[Key]) -> dict[Key, Person]:
        """Return what conditions may ask of them; whoever is unknown is a bare id."""
        rows = await self._by_key(
            customer, customer.c.customer_id, people, customer.c.erased, customer.c.sealed
        )
        cells = await self._by_key(segment, segment.c.customer_id, people, segment.c.cell)
        cell_of = {(row.shop_id, row.customer_id): row.cell for row in cells}
        found = {key: Person(key[1]) for key in people} | {
            (row.shop_id, row.customer_id): self._person(row) for row in rows
        }
        return {key: replace(person, cell=cell_of.get(key, "")) for key, person in found.items()}

    async def save_cells(self, changes: Sequence[SegmentChanged]) -> None:
        """Keep the newest cell of each customer, whatever comes twice or late."""
        rows = [
            {
                "shop_id": one.shop_id,
                "customer_id": one.customer_id,
                "revision": one.revision,
                "cell": one.after.value,
            }
            for one in changes
        ]
        await upsert(self._conn, segment, rows, newer="revision")

    async def _lock(
        self,
        table: Table,
        id_name: str,
        where: ColumnElement[bool],
        load: Callable[[dict[str, Any]], S],
    ) -> dict[Key, Case[S]]:
        id_column = table.c[id_name]
        query = (
            select(table.c.shop_id, id_column.label("id"), table.c.state, table.c.steps)
            .where(where)
            .order_by(table.c.shop_id, id_column)  # one lock order: no deadlock
            .with_for_update()
        )
        return {
            (row.shop_id, row.id): Case(load(row.state), steps_from_json(row.steps))
            for row in await self._conn.execute(query)
        }

    def _known(self, row: Row[Any]) -> Known:
        steps: Steps = steps_from_json(row.steps)
        return Known(row.shop_id, self._person(row), row.revision, steps)

    def _person(self, row: Row[Any]) -> Person:
        if row.sealed is None:
            return Person(row.customer_id, erased=row.erased)
        return unseal_person(row.sealed, row.shop_id, row.customer_id, self._house.sealer)
