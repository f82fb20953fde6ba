"""Figures of a folder in the Olist layout as a batch: DuckDB over the files, no code of ours.

As the published figures have it: orders that were not canceled or unavailable and that some money
was paid for; a day is the purchase's; a window of N days ends with the day itself; overdue on a
day is what was shipped by then, not delivered by then, and expected before it.
"""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from support.batch_rfm import Rfm

FILES = ("orders", "order_items", "order_payments", "order_reviews", "customers")


class OlistBatch:
    def __init__(self, folder: Path) -> None:
        self._db = duckdb.connect()
        for name in FILES:
            path = folder / f"olist_{name}_dataset.csv"
            self._db.execute(
                f"create table {name} as"  # noqa: S608 - ours
                " select * from read_csv(?, all_varchar = true, header = true)",
                [str(path)],
            )
        self._db.execute(
            """
            create view wanted as select order_id, customer_unique_id as who,
              order_purchase_timestamp::timestamp::date as bought,
              order_delivered_carrier_date::timestamp::date as shipped,
              order_delivered_customer_date::timestamp::date as delivered,
              order_estimated_delivery_date::timestamp::date as expected
            from orders join customers using (customer_id)
            where order_status not in ('canceled', 'unavailable')"""
        )
        self._db.execute(
            """
            create view paid as select order_id, sum(payment_value::decimal(12, 2)) as money
            from order_payments group by 1 having money > 0"""
        )

    def rfm(self, as_of: date, window_days: int | None) -> dict[str, Rfm]:
        rows = self.rows(
            """
            select who, ?::date - max(bought), count(*), (sum(money) * 100)::bigint
            from wanted join paid using (order_id)
            where bought <= ?::date and (? is null or bought > ?::date - ?::int) group by 1""",
            *(as_of, as_of, window_days, as_of, window_days or 0),
        )
        return {who: (recency, count, money) for who, recency, count, money in rows}

    def overdue(self, day: date) -> list[str]:
        """Return the orders whose parcel is overdue."""
        return self.ids(
            """
            select order_id from wanted where shipped <= $1 and expected < $1
            and (delivered is null or delivered > $1)""",
            day,
        )

    def late(self) -> list[str]:
        """Return the orders whose parcel was delivered on a day after the expected one."""
        return self.ids("select order_id from wanted where delivered > expected")

    def reviewed(self, most_stars: int) -> list[str]:
        """Return the orders with so few stars, once for each review."""
        return self.ids(
            "select order_id from order_reviews where review_score::int <= ?", most_stars
        )

    def ids(self, query: str, *values: Any) -> list[str]:
        return sorted(row[0] for row in self.rows(query, *values))

    def count(self, what: str) -> int:
        [[number]] = self.rows(f"select count(*) from {what}")  # noqa: S608 - ours
        return int(number)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._db.execute(query, list(values)).fetchall()
