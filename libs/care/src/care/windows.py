"""When a message may go: a stretch of the day, judged by the receiver's own clocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from care import phones
from care.calendar import UnknownZone, instants_of, transition, zone
from contracts.events import Region

_STEP: Final = timedelta(hours=3)
_AHEAD: Final = timedelta(hours=72)  # holds a skipped day and the whole day after it
_LONGEST: Final = timedelta(days=8)  # zones whose windows have not met by then never meet


@dataclass(frozen=True, slots=True)
class SendWindow:
    """[*opens*, *closes*) of each day, by the clocks of every zone that is asked for."""

    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError(f"a window opens before it closes, not {self.opens}-{self.closes}")

    def is_open(self, instant: datetime, zones: Sequence[str]) -> bool:
        """Return whether it is open in all of *zones* at *instant*."""
        return all(self._open_in(instant, zone(name)) for name in zones)

    def next_opening(self, instant: datetime, zones: Sequence[str]) -> datetime | None:
        """Return the first instant from *instant* on that is open in all of *zones*.

        `None` when their windows never meet.
        """
        places = [zone(name) for name in zones]
        at, last = instant, instant + _LONGEST
        while at <= last:
            later = max((self._change(at, place, is_open=True) for place in places), default=at)
            if later == at:
                return at
            at = later
        return None

    def closing(self, instant: datetime, zones: Sequence[str]) -> datetime:
        """Return the end of the open stretch that holds *instant*; *instant* when it is closed."""
        return min(self._change(instant, zone(name), is_open=False) for name in zones)

    def _open_in(self, instant: datetime, place: ZoneInfo) -> bool:
        return self.opens <= instant.astimezone(place).time() < self.closes

    def _change(self, at: datetime, place: ZoneInfo, *, is_open: bool) -> datetime:
        """Return the first instant from *at* on whose state is *is_open*, in one zone."""
        if self._open_in(at, place) == is_open:
            return at
        edge = self.opens if is_open else self.closes
        # Clocks that jump may open or close a window without showing its edge.
        turns = set(_transitions(at, place))
        today = at.astimezone(place).date()
        for days in range(-1, 4):
            turns.update(instants_of(datetime.combine(today + timedelta(days=days), edge), place))
        return min(turn for turn in turns if turn > at and self._open_in(turn, place) == is_open)


def zones_of_receiver(
    *, own: str | None, region: Region | None, phone: str | None, shop: str
) -> tuple[str, ...]:
    """Return the zones by which a receiver is judged: the first that is known of these.

    The person's *own* zone, the address's country, the country of the *phone* (E.164), the
    *shop*'s zone. A country of several zones gives them all: a message goes when it may
    everywhere. Mainland China lives by one clock.
    """
    if own and _is_zone(own):
        return (own,)
    if region is not None and (zones := zones_of_country(region.country)):
        return zones
    if phone and (country := phones.country_of(phone)) and (zones := zones_of_country(country)):
        return zones
    return (shop,)


def zones_of_country(country: str) -> tuple[str, ...]:
    """Return the zones of an ISO 3166-1 country, none when it is unknown."""
    return _zones_by_country().get(country.upper(), ())


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    table = (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    found: dict[str, tuple[str, ...]] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, name = line.split("\t")[:3]
            found[country] = (*found.get(country, ()), name)
    return found | {"CN": ("Asia/Shanghai",)}


def _is_zone(name: str) -> bool:
    try:
        zone(name)
    except UnknownZone:
        return False
    return True


def _transitions(at: datetime, place: ZoneInfo) -> list[datetime]:
    """Return the instants of the next days at which clocks are moved."""
    found = []
    before = at.astimezone(UTC)
    for step in range(1, _AHEAD // _STEP + 1):
        after = at.astimezone(UTC) + step * _STEP
        if before.astimezone(place).utcoffset() != after.astimezone(place).utcoffset():
            found.append(transition(before, after, place))
        before = after
    return found
