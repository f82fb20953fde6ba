"""Points: what an order or a review is worth, and how a ledger only ever grows.

A customer's balance is the sum of the entries. Points that are earned carry the day on which they
end; taking them back carries the same day, so it takes these and no others. All other entries that
take points take the oldest. So what is left of the points that end by a day is what was earned
with such days, less all that was taken, and never below nought: no entry has to be matched.
"""

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from care.calendar import day_of
from segmenter.domain.passes import expiry_day

PRAISE: Final = 20
PRAISED_FROM: Final = 4  # stars
SURVEY: Final = 20
CONFIRMED_AFTER: Final = timedelta(days=7)  # of the signature, where the buyer confirms nothing

ORDER, REVIEW = "order", "review"


class Worth(NamedTuple):
    """What a source of points is worth now, and since when: None for not yet known."""

    points: int
    earned_at: datetime | None


class Source(NamedTuple):
    """An order or a review, and what was given for it so far."""

    customer_id: str
    granted: int = 0
    entries: int = 0  # that it has made
    factor: int = 1
    expires_on: date | None = None
    due_at: datetime | None = None


class Grant(NamedTuple):
    """An entry to be made for a source."""

    customer_id: str
    points: int
    cause: str
    number: int  # among the source's entries
    expires_on: date


class Account(NamedTuple):
    balance: int = 0
    taken: int = 0  # by all entries without a day of their own
    entries: int = 0


def order_worth(
    net_minor: int | None,
    unit_minor: int,
    confirmed_at: datetime | None,
    arrived_at: datetime | None,
) -> Worth:
    """Return what an order is worth: a point for each whole unit of its net money."""
    points = 0 if net_minor is None else net_minor // unit_minor
    told = [at for at in (confirmed_at, _without_word(arrived_at)) if at is not None]
    return Worth(points, min(told, default=None))


def review_worth(score: int | None, reviewed_at: datetime | None) -> Worth:
    return Worth(PRAISE if score is not None and score >= PRAISED_FROM else 0, reviewed_at)


def is_birthday(day: date, month: int | None, of_month: int | None) -> bool:
    """Tell whether somebody born on this day of the solar calendar celebrates on *day*.

    29 February is the 28th in other years.
    """
    if (month, of_month) == (2, 29) and (day + timedelta(days=1)).day == 1:
        return (day.month, day.day) in ((2, 28), (2, 29))
    return (day.month, day.day) == (month, of_month)


def settle(
    source: Source, customer_id: str, worth: Worth, factor: int, *, now: datetime, zone: str
) -> tuple[Source, list[Grant]]:
    """Bring what was given for a source in line with what it is worth.

    Points are given once they are earned, and stay in line from then on. Those that have ended are
    left alone: they were spent or they are gone.

    Args:
        source: As it was left.
        customer_id: Whose it is now.
        worth: By what is known now.
        factor: For the first grant; later ones keep it.
        now: Business time.
        zone: The shop's.
    """
    today = day_of(now, zone)
    if source.granted and _has_ended(source, today):
        return source, []
    grants: list[Grant] = []
    is_moved = source.customer_id != customer_id
    if source.granted and (is_moved or _is_redated(source, worth, zone)):
        factor = source.factor
        source = _granted(source, -source.granted, "moved", grants)
    source = source._replace(customer_id=customer_id)
    if not source.granted:
        source = _begun(source, worth, factor, now, zone)
        if source.due_at is not None or source.expires_on is None or _has_ended(source, today):
            return source, grants
    missing = worth.points * source.factor - source.granted
    if missing:
        source = _granted(source, missing, "earned" if missing > 0 else "taken_back", grants)
    return source, grants


def _without_word(arrived_at: datetime | None) -> datetime | None:
    """Return when an order counts as confirmed though the buyer says nothing."""
    return None if arrived_at is None else arrived_at + CONFIRMED_AFTER


def _is_redated(source: Source, worth: Worth, zone: str) -> bool:
    """Tell whether points were given to another day than they would be now."""
    if worth.earned_at is None:
        return False
    return source.expires_on != expiry_day(day_of(worth.earned_at, zone))


def _begun(source: Source, worth: Worth, factor: int, now: datetime, zone: str) -> Source:
    """Return *source* with the day on which its points will end, or the instant to wait for."""
    if not worth.points or worth.earned_at is None:
        return source._replace(due_at=None, expires_on=None)
    if worth.earned_at > now:
        return source._replace(due_at=worth.earned_at, expires_on=None)
    expires_on = expiry_day(day_of(worth.earned_at, zone))
    return source._replace(due_at=None, expires_on=expires_on, factor=factor)


def _granted(source: Source, points: int, cause: str, grants: list[Grant]) -> Source:
    assert source.expires_on is not None  # noqa: S101 - what was given has a day
    number = source.entries + 1
    grants.append(Grant(source.customer_id, points, cause, number, source.expires_on))
    return source._replace(granted=source.granted + points, entries=number)


def _has_ended(source: Source, today: date) -> bool:
    return source.expires_on is not None and source.expires_on < today


def left_of(earned_by_then: int, taken: int) -> int:
    """Return what is left of the points that end by a day.

    Args:
        earned_by_then: The sum of the entries that carry that day or an earlier one.
        taken: As in `Account`.
    """
    return max(0, earned_by_then - taken)


def book(account: Account, points: int, *, dated: bool) -> Account:
    """Return *account* with an entry more; *dated*: it carries the day on which points end."""
    taken = account.taken - (0 if dated else points)
    return Account(account.balance + points, taken, account.entries + 1)
