"""What notifier reads: messages, profiles, shops, rules. Each batch is one transaction."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import Tombstone, Unreadable, decode, split_key
from contracts.events import (
    CustomerProfile,
    MessagePlanned,
    MessageRecalled,
    Rule,
    Shop,
    Watermark,
)
from notifier.app.enqueue import enqueue
from notifier.app.note_contact import CustomerKey, note_contacts
from notifier.domain.message import from_plan
from notifier.edges.store import PostgresStore
from notifier.edges.vault import Vault
from plumbing.absence import Absence
from plumbing.clock import business_now
from plumbing.consume import NotReady
from plumbing.dead_letters import Dead, park, sift
from plumbing.records import Record

log = logging.getLogger(__name__)


@dataclass
class _News:
    """The records of messages.v1 by what they say."""

    plans: list[tuple[Record, MessagePlanned]] = field(default_factory=list)
    recalls: list[MessageRecalled] = field(default_factory=list)
    marks: dict[int, datetime] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Consumer:
    grp: str
    vault: Vault
    partitions: int
    absence: Absence = field(default_factory=Absence)  # shops that we wait for

    async def on_messages(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read, dead = sift(records, _decode, Unreadable)
        news = _sorted_out(read)
        store = self._store(conn)
        lost = await self._without_shop(store, news.plans)
        await self._park(conn, [*dead, *lost])
        strays = {letter.record.offset for letter in lost}
        plans = [
            from_plan(planned, record.part)
            for record, planned in news.plans
            if record.offset not in strays
        ]
        await enqueue(store, plans, news.recalls, await business_now(conn))
        # Last: what the watermark vouches for is stored before it is believed.
        await store.note_watermarks(news.marks)

    async def on_customers(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read, dead = sift(records, _decode, Unreadable)
        await self._park(conn, dead)
        profiles: dict[CustomerKey, CustomerProfile] = {}
        erased: set[CustomerKey] = set()
        for _, event in read:
            if isinstance(event, Tombstone):
                erased.add(split_key(event.key))
            elif isinstance(event, CustomerProfile):
                who = (event.shop_id, event.customer_id)
                if who not in profiles or profiles[who].revision < event.revision:
                    profiles[who] = event
        await note_contacts(self._store(conn), profiles, erased, await business_now(conn))

    async def on_shops(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read, dead = sift(records, _decode, Unreadable)
        await self._park(conn, dead)
        await self._store(conn).put_shops([event for _, event in read if isinstance(event, Shop)])

    async def on_rules(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read, dead = sift(records, _decode, Unreadable)
        await self._park(conn, dead)
        await self._store(conn).put_rules([event for _, event in read if isinstance(event, Rule)])

    async def _without_shop(
        self,
        store: PostgresStore,
        plans: Sequence[tuple[Record, MessagePlanned]],
    ) -> list[Dead]:
        """Return the plans of shops that nobody announced; wait for a shop that may be on its way.

        Raises:
            NotReady: A shop may still be announced.
        """
        unknown = await store.unknown_shops({planned.shop_id for _, planned in plans})
        lost = [record for record, planned in plans if planned.shop_id in unknown]
        if not lost:
            return []
        if not self.absence.gives_up(unknown):
            raise NotReady("unknown shop")
        return [Dead(record, "unknown shop") for record in lost]

    async def _park(self, conn: AsyncConnection, dead: Sequence[Dead]) -> None:
        if dead:
            log.warning("records parked", extra={"topic": dead[0].record.topic, "n": len(dead)})
        await park(conn, self.grp, dead, sealer=self.vault.sealer)

    def _store(self, conn: AsyncConnection) -> PostgresStore:
        return PostgresStore(conn, self.vault, self.partitions)


def _decode(record: Record) -> Any:
    return decode(record.headers, record.value, record.key)


def _sorted_out(read: Sequence[tuple[Record, Any]]) -> _News:
    """Decisions travel here too; they are reporting's."""
    news = _News()
    for record, event in read:
        match event:
            case MessagePlanned():
                news.plans.append((record, event))
            case MessageRecalled():
                news.recalls.append(event)
            case Watermark(at):
                news.marks[record.part] = max(at, news.marks.get(record.part, at))
            case _:
                pass
    return news
