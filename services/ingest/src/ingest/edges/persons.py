"""Who is one person, in Postgres: contacts by keyed hash, merges, and what somebody has parted."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, delete, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import CustomersMerged, CustomersUnmerged
from ingest.app.note_customer import Who
from ingest.domain.matching import Contact, Link
from ingest.domain.profile import Profile
from ingest.edges.people import LOCKED, PeopleStore
from ingest.edges.store import encoded_records
from ingest.edges.tables import contact_point, doubtful, gone, merge, parted, profile
from plumbing import arrays
from plumbing.seal import Sealer

_TURN: Final = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")
_SHARERS: Final = text(
    """
    select asked.kind, asked.blind, c.customer_id
    from unnest(cast(cast(:kinds as text) as text[]), cast(cast(:blinds as text) as text[]))
         as asked(kind, blind)
    cross join lateral (
        select customer_id from contact_point
        where shop_id = :shop_id and blind = decode(asked.blind, 'hex')
        order by customer_id limit :limit) c
    """
)
_MATCHED: Final = text(
    """
    update profile p set is_matched = :is_matched
    from unnest(cast(cast(:customers as text) as text[])) as asked(customer_id)
    where p.shop_id = :shop_id and p.customer_id = asked.customer_id
      and p.is_matched <> :is_matched
    """
)
# Those who were erased first: what binds others through them is to end.
_DUE: Final = text(
    """
    (select shop_id, customer_id, true as is_gone from gone limit :limit)
    union all
    (select shop_id, customer_id, false from profile where not is_matched limit :limit)
    """
)


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A contact that merges nobody, and the first of those who share it."""

    kind: str
    since: datetime
    customers: Sequence[str]


