"""What the routes of levels and points take and answer. Money is in minor units, if not told."""

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from segmenter.app.settle_points import Entry
from segmenter.domain.levels import Level, Levels
from web.bodies import Strict, refused

LevelId = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[a-z0-9-]+$")]
RequestId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="chosen by the caller: the same id again is the same request",
    ),
]
Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reason = Annotated[Line, Field(description="stays in the ledger for ever: name nobody")]
Points = Annotated[int, Field(ge=1, le=1_000_000_000)]


class LevelBody(Strict):
    level_id: LevelId
    name_zh: Annotated[Line, Field(max_length=20)]
    name_en: Annotated[Line, Field(max_length=40)]
    spend: int = Field(
        ge=0, le=10**12, description="net, of 365 days, in whole units of the shop's currency"
    )
    activity: int = Field(
        ge=0, le=10**6, description="of 365 days: an order 10, a review 3, a day with a login 1"
    )
    rights: list[Line] = Field(default_factory=list, max_length=20)

    @classmethod
    def of(cls, level: Level) -> Self:
        return cls(
            level_id=level.level_id,
            name_zh=level.name_zh,
            name_en=level.name_en,
            spend=level.spend,
            activity=level.activity,
            rights=list(level.rights),
        )

    def level(self) -> Level:
        return Level(
            *(self.level_id, self.name_zh, self.name_en, self.spend, self.activity),
            tuple(self.rights),
        )


class LevelsBody(Strict):
    """The levels of a shop, the lowest first: it asks for nothing, and each next one for more."""

    levels: list[LevelBody] = Field(min_length=1, max_length=10)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first = self.levels[0]
        if first.spend or first.activity:
            raise refused("not_the_lowest", "levels", hint="the first level asks for 0 and 0")
        if len({one.level_id for one in self.levels}) < len(self.levels):
            raise refused("repeated", "levels", hint="each level_id once")
        for lower, higher in zip(self.levels, self.levels[1:], strict=False):
            wants = (lower.spend, lower.activity), (higher.spend, higher.activity)
            if (
                wants[0] == wants[1]
                or higher.spend < lower.spend
                or higher.activity < lower.activity
            ):
                raise refused(
                    "not_higher", "levels", hint="each level asks for more than the one before"
                )
        return self

    @classmethod
    def of(cls, levels: Levels) -> Self:
        return cls(levels=[LevelBody.of(one) for one in levels])


class ManualBody(Strict):
    level_id: LevelId
    until: date = Field(description="the last day, in the shop's zone")
    reason: Line


class SpendBody(Strict):
    spend_id: RequestId
    points: Points
    reason: Reason | None = None


class AdjustBody(Strict):
    adjust_id: RequestId
    points: int = Field(ge=-1_000_000_000, le=1_000_000_000, description="below 0: taken")
    reason: Reason


class SurveyBody(Strict):
    survey_id: RequestId


class ManualAnswer(BaseModel):
    level_id: str
    until: date
    reason: str


class NextAnswer(BaseModel):
    level_id: str
    missing_minor: int = Field(description="net spend that is missing")
    missing_activity: int


class MembershipAnswer(BaseModel):
    shop_id: str
    customer_id: str
    level: LevelBody
    since: date
    joined_on: date
    manual: ManualAnswer | None = Field(description="a level set by hand; it shows")
    ordinary_level_id: str = Field(description="what would show without it")
    currency: str
    spend_minor: int = Field(description="net, of 365 days, today included")
    activity: int
    orders: int
    reviews: int
    login_days: int
    next: NextAnswer | None = Field(description="null: it is the highest")
    goes_down_on: date | None = Field(description="unless it is earned again; told 30 days before")
    points: int


class EntryAnswer(BaseModel):
    entry_id: str
    number: int
    points: int
    balance: int = Field(description="after this entry")
    cause: str = Field(
        description="order_earned, order_taken_back, order_moved, review_earned,"
        " review_taken_back, review_moved, survey, spent, adjusted or expired"
    )
    source: str = Field(description="the order, review, or id of the request")
    reason: str
    expires_on: date | None = Field(description="the last day of points that were earned")
    at: datetime

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(
            **{name: getattr(entry, name) for name in cls.model_fields},
        )


class EndingAnswer(BaseModel):
    points: int
    on: date = Field(description="their last day")


class PointsAnswer(BaseModel):
    balance: int = Field(description="below 0 only by what a refund took back")
    entries: list[EntryAnswer] = Field(description="the newest first")
    expires_next: EndingAnswer | None
    cursor: str | None = Field(description="where the next page begins; null: this is the last")
