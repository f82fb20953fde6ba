"""The encrypted registry of people: profiles, review texts, and who was erased."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Select, delete, select, text, tuple_, union
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import customer_key
from contracts.events import CustomerProfile, ReviewFacts
from contracts.topics import CUSTOMER_FACTS
from ingest.app.note_customer import Who
from ingest.domain.facts import Fact
from ingest.domain.profile import Profile, from_document, to_document
from ingest.domain.push import ABOUT_CUSTOMERS
from ingest.edges.store import encoded_records, tombstone_record
from ingest.edges.tables import (
    contact_point,
    edited,
    erased,
    gone,
    import_reject,
    ingest_spool,
    merge,
    plumbing,
    profile,
    rejected_push,
    review_text,
)
from plumbing import arrays, outbox
from plumbing.crashpoint import crashpoint
from plumbing.records import OutRecord
from plumbing.seal import Sealer
from plumbing.upsert import upsert

# Locked one by one in sorted order: the order of the keys decides, not the planner.
LOCKED = text(
    """
    select p.shop_id, p.customer_id, p.revision, p.sealed
    from profile p
    join unnest(cast(cast(:shops as text) as text[]), cast(cast(:customers as text) as text[]))
         as asked(shop_id, customer_id)
      on p.shop_id = asked.shop_id and p.customer_id = asked.customer_id
    order by p.shop_id collate "C", p.customer_id collate "C"
    for update of p
    """
)
# In the order of the arrays, which are sorted: two batches lock alike.
_MADE = text(
    """
    insert into profile (shop_id, customer_id, revision)
    select shop_id, customer_id, 0
    from unnest(cast(cast(:shops as text) as text[]), cast(cast(:customers as text) as text[]))
         as asked(shop_id, customer_id)
    on conflict do nothing
    """
)
_SAVED = text(
    """
    update profile p set revision = new.revision, sealed = decode(new.sealed, 'hex'),
                         is_matched = p.is_matched and not new.to_match
    from unnest(cast(cast(:shops as text) as text[]), cast(cast(:customers as text) as text[]),
                cast(cast(:revisions as text) as bigint[]), cast(cast(:sealed as text) as text[]),
                cast(cast(:to_match as text) as bool[]))
         as new(shop_id, customer_id, revision, sealed, to_match)
    where p.shop_id = new.shop_id and p.customer_id = new.customer_id
    """
)
_ERASED = text(
    """
    select e.shop_id, e.customer_hash from erased e
    join unnest(cast(cast(:shops as text) as text[]), cast(cast(:hashes as text) as text[]))
         as asked(shop_id, customer_hash)
      on e.shop_id = asked.shop_id and e.customer_hash = decode(asked.customer_hash, 'hex')
    """
)
EMPTY: Final = Profile()


class PeopleStore:
    """One open transaction over the registry of people."""

    def __init__(
        self, conn: AsyncConnection, sealer: Sealer, partitions: int, at: datetime
    ) -> None:
        self._conn = conn
        self._sealer = sealer
        self._partitions = partitions
        self._at = at

    async def lock_profiles(self, people: Collection[Who]) -> Mapping[Who, tuple[int, Profile]]:
        """Lock a row for each, made when there was none: two batches meet on it, or on nothing."""
        ordered = sorted(people)
        if not ordered:
            return {}
        asked = {
            "shops": arrays.texts([shop_id for shop_id, _ in ordered]),
            "customers": arrays.texts([customer_id for _, customer_id in ordered]),
        }
        await self._conn.execute(_MADE, asked)
        found = await self._conn.execute(LOCKED, asked)
        known: dict[Who, tuple[int, Profile]] = dict.fromkeys(ordered, (0, EMPTY))
        for shop_id, customer_id, revision, sealed in found:
            who = (shop_id, customer_id)
            known[who] = (revision, self._opened(who, sealed))
        return known

    async def erased(self, people: Collection[Who]) -> set[Who]:
        hashes = {(who[0], self._hash(who)): who for who in people}
        if not hashes:
            return set()
        asked = {
            "shops": arrays.texts([shop_id for shop_id, _ in hashes]),
            "hashes": arrays.plain([blind.hex() for _, blind in hashes]),
        }
        found = await self._conn.execute(_ERASED, asked)
        return {hashes[row.shop_id, bytes(row.customer_hash)] for row in found}

    async def save_profiles(
        self, profiles: Mapping[Who, tuple[int, Profile]], *, to_match: Collection[Who]
    ) -> None:
        """Write profiles whose rows are locked."""
        if profiles:
            columns = {
                "shops": arrays.texts([shop_id for shop_id, _ in profiles]),
                "customers": arrays.texts([customer_id for _, customer_id in profiles]),
                "revisions": arrays.plain([revision for revision, _ in profiles.values()]),
                "to_match": arrays.plain([who in to_match for who in profiles]),
                "sealed": arrays.plain(
                    [
                        self._sealer.seal(_packed(merged), _context(who)).hex()
                        for who, (_, merged) in profiles.items()
                    ]
                ),
            }
            await self._conn.execute(_SAVED, columns)
            crashpoint("after-merge")

    async def forget(self, people: Mapping[Who, datetime]) -> None:
        if not people:
            return
        rows = [
            {"shop_id": who[0], "customer_hash": self._hash(who), "erased_at": at}
            for who, at in sorted(people.items())
        ]
        await self._conn.execute(insert(erased).on_conflict_do_nothing(), rows)
        whom = sorted(people)
        keys = [customer_key(*who) for who in whom]
        letters = plumbing.dead_letter
        for statement in (
            delete(profile).where(tuple_(profile.c.shop_id, profile.c.customer_id).in_(whom)),
            insert(gone)
            .from_select(["shop_id", "customer_id"], _merged_of(whom))
            .on_conflict_do_nothing(),
            delete(contact_point).where(
                tuple_(contact_point.c.shop_id, contact_point.c.customer_id).in_(whom)
            ),
            delete(edited).where(tuple_(edited.c.shop_id, edited.c.customer_id).in_(whom)),
            delete(review_text).where(
                tuple_(review_text.c.shop_id, review_text.c.customer_id).in_(whom)
            ),
            delete(ingest_spool).where(
                ingest_spool.c.topic == CUSTOMER_FACTS, ingest_spool.c.key.in_(keys)
            ),
            delete(rejected_push).where(
                tuple_(rejected_push.c.shop_id, rejected_push.c.subject).in_(whom),
                rejected_push.c.task.in_(ABOUT_CUSTOMERS),
            ),
            delete(letters).where(letters.c.topic == CUSTOMER_FACTS, letters.c.key.in_(keys)),
            delete(import_reject).where(
                tuple_(import_reject.c.shop_id, import_reject.c.customer_hash).in_(
                    [(who[0], self._hash(who)) for who in whom]
                )
            ),
        ):
            await self._conn.execute(statement)

    async def drop_empty(self, people: Collection[Who]) -> None:
        """Delete the rows that were made only to be locked."""
        if people:
            key = tuple_(profile.c.shop_id, profile.c.customer_id)
            await self._conn.execute(
                delete(profile).where(key.in_(sorted(people)), profile.c.sealed.is_(None))
            )

    async def send_profiles(self, profiles: Sequence[CustomerProfile]) -> None:
        await self._put(encoded_records(profiles, self._partitions, self._at))

    async def send_tombstones(self, people: Collection[Who]) -> None:
        keys = [customer_key(*who) for who in sorted(people)]
        await self._put([tombstone_record(key, self._partitions, self._at) for key in keys])

    async def keep_texts(self, texts: Collection[tuple[Fact, str]]) -> None:
        """Store review texts; of two for one review, the newer version's."""
        rows = [
            {
                "shop_id": fact.shop_id,
                "review_id": fact.review_id,
                "customer_id": fact.customer_id,
                "version_us": fact.version_us,
                "sealed": self._sealer.seal(
                    words.encode(), b"review:" + customer_key(fact.shop_id, fact.review_id)
                ),
            }
            for fact, words in texts
            if isinstance(fact, ReviewFacts)
        ]
        await upsert(self._conn, review_text, rows, newer="version_us")

    async def _put(self, records: Sequence[OutRecord]) -> None:
        if records:
            await outbox.put(self._conn, records)

    def _opened(self, who: Who, sealed: bytes | None) -> Profile:
        if sealed is None:
            return EMPTY
        return from_document(orjson.loads(self._sealer.unseal(sealed, _context(who))))

    def _hash(self, who: Who) -> bytes:
        return blind_of(self._sealer, who)


def _merged_of(whom: Collection[Who]) -> Select[Any]:
    """Return who of them is part of a merge."""
    both = (
        select(merge.c.shop_id, one.label("customer_id")).where(
            tuple_(merge.c.shop_id, one).in_(whom)
        )
        for one in (merge.c.alias_id, merge.c.survivor_id)
    )
    named = union(*both).subquery()
    return select(named.c.shop_id, named.c.customer_id)


def blind_of(sealer: Sealer, who: Who) -> bytes:
    """Return what finds a person where no id may stand."""
    return sealer.blind_index(f"erased:{who[0]}:{who[1]}")


def _packed(profile: Profile) -> bytes:
    """Return a stable document: equal profiles give equal bytes."""
    return orjson.dumps(to_document(profile), option=orjson.OPT_SORT_KEYS)


def _context(who: Who) -> bytes:
    return b"profile:" + customer_key(*who)
