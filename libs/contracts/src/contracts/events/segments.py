"""What the segmenter announces: changes only, counted per customer."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Cell(StrEnum):
    """The life-cycle grid: recency by frequency, split by the average order value."""

    NEVER_BOUGHT = "never_bought"
    JUST_BOUGHT = "just_bought"
    NEW_HIGH = "new_high"
    NEW_LOW = "new_low"
    FADING_HIGH = "fading_high"
    FADING_LOW = "fading_low"
    LOYAL_HIGH = "loyal_high"
    LOYAL_LOW = "loyal_low"
    SLEEPING_HIGH = "sleeping_high"
    SLEEPING_LOW = "sleeping_low"
    LOST = "lost"


class ChangeReason(StrEnum):
    EVENT = "event"
    TIME = "time"
    AVERAGE = "average"  # others bought, so the average order value moved at midnight
    MERGE = "merge"


@dataclass(frozen=True, slots=True)
class SegmentChanged:
    shop_id: str
    customer_id: str
    revision: int  # a reader keeps the highest
    as_of: date  # the shop's day
    after: Cell
    reason: ChangeReason
    frequency: int
    monetary_minor: int
    before: Cell | None = None
    recency_days: int | None = None


@dataclass(frozen=True, slots=True)
class LevelChanged:
    shop_id: str
    customer_id: str
    revision: int
    as_of: date
    after: str
    before: str = ""
    kind: str = ""  # joined, level_up, level_down_soon or level_down
    # of level_down_soon: when the level goes down, and the net spend that would keep it
    review_day: date | None = None
    missing_minor: int = 0


@dataclass(frozen=True, slots=True)
class PointsChanged:
    shop_id: str
    customer_id: str
    entry_id: str
    points: int
    balance: int
    cause: str
    number: int = 0  # counts the customer's entries; the balance of the highest is the newest
    # of cause "expiring", which changes nothing: how many points end, and after which day
    expiring: int = 0
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class ChurnChanged:
    shop_id: str
    customer_id: str
    revision: int
    as_of: date
    risk: str


@dataclass(frozen=True, slots=True)
class AudienceChanged:
    shop_id: str
    customer_id: str
    audience_id: str
    revision: int
    as_of: date
    member: bool


@dataclass(frozen=True, slots=True)
class Traits:
    """What reporting may know of a person; empty texts are unknown."""

    shop_id: str
    customer_id: str
    revision: int
    age_band: str = ""
    gender: str = ""
    region: str = ""