class PersonStore(PeopleStore):
    """One open transaction over the people of one shop; as the API it sees that shop only."""

    def __init__(
        self, conn: AsyncConnection, sealer: Sealer, partitions: int, at: datetime, shop_id: str
    ) -> None:
        super().__init__(conn, sealer, partitions, at)
        self._shop_id = shop_id

    async def take_turn(self) -> None:
        await self._conn.execute(_TURN, {"name": f"matching:{self._shop_id}"})

    async def known(self, customers: Collection[str]) -> Mapping[str, Profile]:
        wanted = select(profile).where(
            profile.c.shop_id == self._shop_id,
            profile.c.customer_id.in_(sorted(customers)),
            profile.c.sealed.is_not(None),
        )
        rows = await self._conn.execute(wanted)
        return {
            row.customer_id: self._opened((row.shop_id, row.customer_id), row.sealed)
            for row in rows
        }

    async def lock_known(self, customers: Collection[str]) -> Mapping[Who, tuple[int, Profile]]:
        ordered = sorted(customers)
        asked = {
            "shops": arrays.texts([self._shop_id] * len(ordered)),
            "customers": arrays.texts(ordered),
        }
        rows = await self._conn.execute(LOCKED, asked)
        return {
            (row.shop_id, row.customer_id): (
                row.revision,
                self._opened((row.shop_id, row.customer_id), row.sealed),
            )
            for row in rows
            if row.sealed is not None
        }

    def contacts(self, spelled: Mapping[str, str]) -> frozenset[Contact]:
        return frozenset(
            Contact(kind, self._sealer.blind_index(f"contact:{self._shop_id}:{kind}:{value}"))
            for kind, value in spelled.items()
        )

    async def kept_contacts(self, customers: Collection[str]) -> set[Contact]:
        found = await self._conn.execute(
            select(contact_point.c.kind, contact_point.c.blind)
            .distinct()
            .where(self._of(contact_point.c.customer_id, customers, contact_point.c.shop_id))
        )
        return {Contact(row.kind, bytes(row.blind)) for row in found}

    async def keep_contacts(self, now: Mapping[str, Collection[Contact]]) -> None:
        rows = [
            {"shop_id": self._shop_id, "customer_id": one, "kind": has.kind, "blind": has.blind}
            for one, contacts in sorted(now.items())
            for has in sorted(contacts)
        ]
        ours = self._of(contact_point.c.customer_id, now, contact_point.c.shop_id)
        key = tuple_(contact_point.c.customer_id, contact_point.c.blind)
        left = [(row["customer_id"], row["blind"]) for row in rows]
        await self._conn.execute(delete(contact_point).where(ours, key.not_in(left)))
        if rows:
            await self._conn.execute(insert(contact_point).on_conflict_do_nothing(), rows)

    async def sharers(
        self, contacts: Collection[Contact], limit: int
    ) -> Mapping[Contact, set[str]]:
        ordered = sorted(contacts)
        asked = {
            "shop_id": self._shop_id,
            "kinds": arrays.texts([one.kind for one in ordered]),
            "blinds": arrays.plain([one.blind.hex() for one in ordered]),
            "limit": limit,
        }
        found: dict[Contact, set[str]] = defaultdict(set)
        for row in await self._conn.execute(_SHARERS, asked):
            found[Contact(row.kind, bytes.fromhex(row.blind))].add(row.customer_id)
        return found

    async def links(self, customers: Collection[str]) -> list[Link]:
        found: dict[str, Link] = {}
        people, more = set(customers), set(customers)
        while more:
            asked = sorted(more)
            rows = await self._links(
                or_(merge.c.alias_id.in_(asked), merge.c.survivor_id.in_(asked))
            )
            found |= {one.alias_id: one for one in rows}
            more = {end for one in rows for end in (one.alias_id, one.survivor_id)} - people
            people |= more
        return list(found.values())

    async def links_by(self, contacts: Collection[Contact]) -> list[Link]:
        blinds = sorted(one.blind for one in contacts)
        return await self._links(merge.c.blind.in_(blinds)) if blinds else []

    async def latest_links(self, limit: int) -> list[Link]:
        wanted = select(merge).where(merge.c.shop_id == self._shop_id)
        rows = await self._conn.execute(wanted.order_by(merge.c.decided_at.desc()).limit(limit))
        return [_link(row) for row in rows]

    async def parted(self, customers: Collection[str]) -> list[tuple[str, str]]:
        asked = sorted(customers)
        rows = await self._conn.execute(
            select(parted.c.first_id, parted.c.second_id).where(
                parted.c.shop_id == self._shop_id,
                or_(parted.c.first_id.in_(asked), parted.c.second_id.in_(asked)),
            )
        )
        return [(row.first_id, row.second_id) for row in rows]

    async def part(self, pair: tuple[str, str], at: datetime) -> None:
        first_id, second_id = sorted(pair)
        row = {"shop_id": self._shop_id, "first_id": first_id, "second_id": second_id, "at": at}
        await self._conn.execute(insert(parted).on_conflict_do_nothing(), row)

    async def unite(self, pairs: Collection[tuple[str, str]]) -> None:
        if pairs:
            key = tuple_(parted.c.first_id, parted.c.second_id)
            await self._conn.execute(
                delete(parted).where(parted.c.shop_id == self._shop_id, key.in_(sorted(pairs)))
            )

    async def add_links(self, links: Collection[Link]) -> None:
        rows = [
            {
                "shop_id": self._shop_id,
                "alias_id": one.alias_id,
                "survivor_id": one.survivor_id,
                "decided_at": one.decided_at,
                "kind": one.contact and one.contact.kind,
                "blind": one.contact and one.contact.blind,
            }
            for one in links
        ]
        if rows:
            await self._conn.execute(insert(merge), rows)

    async def cut_links(self, links: Collection[Link]) -> None:
        if links:
            aliases = sorted(one.alias_id for one in links)
            await self._conn.execute(
                delete(merge).where(merge.c.shop_id == self._shop_id, merge.c.alias_id.in_(aliases))
            )

    async def judge(
        self, doubts: Collection[Contact], clear: Collection[Contact], at: datetime
    ) -> None:
        rows = [
            {"shop_id": self._shop_id, "kind": one.kind, "blind": one.blind, "since": at}
            for one in sorted(doubts)
        ]
        if rows:
            await self._conn.execute(insert(doubtful).on_conflict_do_nothing(), rows)
        if clear:
            ours = and_(
                doubtful.c.shop_id == self._shop_id,
                doubtful.c.blind.in_(sorted(one.blind for one in clear)),
            )
            await self._conn.execute(delete(doubtful).where(ours))

    async def doubts(self, limit: int, most: int) -> list[Doubtful]:
        """Return the newest contacts in doubt, of each at most so many customers."""
        wanted = select(doubtful).where(doubtful.c.shop_id == self._shop_id)
        rows = await self._conn.execute(wanted.order_by(doubtful.c.since.desc()).limit(limit))
        found = {Contact(row.kind, bytes(row.blind)): row.since for row in rows}
        who = await self.sharers(found, most)
        return [Doubtful(one.kind, since, sorted(who.get(one, ()))) for one, since in found.items()]

    async def note_matched(
        self, done: Collection[str], again: Collection[str], erased_ones: Collection[str]
    ) -> None:
        for customers, is_matched in ((done, True), (again, False)):
            if customers:
                asked = {"shop_id": self._shop_id, "customers": arrays.texts(sorted(customers))}
                await self._conn.execute(_MATCHED, {**asked, "is_matched": is_matched})
        if erased_ones:
            await self._conn.execute(
                delete(gone).where(self._of(gone.c.customer_id, erased_ones, gone.c.shop_id))
            )

    async def announce(self, news: Iterable[CustomersMerged | CustomersUnmerged]) -> None:
        await self._put(encoded_records(news, self._partitions, self._at))

    async def _links(self, which: ColumnElement[bool]) -> list[Link]:
        wanted: Select[Any] = select(merge).where(merge.c.shop_id == self._shop_id, which)
        return [_link(row) for row in await self._conn.execute(wanted)]

    def _of(
        self, column: ColumnElement[str], customers: Collection[str], shop: ColumnElement[str]
    ) -> ColumnElement[bool]:
        return and_(shop == self._shop_id, column.in_(sorted(customers)))


async def due(conn: AsyncConnection, limit: int) -> tuple[list[Who], list[Who]]:
    """Return who is to be looked at, and who was erased while part of a merge."""
    rows = (await conn.execute(_DUE, {"limit": limit})).all()
    people = [(row.shop_id, row.customer_id) for row in rows if not row.is_gone]
    return people, [(row.shop_id, row.customer_id) for row in rows if row.is_gone]


def _link(row: Row[Any]) -> Link:
    contact = None if row.blind is None else Contact(row.kind, bytes(row.blind))
    return Link(row.alias_id, row.survivor_id, row.decided_at, contact)
