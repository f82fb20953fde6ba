"""What notifier keeps of others: plans, recalls, contacts, shops, rules, watermarks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import RowMapping, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from contracts.events import CustomerProfile, DeliveryState, MessageRecalled, Rule, Shop
from notifier.app.note_contact import CustomerKey
from notifier.domain.message import Message
from notifier.edges.message_rows import COLUMNS, MessageRows, message_of
from notifier.edges.tables import contact, erased, message, recall, rule, shop, watermark
from plumbing.crashpoint import crashpoint
from plumbing.upsert import upsert

_RELEASE: Final = text(
    """
    update message set next_at = clock.business_now()
    where message_id in (
      select message_id from message
      where state = 'planned' and reason = 'freshness' and part = any(:parts)
        and next_at > clock.business_now()
      for update skip locked)
    """
)


class PostgresStore(MessageRows):
    """The store of the consumer's use cases; the send path's is `send_store.SendStore`."""

    async def note_recalls(self, recalls: Sequence[MessageRecalled]) -> None:
        if not recalls:
            return
        by_id = {one.message_id: one for one in recalls}
        rows = [
            {"message_id": message_id, "shop_id": one.shop_id, "reason": one.reason}
            for message_id, one in sorted(by_id.items())
        ]
        await self._conn.execute(insert(recall).on_conflict_do_nothing(), rows)

    async def lock_recalled(self, message_ids: Sequence[str]) -> Mapping[str, tuple[Message, str]]:
        crashpoint("after-merge")
        found = await self._conn.execute(
            select(*COLUMNS, recall.c.reason.label("recalled"))
            .join(recall, recall.c.message_id == message.c.message_id)
            .where(
                message.c.message_id == func.any(list(message_ids)),
                message.c.state == DeliveryState.PLANNED.value,
            )
            .order_by(message.c.message_id)
            .with_for_update(of=message)
        )
        rows = found.mappings().all()
        return {row["message_id"]: (message_of(row), row["recalled"]) for row in rows}

    async def erased_among(self, customers: Collection[CustomerKey]) -> set[CustomerKey]:
        hashes = {(who[0], self._vault.customer_hash(*who)): who for who in customers}
        if not hashes:
            return set()
        found = await self._conn.execute(
            select(erased.c.shop_id, erased.c.customer_hash).where(
                tuple_(erased.c.shop_id, erased.c.customer_hash).in_(list(hashes))
            )
        )
        return {hashes[shop_id, bytes(digest)] for shop_id, digest in found}

    async def put_contacts(self, profiles: Sequence[CustomerProfile]) -> set[CustomerKey]:
        rows = {(one.shop_id, one.customer_id): self._vault.contact_row(one) for one in profiles}
        if not rows:
            return set()
        known = await self._lock_contacts(rows)
        newer = [
            row
            for who, row in sorted(rows.items())
            if who not in known or row["revision"] > known[who]["revision"]
        ]
        await upsert(self._conn, contact, newer)
        crashpoint("after-merge")
        return {
            (row["shop_id"], row["customer_id"])
            for row in newer
            if _moved(row, known.get((row["shop_id"], row["customer_id"])))
        }

    async def erase(self, customers: Collection[CustomerKey], at: datetime) -> None:
        for shop_id, customer_id in sorted(customers):  # few: people ask for it one by one
            await self._conn.execute(
                delete(contact).where(
                    contact.c.shop_id == shop_id, contact.c.customer_id == customer_id
                )
            )
            digest = self._vault.customer_hash(shop_id, customer_id)
            row = {"shop_id": shop_id, "customer_hash": digest, "at": at}
            await self._conn.execute(insert(erased).values(row).on_conflict_do_nothing())

    async def judge_again(self, customers: Collection[CustomerKey]) -> None:
        pending = [one.message_id for one in await self.lock_pending(customers)]
        if pending:
            now = func.clock.business_now()
            await self._conn.execute(
                update(message)
                .where(message.c.message_id == func.any(pending))
                .values(next_at=func.least(message.c.next_at, now))
            )

    async def put_shops(self, shops: Sequence[Shop]) -> None:
        names = [column.name for column in shop.columns]
        rows = [{name: getattr(one, name) for name in names} for one in shops]
        await upsert(self._conn, shop, rows, newer="revision")

    async def put_rules(self, rules: Sequence[Rule]) -> None:
        rows = [
            {
                "shop_id": one.shop_id,
                "rule_id": one.rule_id,
                "version": one.version,
                "quiet_exempt": one.quiet_exempt,
                "texts": [asdict(words) for words in one.texts],
            }
            for one in rules
        ]
        if rows:
            await self._conn.execute(insert(rule).on_conflict_do_nothing(), rows)

    async def known_shops(self, shop_ids: Collection[str]) -> set[str]:
        wanted = select(shop.c.shop_id).where(shop.c.shop_id == func.any(sorted(shop_ids)))
        return set(await self._conn.scalars(wanted))

    async def note_watermarks(self, marks: Mapping[int, datetime]) -> None:
        """Raise the watermarks by part, and let messages be judged again that waited for them."""
        if not marks:
            return
        put = insert(watermark)
        highest = func.greatest(watermark.c.at, put.excluded.at)
        await self._conn.execute(
            put.on_conflict_do_update(constraint=watermark.primary_key, set_={"at": highest}),
            [{"part": part, "at": at} for part, at in sorted(marks.items())],
        )
        await self._conn.execute(_RELEASE, {"parts": sorted(marks)})

    async def _lock_contacts(
        self, customers: Collection[CustomerKey]
    ) -> dict[CustomerKey, RowMapping]:
        found = await self._conn.execute(
            select(
                contact.c.shop_id,
                contact.c.customer_id,
                contact.c.revision,
                contact.c.phone_hash,
                contact.c.email_hash,
            )
            .where(tuple_(contact.c.shop_id, contact.c.customer_id).in_(sorted(customers)))
            .order_by(contact.c.shop_id, contact.c.customer_id)
            .with_for_update()
        )
        return {(row["shop_id"], row["customer_id"]): row for row in found.mappings()}


def _moved(new: Mapping[str, Any], old: RowMapping | None) -> bool:
    names = ("phone_hash", "email_hash")
    return any(new[name] is not None and (old is None or old[name] != new[name]) for name in names)
