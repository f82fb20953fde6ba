"""F32: a wish on the day, solar or lunar, once a year."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from lunar_python import Lunar, Solar  # type: ignore[import-untyped]  # no stubs

from care_triggers.domain import birthday
from care_triggers.domain.course import DropTimer, Instance, PutTimer, Step, Tell
from care_triggers.domain.kinds import decide
from care_triggers.domain.lunar import lunar_day
from care_triggers.domain.values import Drop, Person, Send
from contracts.events import Birthday, DecisionResult, Shop

Make = Callable[..., Any]
NOON = datetime(2026, 5, 12, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
BORN = Birthday(5, 12)


def born(day: Birthday | None = BORN, **known: Any) -> Person:
    return Person("ann", birthday=day, **known)


@pytest.fixture
def greet(rule: Make, shop: Shop) -> Make:
    def call(step: Step | None, person: Person, now: datetime = NOON, **more: Any) -> Any:
        instance = Instance("tea", "ann", rule("birthday", **more))
        return birthday.follow(instance, step, person, shop, now)

    return call


def test_the_wish_is_due_at_half_past_nine_of_the_shops_day(greet: Make) -> None:
    step, effects = greet(None, born())

    (put,) = effects
    assert isinstance(put, PutTimer)
    assert put.timer.due_at == datetime(2026, 5, 12, 1, 30, tzinfo=UTC)
    assert put.timer.expires_at == datetime(2026, 5, 12, 16, 0, tzinfo=UTC)
    assert step.once_key == "ann:2026"
    assert greet(step, born()) == (step, [])


def test_a_rule_can_choose_its_hour(greet: Make) -> None:
    _, effects = greet(None, born(), at=time(11, 0))

    assert effects[0].timer.due_at == datetime(2026, 5, 12, 3, 0, tzinfo=UTC)


def test_tomorrows_birthday_is_planned_today_and_the_day_after_is_not(greet: Make) -> None:
    assert greet(None, born(Birthday(5, 13)))[0].day == date(2026, 5, 13)
    assert greet(None, born(Birthday(5, 14))) == (None, [])
    assert greet(None, born(None)) == (None, [])
    assert greet(None, born(erased=True)) == (None, [])


@pytest.mark.parametrize(
    ("day", "year", "key"),
    [
        (date(2027, 2, 28), 2027, True),
        (date(2028, 2, 28), 2028, False),
        (date(2028, 2, 29), 2028, True),
    ],
)
def test_born_on_29_february_is_wished_on_the_28th_of_other_years(
    day: date, year: int, key: bool
) -> None:
    assert ("s0229" in birthday.keys_on(day)) is key


def test_next_year_is_another_wish(greet: Make) -> None:
    step, _ = greet(None, born())
    planned = Step("planned", 1, step.once_key, step.due_at, step.day)

    again, effects = greet(planned, born(), NOON + timedelta(days=365))

    assert again.once_key == "ann:2027"
    assert len(effects) == 1


def test_a_corrected_date_moves_the_wish_that_waits(greet: Make) -> None:
    step, _ = greet(None, born())

    moved, effects = greet(step, born(Birthday(5, 13)))

    assert [type(effect) for effect in effects] == [DropTimer, PutTimer]
    assert moved.day == date(2026, 5, 13)
    gone, effects = greet(step, born(None))
    assert gone.status == "cancelled"
    assert effects[0].note.decision.reason == "changed"


def test_a_corrected_date_brings_no_second_wish_within_300_days(greet: Make) -> None:
    wished = Step("planned", 1, "ann:2025", NOON - timedelta(days=200), date(2025, 10, 24))

    step, effects = greet(wished, born())

    assert step == wished
    (told,) = effects
    assert isinstance(told, Tell)
    assert (told.note.decision.result, told.note.decision.reason) == (
        DecisionResult.SKIPPED,
        "repeat",
    )


def test_a_wish_that_was_skipped_long_ago_stands_in_no_ones_way(greet: Make) -> None:
    skipped = Step("skipped", 1, "ann:2025", NOON - timedelta(days=200), date(2025, 10, 24))

    assert greet(skipped, born())[0].once_key == "ann:2026"


def test_it_is_judged_again_when_it_falls_due(due: Make, t0: datetime) -> None:
    day = date(2026, 5, 12)

    assert isinstance(decide(due("birthday", person=born(), day=day), t0), Send)
    for person, at in ((born(Birthday(6, 1)), day), (born(None), day), (born(), None)):
        verdict = decide(due("birthday", person=person, day=at), t0)
        assert verdict == Drop("changed", DecisionResult.CANCELLED)


def test_a_step_without_a_day_is_no_wish_that_still_holds(greet: Make) -> None:
    odd = Step("waiting", 1, "ann:2026", NOON, None)

    assert greet(odd, born())[0].day == date(2026, 5, 12)


def test_the_lunar_year_is_the_key_so_a_solar_year_may_hold_two() -> None:
    last = Birthday(12, 1, lunar=True)
    key = birthday.birthday_key(last)

    days = [
        day
        for day in (date(2016, 1, 1) + timedelta(days=n) for n in range(731))
        if key in birthday.keys_on(day)
    ]

    assert days == [date(2016, 1, 10), date(2016, 12, 29)]


def test_a_lunar_wish_is_once_a_lunar_year(greet: Make) -> None:
    now = datetime(2016, 1, 10, 4, 0, tzinfo=UTC)

    step, _ = greet(None, born(Birthday(12, 1, lunar=True)), now)

    assert step.once_key == "ann:L2015"


def test_a_leap_month_birthday_is_kept_in_the_plain_month_of_other_years() -> None:
    leap, plain = Birthday(2, 10, lunar=True, leap_month=True), Birthday(2, 10, lunar=True)

    def days(one: Birthday, year: int) -> list[date]:
        key = birthday.birthday_key(one)
        year_of = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
        return [day for day in year_of if key in birthday.keys_on(day)]

    # 2023 has a second 2nd month, 2022 has not.
    assert days(leap, 2023) == [date(2023, 3, 31)]
    assert days(plain, 2023) == [date(2023, 3, 1)]
    assert days(leap, 2022) == days(plain, 2022) == [date(2022, 3, 12)]


def test_lunar_day_30_is_kept_on_day_29_of_a_short_month() -> None:
    short = next(
        day
        for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(365))
        if (found := lunar_day(day)) and found.day == found.month_days == 29
    )
    found = lunar_day(short)

    assert found is not None
    assert f"l{found.month:02}30" in birthday.keys_on(short)
    assert f"l{found.month:02}30" not in birthday.keys_on(short - timedelta(days=1))


def test_the_table_equals_the_library_that_it_was_made_with() -> None:
    for n in range(0, 365 * 199, 3989):
        day = date(1901, 3, 1) + timedelta(days=n)
        there: Lunar = Solar.fromYmd(day.year, day.month, day.day).getLunar()
        found = lunar_day(day)
        assert found is not None
        month = -found.month if found.leap else found.month
        assert (found.year, month, found.day) == (
            there.getYear(),
            there.getMonth(),
            there.getDay(),
        ), day


def test_days_outside_of_the_table_have_no_lunar_birthdays() -> None:
    assert lunar_day(date(1900, 6, 1)) is None
    assert birthday.keys_on(date(2101, 6, 1)) == ["s0601"]
