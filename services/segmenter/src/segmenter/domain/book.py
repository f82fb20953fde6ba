"""A customer's purchases by day, as sums: one purchase more or less needs no look at the others."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import date, timedelta

from segmenter.domain.rfm import DaySum, Purchase, Rfm, Tally, recency


class Book:
    """What days add up to. It grows with days, at most 365 a year, not with orders.

    Args:
        sums: Of one customer, each of a day of its own.
    """

    def __init__(self, sums: Iterable[DaySum] = ()) -> None:
        self._sums = {one.day: one for one in sums}
        self._days = sorted(self._sums)
        self._frequency, self._monetary_minor = self._total(0, len(self._days))

    def put(self, purchase: Purchase) -> None:
        self._change(purchase.day, 1, purchase.net_minor)

    def take(self, purchase: Purchase) -> None:
        """Take a purchase away; where its day has none, another transaction did, and wins."""
        if purchase.day in self._sums:
            self._change(purchase.day, -1, -purchase.net_minor)

    def days_until(self, as_of: date) -> int:
        """Return on how many days there was a purchase, *as_of* included."""
        return bisect_right(self._days, as_of)

    def tally(self, as_of: date) -> Tally:
        """Add up what was paid until the end of *as_of*; later days only set `next_day`."""
        days = self._days
        end = bisect_right(days, as_of)
        coming = days[end] if end < len(days) else None
        if not end:
            return Tally(next_day=coming)
        frequency, monetary_minor = self._total(end, len(days))  # few days, if any, lie ahead
        return Tally(
            self._frequency - frequency,
            self._monetary_minor - monetary_minor,
            days[0],
            days[end - 1],
            coming,
        )

    def measure(self, as_of: date, window_days: int | None = None) -> Rfm:
        """Return R, F and M at the end of *as_of*.

        Args:
            as_of: The last day that counts.
            window_days: Only that many days count, *as_of* included; the whole life when None.
        """
        days = self._days
        begin = 0
        if window_days is not None:
            begin = bisect_left(days, as_of - timedelta(days=window_days - 1))
        end = bisect_right(days, as_of)
        frequency, monetary_minor = self._total(begin, end)
        last_day = days[end - 1] if end > begin else None
        return Rfm(recency(last_day, as_of), frequency, monetary_minor)

    def _total(self, begin: int, end: int) -> tuple[int, int]:
        within = [self._sums[day] for day in self._days[begin:end]]
        return sum(one.orders for one in within), sum(one.net_minor for one in within)

    def _change(self, day: date, orders: int, net_minor: int) -> None:
        self._frequency += orders
        self._monetary_minor += net_minor
        held = self._sums.get(day)
        if held is None:
            insort(self._days, day)
            held = DaySum(day, 0, 0)
        now = DaySum(day, held.orders + orders, held.net_minor + net_minor)
        if now.orders > 0:
            self._sums[day] = now
        else:
            del self._sums[day]
            del self._days[bisect_left(self._days, day)]
