"""Member levels: what somebody has earned, and when that shows.

Up at once, down on the first of a month only, one step, and never unwarned. A level that was set
by hand is what shows until its end day; beneath it the ordinary level goes on as ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, TypeAlias

ORDER_ACTIVITY: Final = 10
REVIEW_ACTIVITY: Final = 3
MOST_LOGIN_ACTIVITY: Final = 30  # a day with a login is one
WINDOW_DAYS: Final = 365
WARNING_DAYS: Final = 30

JOINED: Final = "joined"
UP: Final = "level_up"
DOWN_SOON: Final = "level_down_soon"
DOWN: Final = "level_down"


@dataclass(frozen=True, slots=True)
class Level:
    level_id: str
    name_zh: str
    name_en: str
    spend: int  # whole units of the shop's currency
    activity: int
    rights: tuple[str, ...] = ()


Levels: TypeAlias = Sequence[Level]  # the lowest first; its thresholds are nought

DEFAULT: Final[tuple[Level, ...]] = (
    Level("basic", "普通", "Basic", 0, 0),
    Level("silver", "银卡", "Silver", 500, 10),
    Level("gold", "金卡", "Gold", 2_000, 30),
    Level("diamond", "钻石", "Diamond", 5_000, 60),
)


@dataclass(frozen=True, slots=True)
class Merit:
    """What somebody did in the window that is looked at."""

    spend_minor: int = 0
    orders: int = 0
    reviews: int = 0
    login_days: int = 0

    @property
    def activity(self) -> int:
        logins = min(self.login_days, MOST_LOGIN_ACTIVITY)
        return self.orders * ORDER_ACTIVITY + self.reviews * REVIEW_ACTIVITY + logins


@dataclass(frozen=True, slots=True)
class Manual:
    """A level set by hand, to the end of a day."""

    level_id: str
    until: date
    reason: str
    ends_at: datetime  # the end of that day


@dataclass(frozen=True, slots=True)
class Member:
    level_id: str  # the ordinary level
    since: date  # of the level that shows
    joined_on: date
    revision: int = 0  # events told so far
    warned_for: date | None = None  # the review of which a warning was given
    manual: Manual | None = None

    @property
    def shown(self) -> str:
        return self.level_id if self.manual is None else self.manual.level_id


@dataclass(frozen=True, slots=True)
class Notice:
    """An event: what is told of a member, once for each real change."""

    kind: str
    before: str
    after: str
    revision: int
    as_of: date
    review_day: date | None = None
    missing_minor: int = 0


Outcome: TypeAlias = tuple[Member, Notice | None]


def earned(levels: Levels, merit: Merit, unit_minor: int) -> int:
    """Return the place of the highest level whose two thresholds both hold."""
    return max(
        place
        for place, level in enumerate(levels)
        if place == 0
        or (merit.spend_minor >= level.spend * unit_minor and merit.activity >= level.activity)
    )


def rank(levels: Levels, level_id: str) -> int:
    """Return the place of a level; one that the shop no longer has is the lowest."""
    return next((n for n, level in enumerate(levels) if level.level_id == level_id), 0)


def join(levels: Levels, place: int, on: date) -> Outcome:
    """Make somebody a member, who has earned the level at *place* already."""
    after = levels[place].level_id
    return Member(after, on, on, revision=1), Notice(JOINED, "", after, 1, on)


def climb(levels: Levels, member: Member, place: int, today: date) -> Outcome:
    """Put up a member who has earned the level at *place*; nobody goes down by this."""
    if place <= rank(levels, member.level_id):
        return member, None
    return _shown(levels, member, replace(member, level_id=levels[place].level_id), today)


def review(levels: Levels, member: Member, place: int, on: date) -> Outcome:
    """Judge a member on the first of a month: up as ever, down one step if that was told."""
    held = rank(levels, member.level_id)
    judged = replace(member, warned_for=None) if member.warned_for == on else member
    if place >= held:
        return climb(levels, judged, place, on)
    if member.warned_for != on:
        return member, None
    return _shown(levels, judged, replace(judged, level_id=levels[held - 1].level_id), on)


def warn(
    levels: Levels, member: Member, merit: Merit, unit_minor: int, *, review_day: date, today: date
) -> Outcome:
    """Warn a member who will have earned less on *review_day*, by what is known *today*.

    Args:
        levels: The shop's.
        member: As he is.
        merit: Of the window that *review_day* will look at.
        unit_minor: Minor units of a whole one.
        review_day: The next first of a month that can still be told in time.
        today: When this is told.
    """
    held = rank(levels, member.level_id)
    hidden = member.manual is not None and member.manual.until >= review_day
    if hidden or member.warned_for == review_day or earned(levels, merit, unit_minor) >= held:
        return member, None
    missing_minor = max(0, levels[held].spend * unit_minor - merit.spend_minor)
    warned = replace(member, revision=member.revision + 1, warned_for=review_day)
    return warned, Notice(
        *(DOWN_SOON, member.level_id, member.level_id, warned.revision, today),
        review_day=review_day,
        missing_minor=missing_minor,
    )


def set_manual(levels: Levels, member: Member, manual: Manual | None, today: date) -> Outcome:
    """Set a level by hand, or take that back."""
    return _shown(levels, member, replace(member, manual=manual), today)


def _shown(levels: Levels, before: Member, after: Member, today: date) -> Outcome:
    """Return *after* with what is told of it: something only if another level shows."""
    if after.shown == before.shown:
        return after, None
    kind = UP if rank(levels, after.shown) > rank(levels, before.shown) else DOWN
    told = replace(after, since=today, revision=before.revision + 1)
    return told, Notice(kind, before.shown, after.shown, told.revision, today)
