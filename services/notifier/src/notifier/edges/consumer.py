"""What notifier reads: messages, profiles, shops, rules. Each batch is one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

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
from notifier.domain.message import Message, from_plan
from notifier.edges.store import PostgresStore
from notifier.edges.vault import Vault
from plumbing.absence import Absence
from plumbing.clock import business_now
from plumbing.records import Record
from plumbing.sieve import Read, Sieve


@dataclass
class _News:
    """The records of messages.v1 by what they say."""

    plans: list[Message] = field(default_factory=list)
    recalls: list[MessageRecalled] = field(default_factory=list)
    marks: dict[int, datetime] = field(default_factory=dict)


class Consumer:
    """The handlers of one consumer group.

    Args:
        grp: The group.
        vault: Opens and seals what is personal, dead letters too.
        partitions: Of the customer-keyed topics.
        absence: How long plans wait for their shop.
    """

    def __init__(self, grp: str, vault: Vault, partitions: int, absence: Absence) -> None:
        self._vault = vault
        self._partitions = partitions
        self._sieve = Sieve(
            grp=grp,
            decode=decode,
            unreadable=Unreadable,
            sealer=vault.sealer,
            owner="shop",
            absence=absence,
        )

    async def on_messages(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        store = self._store(conn)
        news = _sorted_out(await self._sieve.read(conn, records, known=store.known_shops))
        await enqueue(store, news.plans, news.recalls, await business_now(conn))
        # Last: what the watermark vouches for is stored before it is believed.
        await store.note_watermarks(news.marks)

    async def on_customers(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        profiles: dict[CustomerKey, CustomerProfile] = {}
        erased: set[CustomerKey] = set()
        for _, event in await self._sieve.read(conn, records):
            if isinstance(event, Tombstone):
                erased.add(split_key(event.key))
            elif isinstance(event, CustomerProfile):
                who = (event.shop_id, event.customer_id)
                if who not in profiles or profiles[who].revision < event.revision:
                    profiles[who] = event
        await note_contacts(self._store(conn), profiles, erased, await business_now(conn))

    async def on_shops(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read = await self._sieve.read(conn, records)
        await self._store(conn).put_shops([event for _, event in read if isinstance(event, Shop)])

    async def on_rules(self, conn: AsyncConnection, records: Sequence[Record]) -> None:
        read = await self._sieve.read(conn, records)
        await self._store(conn).put_rules([event for _, event in read if isinstance(event, Rule)])

    def _store(self, conn: AsyncConnection) -> PostgresStore:
        return PostgresStore(conn, self._vault, self._partitions)


def _sorted_out(read: Read) -> _News:
    """Decisions travel here too; they are reporting's."""
    news = _News()
    for record, event in read:
        match event:
            case MessagePlanned():
                news.plans.append(from_plan(event, record.part))
            case MessageRecalled():
                news.recalls.append(event)
            case Watermark(at):
                news.marks[record.part] = max(at, news.marks.get(record.part, at))
            case _:
                pass
    return news
