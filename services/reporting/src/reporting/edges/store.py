"""What the consumer writes. Reports are read in `report_store`."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, Table, bindparam, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from care.facts import order_from_json, order_to_json
from contracts.events import Decision, Rule, SegmentChanged, Shop
from plumbing.upsert import upsert
from reporting.app.absorb import Key, KnownOrder, OrderRow
from reporting.domain.messages import MessageState, message_from_json, message_to_json
from reporting.edges.tables import decision, message, order_fact, rule, segment_change, shop

_ORDER_COLUMNS: Final = (
    "customer_id",
    "placed_at",
    "paid_at",
    "counted_in",
    "currency",
    "net_minor",
    "total_minor",
    "refunded_minor",
    "is_unpaid",
    "is_cancelled",
    "fact_ids",
    "state",
)
_MESSAGE_COLUMNS: Final = tuple(
    column.name for column in message.columns if column.name not in ("shop_id", "message_id")
)


class PostgresStore:
    """The rows of all shops, as the worker's role sees them in one open transaction."""

    def __init__(self, conn: AsyncConnection) -> None:
        self._conn = conn

    async def known_shops(self, shop_ids: Collection[str]) -> set[str]:
        wanted = select(shop.c.shop_id).where(shop.c.shop_id.in_(sorted(shop_ids)))
        return set((await self._conn.execute(wanted)).scalars())

    async def lock_orders(self, keys: Collection[Key]) -> Mapping[Key, KnownOrder]:
        known = {key: KnownOrder(None, frozenset()) for key in keys}
        for row in await self._lock(order_fact, "order_id", "state, fact_ids", keys):
            if row.state is not None:
                known[row.shop_id, row.order_id] = KnownOrder(
                    order_from_json(row.state), frozenset(row.fact_ids)
                )
        return known

    async def save_orders(self, rows: Sequence[OrderRow]) -> None:
        await self._save(order_fact, "order_id", _ORDER_COLUMNS, [_order_row(row) for row in rows])

    async def lock_messages(self, keys: Collection[Key]) -> Mapping[Key, MessageState | None]:
        known: dict[Key, MessageState | None] = dict.fromkeys(keys)
        for row in await self._lock(message, "message_id", "registers", keys):
            if row.registers is not None:
                known[row.shop_id, row.message_id] = message_from_json(
                    row.shop_id, row.message_id, row.registers
                )
        return known

    async def save_messages(self, messages: Sequence[MessageState]) -> None:
        rows = [_message_row(one) for one in messages]
        await self._save(message, "message_id", _MESSAGE_COLUMNS, rows)

    async def add_decisions(self, decisions: Sequence[tuple[Decision, datetime]]) -> None:
        rows = [
            {
                "shop_id": one.shop_id,
                "decision_id": one.decision_id,
                "rule_id": one.rule_id,
                "kind": one.kind,
                "result": one.result.value,
                "reason": one.reason,
                "decided_at": at,
            }
            for one, at in decisions
        ]
        await self._add(decision, rows)

    async def add_segment_changes(self, changes: Sequence[SegmentChanged]) -> None:
        rows = [
            {
                "shop_id": one.shop_id,
                "customer_id": one.customer_id,
                "revision": one.revision,
                "as_of": one.as_of,
                "cell": one.after.value,
                "reason": one.reason.value,
            }
            for one in changes
        ]
        await self._add(segment_change, rows)

    async def keep_shops(self, shops: Sequence[Shop]) -> None:
        """Keep each shop's highest revision."""
        names = ("shop_id", "revision", "name", "zone", "currency", "locale")
        rows = [{name: getattr(one, name) for name in names} for one in shops]
        await upsert(self._conn, shop, rows, newer="revision")

    async def keep_rules(self, rules: Sequence[Rule]) -> None:
        """Keep every version; one that is told twice says the same."""
        rows = [
            {
                "shop_id": one.shop_id,
                "rule_id": one.rule_id,
                "version": one.version,
                "kind": one.kind,
                "message_class": one.message_class.value,
                "priority": one.priority,
                "attribution_window_s": one.attribution_window_s,
                "credits_own_order": one.credits_own_order,
                "goal": one.goal,
            }
            for one in rules
        ]
        await self._add(rule, rows)

    async def _lock(
        self, table: Table, id_column: str, columns: str, keys: Collection[Key]
    ) -> list[Row[Any]]:
        """Return the rows of *keys*, locked. Rows that are missing are made, so as to be locked.

        Sorted, so that two batches that meet in the same rows wait for each other, no more.
        """
        if not keys:
            return []
        ordered = sorted(keys)
        given = {"shops": [key[0] for key in ordered], "ids": [key[1] for key in ordered]}
        pairs = f"unnest(cast(:shops as text[]), cast(:ids as text[])) as k (shop_id, {id_column})"
        name = table.name
        await self._conn.execute(
            text(
                f"insert into {name} (shop_id, {id_column}) "  # noqa: S608 - names of our own
                f"select k.shop_id, k.{id_column} from {pairs} "
                f"where not exists (select from {name} t where t.shop_id = k.shop_id"
                f" and t.{id_column} = k.{id_column}) "
                f"order by 1, 2 on conflict do nothing"
            ),
            given,
        )
        chosen = ", ".join(table.c[one.strip()].name for one in columns.split(","))
        found = await self._conn.execute(
            text(
                f"select t.shop_id, t.{id_column}, {chosen} from {name} t "  # noqa: S608 - as above
                f"join {pairs} using (shop_id, {id_column}) order by 1, 2 for update of t"
            ).columns(
                *(table.c[one.strip()] for one in ("shop_id", id_column, *columns.split(",")))
            ),
            given,
        )
        return list(found)

    async def _save(
        self, table: Table, id_column: str, columns: Sequence[str], rows: list[dict[str, Any]]
    ) -> None:
        if rows:
            await self._conn.execute(
                update(table)
                .where(
                    table.c.shop_id == bindparam("b_shop"), table.c[id_column] == bindparam("b_id")
                )
                .values({name: bindparam(f"b_{name}") for name in columns}),
                rows,
            )

    async def _add(self, table: Table, rows: list[dict[str, Any]]) -> None:
        if rows:
            await self._conn.execute(insert(table).on_conflict_do_nothing(), rows)


