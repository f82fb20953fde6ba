"""RFM of order facts as a batch: DuckDB over all that was told so far, no code of the product's.

What stands in features.md section 3, over facts: of a field the highest version counts, of payments
the earliest, of cancelling and restoring the latest of both.
"""

from collections.abc import Iterable

from contracts.events import OrderFacts
from support.batch_rfm import Batch

_TABLES = """
create table fact (
  order_id text, version bigint, who text, paid_at timestamptz, cancelled_at timestamptz,
  restored_at timestamptz, currency text, total bigint, is_test boolean);
create table refund (
  order_id text, refund_id text, version bigint, amount bigint, agreed_at timestamptz,
  withdrawn_at timestamptz);
create table shop (zone text, currency text);
drop table bought;
create view merged as
  select order_id, arg_max(who, version) as who, min(paid_at) as paid_at,
         max(cancelled_at) as cancelled_at, max(restored_at) as restored_at,
         arg_max(currency, version) filter (currency is not null) as currency,
         arg_max(total, version) filter (total is not null) as total,
         arg_max(is_test, version) filter (is_test is not null) as is_test
  from fact group by order_id;
create view claim as
  select order_id, refund_id, max(agreed_at) as agreed_at, max(withdrawn_at) as withdrawn_at,
         arg_max(amount, version) filter (amount is not null) as amount
  from refund group by order_id, refund_id;
create view taken as
  select order_id, sum(amount) as amount from claim
  where agreed_at is not null and (withdrawn_at is null or agreed_at >= withdrawn_at)
  group by order_id;
create view bought as
  select order_id, who, timezone(shop.zone, paid_at)::date as day,
         total - coalesce(taken.amount, 0) as minor
  from merged join shop using (currency) left join taken using (order_id)
  where paid_at is not null and not coalesce(is_test, false)
    and (cancelled_at is null or coalesce(restored_at >= cancelled_at, false));
"""


class FactsBatch(Batch):
    """One shop's. What is told again, or later than others, says the same."""

    def __init__(self, zone: str, currency: str) -> None:
        super().__init__([])
        self._db.execute("set timezone = 'UTC'")
        self._db.execute(_TABLES)
        self._db.execute("insert into shop values (?, ?)", [zone, currency])

    def tell(self, facts: Iterable[OrderFacts]) -> None:
        rows, refunds = [], []
        for fact in facts:
            rows.append(
                [
                    *(fact.order_id, fact.version_us, fact.customer_id, fact.paid_at),
                    *(fact.cancelled_at, fact.restored_at, fact.currency, fact.total_minor),
                    fact.is_test,
                ]
            )
            refunds += [
                [
                    *(fact.order_id, one.refund_id, one.version_us, one.amount_minor),
                    *(one.agreed_at, one.withdrawn_at),
                ]
                for one in fact.refunds
            ]
        for table, values in (("fact", rows), ("refund", refunds)):
            if values:
                marks = ", ".join("?" * len(values[0]))
                self._db.executemany(f"insert into {table} values ({marks})", values)  # noqa: S608 - ours

    def move(self, zone: str) -> None:
        """Count the shop's days in another zone from now on, those before too."""
        self._db.execute("update shop set zone = ?", [zone])

    def known(self) -> set[str]:
        """Return everybody whom a fact names."""
        return {who for (who,) in self._db.execute("select distinct who from fact").fetchall()}
