"""The gate's statements: draw, lock, read, claim."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, text, update
from sqlalchemy.dialects import postgresql

from care.calendar import day_of
from contracts.codec import customer_key
from contracts.events import Channel, DeliveryState, MessageClass, Purpose, Text
from notifier.app.deliver import Ref
from notifier.domain.caps import COUNTED, LONGEST_DAYS
from notifier.domain.message import Case, DayCount, Message, Receiver, Rule, Shop
from notifier.domain.verdict import Draft
from notifier.edges import tables as t
from notifier.edges.message_rows import COLUMNS, MessageRows, message_of
from plumbing.dead_letters import open_letter_keys

FRESH_FOR: Final = timedelta(seconds=1)

_DUE: Final = text(
    """
    select shop_id, customer_id, message_id from message
    where state = 'planned' and next_at <= clock.business_now()
      and not message_id = any(:busy)
    order by priority desc, due_at, message_id
    limit :room
    """
)
# business_clock(), not business_now(): a lock may have been waited for since the transaction began.
_AROUND: Final = text(
    """
    select s.*, r.quiet_exempt, r.texts, recall.reason as recalled,
           exists (select from erased e
                   where e.shop_id = s.shop_id and e.customer_hash = :customer_hash) as erased,
           clock_timestamp() - w.at as watermark_age,
           clock.business_clock() as now
    from shop s
    left join lateral (
      select quiet_exempt, texts from rule
      where rule.shop_id = s.shop_id and rule_id = :rule_id and version >= :rule_version
      order by version limit 1) r on true
    left join recall on recall.message_id = :message_id
    left join watermark w on w.part = :part
    where s.shop_id = :shop_id
    """
)
_COUNT: Final = postgresql.insert(t.cap_count).values(n=1)


class GateStore(MessageRows):
    """Bound to one open transaction."""

    async def due(self, room: int, busy: Sequence[str]) -> list[Ref]:
        found = await self._conn.execute(_DUE, {"room": room, "busy": list(busy)})
        return [Ref(*row) for row in found]

    async def load(self, ref: Ref) -> Case | None:
        """Lock the receiver, then the message; then read, so that what is read is newer."""
        who = await self._lock_contact(ref)
        one = await self._lock_due(ref)
        if one is None:
            return None
        if who is None and await self._contact_came(ref):
            return None  # a moment ago: the next draw meets it, and locks it first
        around = await self._read_around(one)
        if around is None:
            return None
        now: datetime = around["now"]
        return Case(
            message=one,
            shop=_shop(around),
            rule=_rule(around),
            receiver=None if who is None else await self._receiver(who),
            erased=around["erased"],
            recalled=around["recalled"],
            fresh=await self._is_fresh(one, around["watermark_age"]),
            sent=await self._sent(one, day_of(now, around["zone"])),
            now=now,
        )

    async def was_said(self, message: Message, draft: Draft, day: date) -> bool:
        found = await self._conn.scalar(
            select(t.said.c.message_id).where(*self._same(message, draft, day))
        )
        return found is not None and found != message.message_id

    async def reserve(self, message: Message, draft: Draft, day: date) -> bool:
        if message.message_class not in COUNTED:
            return True
        put = postgresql.insert(t.said).values(
            shop_id=message.shop_id,
            address_hash=self._vault.address_hash(draft.channel, draft.address),
            day=day,
            text_hash=self._vault.text_hash(draft.text),
            message_id=message.message_id,
        )
        mine = await self._conn.scalar(
            put.on_conflict_do_update(
                constraint=t.said.primary_key,
                set_={"message_id": put.excluded.message_id},
                where=t.said.c.message_id == put.excluded.message_id,
            ).returning(t.said.c.message_id)
        )
        if mine is None:
            return False
        key = {
            "shop_id": message.shop_id,
            "customer_id": message.customer_id,
            "day": day,
            "message_class": message.message_class.value,
            "channel": draft.channel.value,
        }
        more = {"n": t.cap_count.c.n + 1}
        await self._conn.execute(
            _COUNT.values(**key).on_conflict_do_update(
                constraint=t.cap_count.primary_key, set_=more
            )
        )
        return True

    async def add_attempt(self, message: Message, draft: Draft, day: date) -> None:
        await self._conn.execute(
            insert(t.attempt).values(
                message_id=message.message_id,
                attempt_no=message.attempt_no,
                shop_id=message.shop_id,
                customer_id=message.customer_id,
                message_class=message.message_class.value,
                channel=draft.channel.value,
                gateway=draft.gateway,
                address_hash=self._vault.address_hash(draft.channel, draft.address),
                text_hash=self._vault.text_hash(draft.text),
                day=day,
            )
        )

    async def postpone(self, message: Message) -> None:
        await self._conn.execute(
            update(t.message)
            .where(t.message.c.message_id == message.message_id)
            .values(next_at=message.next_at)
        )

    async def _lock_contact(self, ref: Ref) -> RowMapping | None:
        found = await self._conn.execute(
            select(t.contact).where(*_is_contact(ref)).with_for_update()
        )
        return found.mappings().one_or_none()

    async def _contact_came(self, ref: Ref) -> bool:
        found = await self._conn.scalar(select(t.contact.c.revision).where(*_is_contact(ref)))
        return found is not None

    async def _lock_due(self, ref: Ref) -> Message | None:
        m = t.message.c
        found = await self._conn.execute(
            select(*COLUMNS)
            .where(
                m.message_id == ref.message_id,
                m.state == DeliveryState.PLANNED.value,
                m.next_at <= func.clock.business_clock(),
            )
            .with_for_update(skip_locked=True)
        )
        row = found.mappings().one_or_none()
        return None if row is None else message_of(row)

    async def _read_around(self, message: Message) -> RowMapping | None:
        found = await self._conn.execute(
            _AROUND,
            {
                "shop_id": message.shop_id,
                "rule_id": message.rule_id,
                "rule_version": message.rule_version,
                "message_id": message.message_id,
                "part": message.part,
                "customer_hash": self._vault.customer_hash(message.shop_id, message.customer_id),
            },
        )
        return found.mappings().one_or_none()

    async def _receiver(self, row: RowMapping) -> Receiver:
        hashes = [one for one in (row["phone_hash"], row["email_hash"]) if one is not None]
        found = await self._conn.execute(
            select(t.opt_out.c.channel, t.opt_out.c.purpose).where(
                t.opt_out.c.shop_id == row["shop_id"], t.opt_out.c.address_hash.in_(hashes)
            )
        )
        stopped = frozenset((Channel(channel), Purpose(purpose)) for channel, purpose in found)
        return self._vault.receiver(row, stopped)

    async def _is_fresh(self, message: Message, age: timedelta | None) -> bool:
        if not message.needs_freshness:
            return True
        if age is None or age > FRESH_FOR:
            return False
        key = customer_key(message.shop_id, message.customer_id)
        return not await open_letter_keys(self._conn, [key])

    async def _sent(self, message: Message, today: date) -> tuple[DayCount, ...]:
        if message.message_class not in COUNTED:
            return ()
        c = t.cap_count.c
        found = await self._conn.execute(
            select(c.day, c.message_class, c.channel, c.n).where(
                c.shop_id == message.shop_id,
                c.customer_id == message.customer_id,
                c.day > today - timedelta(days=LONGEST_DAYS),
            )
        )
        return tuple(
            DayCount(day, MessageClass(message_class), Channel(channel), n)
            for day, message_class, channel, n in found
        )

    def _same(self, message: Message, draft: Draft, day: date) -> tuple[ColumnElement[bool], ...]:
        s = t.said.c
        return (
            s.shop_id == message.shop_id,
            s.address_hash == self._vault.address_hash(draft.channel, draft.address),
            s.day == day,
            s.text_hash == self._vault.text_hash(draft.text),
        )


def _is_contact(ref: Ref) -> tuple[ColumnElement[bool], ...]:
    return (t.contact.c.shop_id == ref.shop_id, t.contact.c.customer_id == ref.customer_id)


def _shop(around: RowMapping) -> Shop:
    return Shop(**{field.name: around[field.name] for field in fields(Shop)})


def _rule(around: RowMapping) -> Rule | None:
    if around["texts"] is None:
        return None
    texts = tuple(
        Text(Channel(one["channel"]), one["locale"], one["body"], one["subject"])
        for one in around["texts"]
    )
    return Rule(around["quiet_exempt"], texts)