def _order_row(row: OrderRow) -> dict[str, Any]:
    figures = row.figures
    return {
        "b_shop": row.state.shop_id,
        "b_id": row.state.order_id,
        "b_customer_id": row.state.customer_id,
        "b_placed_at": figures.placed_at,
        "b_paid_at": figures.paid_at,
        "b_counted_in": figures.counted_in,
        "b_currency": figures.currency,
        "b_net_minor": figures.net_minor,
        "b_total_minor": figures.total_minor,
        "b_refunded_minor": figures.refunded_minor,
        "b_is_unpaid": figures.is_unpaid,
        "b_is_cancelled": figures.is_cancelled,
        "b_fact_ids": sorted(row.fact_ids),
        "b_state": order_to_json(row.state),
    }


def _message_row(one: MessageState) -> dict[str, Any]:
    return {
        "b_shop": one.shop_id,
        "b_id": one.message_id,
        "b_customer_id": one.text("customer_id"),
        "b_rule_id": one.text("rule_id"),
        "b_rule_version": one.number("rule_version"),
        "b_kind": one.text("kind"),
        "b_is_marketing": one.is_marketing,
        "b_priority": one.number("priority"),
        "b_order_id": one.text("order_id"),
        "b_channel": one.text("channel"),
        "b_gateway": one.text("gateway"),
        "b_state": one.state.value,
        "b_reason": one.text("reason") or one.text("recalled") or "",
        "b_due_at": one.moment("due_at"),
        "b_sent_at": one.moment("sent_at"),
        "b_pieces": one.pieces,
        "b_price_micros": (one.number("price_micros") or 0) if one.is_billed else 0,
        "b_currency": one.text("currency"),
        "b_registers": message_to_json(one),
    }
