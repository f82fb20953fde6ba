"""SQL of shops and of the versions of their rules."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Date, and_, bindparam, cast, func, insert, or_, select, update

from care_triggers.domain.rule import Rule, rule_from_json, rule_to_json
from care_triggers.domain.rulebook import Pending, Rulebook
from care_triggers.edges.rows import Rows, shop_from_json, shop_to_json, timer_of
from care_triggers.edges.tables import planned_message, rule_version, shop, timer
from contracts.events import Shop
from plumbing.upsert import upsert

# A version that was replaced longer ago has neither a timer nor a message that could end.
RUNS_FOR: Final = timedelta(days=90)

ENDED: Final = (
    "suppressed",
    "expired",
    "sent",
    "unknown",
    "closed_unknown",
    "delivered",
    "failed",
)

recallable = and_(
    planned_message.c.recalled_at.is_(None),
    or_(planned_message.c.state.is_(None), planned_message.c.state.not_in(ENDED)),
)


class RuleRows(Rows):
    async def shops(self, shops: Collection[str]) -> dict[str, Shop]:
        query = select(shop.c.shop_id, shop.c.body).where(shop.c.shop_id.in_(sorted(shops)))
        rows = await self._conn.execute(query)
        return {row.shop_id: shop_from_json(row.body) for row in rows}

    async def save_shops(self, shops: Sequence[Shop]) -> None:
        """Keep the newest revision of each, and hold its row to the transaction's end."""
        rows = [
            {
                "shop_id": one.shop_id,
                "revision": one.revision,
                "zone": one.zone,
                "body": shop_to_json(one),
                "cursor": "",
            }
            for one in shops
        ]
        await upsert(self._conn, shop, rows, newer="revision", keep=["cursor"])

    async def lock_shops(self, shops: Collection[str]) -> None:
        query = select(shop.c.shop_id).where(shop.c.shop_id.in_(sorted(shops)))
        await self._conn.execute(query.order_by(shop.c.shop_id).with_for_update())

    async def take_unruled_shops(self, rules_hash: str, limit: int) -> list[str]:
        """Lock shops that were not given the rule file of *rules_hash* yet."""
        query = (
            select(shop.c.shop_id)
            .where(shop.c.rules_hash.is_distinct_from(rules_hash))
            .order_by(shop.c.shop_id)
            .limit(limit)
            .with_for_update()
        )
        return list((await self._conn.execute(query)).scalars())

    async def mark_ruled(self, shops: Collection[str], rules_hash: str) -> None:
        where = shop.c.shop_id.in_(sorted(shops))
        await self._conn.execute(update(shop).where(where).values(rules_hash=rules_hash))

    async def rules(self, shops: Collection[str]) -> Rulebook:
        query = select(rule_version).where(
            rule_version.c.shop_id.in_(sorted(shops)),
            or_(
                rule_version.c.until.is_(None),
                rule_version.c.until > func.clock.business_now() - RUNS_FOR,
            ),
        )
        current: dict[tuple[str, str], Rule] = {}
        versions: dict[tuple[str, str, int], Rule] = {}
        for row in await self._conn.execute(query):
            rule = rule_from_json(row.body, row.version)
            versions[row.shop_id, row.rule_id, row.version] = rule
            if row.until is None:
                current[row.shop_id, row.rule_id] = rule
        return Rulebook(current, versions)

    async def save_rules(self, versions: Sequence[tuple[str, Rule]], now: datetime) -> None:
        """End the current versions and begin these."""
        if not versions:
            return
        end = (
            update(rule_version)
            .where(rule_version.c.shop_id == bindparam("of_shop"))
            .where(rule_version.c.rule_id == bindparam("of_rule"))
            .where(rule_version.c.until.is_(None))
            .values(until=now)
        )
        await self._conn.execute(
            end, [{"of_shop": shop_id, "of_rule": rule.rule_id} for shop_id, rule in versions]
        )
        await self._conn.execute(
            insert(rule_version),
            [
                {
                    "shop_id": shop_id,
                    "rule_id": rule.rule_id,
                    "version": rule.version,
                    "is_on": rule.on,
                    "body": rule_to_json(rule),
                    "since": now,
                }
                for shop_id, rule in versions
            ],
        )

    async def pending_switched_off(self, limit: int) -> Pending:
        off = and_(rule_version.c.until.is_(None), rule_version.c.is_on.is_(False))
        waiting = (
            select(timer)
            .join(rule_version, _same_rule(timer))
            .where(off)
            .order_by(timer.c.key)
            .limit(limit)
            .with_for_update(of=timer, skip_locked=True)
        )
        planned = (
            select(planned_message, planned_message.c.message_id.label("key"))
            .join(rule_version, _same_rule(planned_message))
            .where(off, recallable)
            .where(planned_message.c.expires_at > func.clock.business_now())
            .order_by(planned_message.c.message_id)
            .limit(limit)
            .with_for_update(of=planned_message, skip_locked=True)
        )
        return Pending(
            [timer_of(row) for row in await self._conn.execute(waiting)],
            [timer_of(row) for row in await self._conn.execute(planned)],
        )

    async def take_shop(self, now: datetime) -> tuple[Shop, date, str] | None:
        """Lock a shop whose local day is ahead of the day that its birthdays are planned for."""
        today = cast(func.timezone(shop.c.zone, bindparam("now", now)), Date)
        query = (
            select(shop.c.body, shop.c.cursor_day, shop.c.cursor, today.label("today"))
            .where(or_(shop.c.planned_day.is_(None), shop.c.planned_day < today))
            .order_by(shop.c.shop_id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        row = (await self._conn.execute(query)).one_or_none()
        if row is None:
            return None
        return (
            shop_from_json(row.body),
            row.today,
            row.cursor if row.cursor_day == row.today else "",
        )

    async def save_progress(self, shop_id: str, day: date, cursor: str, *, done: bool) -> None:
        values: dict[str, Any] = {"cursor_day": day, "cursor": cursor}
        if done:
            values["planned_day"] = day
        await self._conn.execute(update(shop).where(shop.c.shop_id == shop_id).values(**values))


def _same_rule(table: Any) -> Any:
    return and_(
        rule_version.c.shop_id == table.c.shop_id, rule_version.c.rule_id == table.c.rule_id
    )
