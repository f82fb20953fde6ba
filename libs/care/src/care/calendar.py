"""Days as a shop lives them: calendar days and times of day of a zone, as instants and back.

Not every time of day exists on every day, and some exist twice: summer time and changed date
lines move clocks. A time that a gap swallows means the instant when the gap ends; one that
happens twice means the first.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)
_MIDNIGHT = time(0)


class UnknownZone(ValueError):
    """A text that names no zone of the IANA database."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the zone called *name*, the same object each time."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError, TypeError) as error:
        # zoneinfo also lets folders, missing files and bad characters through as they come
        raise UnknownZone(f"no such time zone: {name!r}") from error


def day_of(instant: datetime, zone_name: str) -> date:
    return instant.astimezone(zone(zone_name)).date()


def day_of_us(instant_us: int, where: ZoneInfo) -> date:
    """`day_of` for UTC microseconds since 1970, in a zone at hand."""
    return datetime.fromtimestamp(instant_us // 1_000_000, where).date()


class Days:
    """`day_of` for many instants of one zone, most of them near the one before."""

    __slots__ = ("_day", "_from", "_until", "zone")

    def __init__(self, zone_name: str) -> None:
        self.zone = zone_name
        self._from = self._until = datetime.max.replace(tzinfo=UTC)
        self._day = date.max

    def of(self, instant: datetime) -> date:
        if not self._from <= instant < self._until:
            day = self._day = day_of(instant, self.zone)
            self._from = start_of_day(day, self.zone)
            self._until = start_of_day(day + _DAY, self.zone)
            # Where clocks go back over midnight, a day comes in two pieces.
            where = zone(self.zone)
            before, after = (at.astimezone(where) for at in (self._from - _DAY, self._until + _DAY))
            if before.utcoffset() != after.utcoffset():
                self._until = self._from
        return self._day


def start_of_day(day: date, zone_name: str) -> datetime:
    """Return the first instant of *day*, UTC; of a day that was skipped, that of the next."""
    return at_wall(day, _MIDNIGHT, zone_name)


def next_day(day: date, zone_name: str) -> date:
    """Return the day after *day*; Samoa had no 30th of December 2011."""
    return day_of(start_of_day(day + _DAY, zone_name), zone_name)


def at_wall(day: date, at: time, zone_name: str) -> datetime:
    """Return the instant, UTC, at which clocks in *zone_name* first show *at* on *day*."""
    return instants_of(datetime.combine(day, at), zone(zone_name))[0]


def instants_of(wall: datetime, where: ZoneInfo) -> tuple[datetime, ...]:
    """Return the instants at which clocks *where* show the naive *wall*: one, or two in order.

    A *wall* inside a gap gives the instant when the gap ends.
    """
    first = wall.replace(tzinfo=where, fold=0)
    second = wall.replace(tzinfo=where, fold=1)
    a, b = first.astimezone(UTC), second.astimezone(UTC)
    if a == b:
        return (a,)
    if a < b:
        return (a, b)
    # In a gap the offset before it leads beyond the gap, the one after it to before the gap.
    return (transition(b, a, where),)


def transition(before: datetime, after: datetime, where: ZoneInfo) -> datetime:
    """Return the second in (*before*, *after*] from which the offset of *after* holds.

    Exact when the offset changes once between the two.
    """
    old = before.astimezone(where).utcoffset()
    low = before.replace(microsecond=0)
    high = after.replace(microsecond=0)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(where).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high
