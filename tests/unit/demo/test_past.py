"""A past is cut so that each rule decides on what was known at its minute."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from demo.house import Failed
from demo.olist import ZONE, Fact, Told
from demo.past import LONGEST, Course, past, plan

FIRST, LAST = date(2018, 5, 2), date(2018, 5, 3)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2018, 5, day, hour, minute, tzinfo=ZONE)


def order(name: str, when: datetime) -> Told:
    return Told(when, {"kind": "order", "order_id": name, "at": when})


def cut(*told: Told) -> Course:
    return plan(sorted(told, key=lambda one: one.at), FIRST, LAST)


def places(course: Course) -> dict[str, list[tuple[str, datetime]]]:
    """Return what is told where, by name and instant."""

    def named(some: list[Fact]) -> list[tuple[str, datetime]]:
        return [(fact["order_id"], fact["at"]) for fact in some]

    found = {"before": named(list(course.before)), "after": named(list(course.after))}
    for stop in course.stops:
        found[f"{stop.at:%d %H:%M}"] = named(list(stop.first))
        found[f"{stop.at:%d %H:%M} then"] = named(list(stop.then))
    return {name: some for name, some in found.items() if some}


def test_the_clock_stops_just_before_texts_may_go_out_and_may_not_any_more() -> None:
    course = cut(order("a", at(2, 12)))

    assert course.begins == at(1, 20, 55)
    assert [one.at for one in course.stops] == [
        at(2, 8, 55),
        at(2, 20, 55),
        at(3, 8, 55),
        at(3, 20, 55),
    ]
    assert course.ends > course.stops[-1].at + timedelta(days=2)


@pytest.mark.parametrize(
    ("placed", "paid", "told"),
    [
        (at(1, 8), at(1, 20), {"before": [0, 1]}),
        (at(1, 8), at(2, 7), {"before": [0], "02 08:55 then": [1]}),
        (at(1, 20, 40), at(1, 20, 50), {"02 08:55": [0, 1]}),
        (at(2, 12), at(2, 12, 30), {"02 20:55": [0, 1]}),
        (at(2, 12), at(2, 12, 31), {"02 20:55": [0], "02 20:55 then": [1]}),
        (at(2, 8, 20), at(2, 12), {"02 08:55": [0], "02 20:55 then": [1]}),
        (at(2, 8, 50), at(2, 9, 10), {"02 20:55": [0, 1]}),
        (at(2, 8, 50), at(2, 9, 30), {"02 20:55": [0], "02 20:55 then": [1]}),
        (at(3, 20, 25), at(3, 20, 56), {"03 20:55": [0], "after": [1]}),
        (at(3, 20, 26), at(3, 20, 27), {"after": [0, 1]}),
    ],
)
def test_a_payment_is_told_with_its_order_if_it_came_before_the_reminder_else_after_it(
    placed: datetime, paid: datetime, told: dict[str, list[int]]
) -> None:
    instants = (placed, paid)

    found = places(cut(order("a", placed), order("a", paid)))

    assert found == {name: [("a", instants[one]) for one in some] for name, some in told.items()}


def test_what_happens_to_one_order_holds_no_other_back() -> None:
    found = places(cut(order("a", at(2, 12)), order("b", at(2, 12, 40)), order("a", at(2, 13))))

    assert found == {
        "02 20:55": [("a", at(2, 12)), ("b", at(2, 12, 40))],
        "02 20:55 then": [("a", at(2, 13))],
    }


@pytest.mark.parametrize("days", [0, LONGEST + 1])
def test_a_number_of_days_that_cannot_be_is_refused(tmp_path: Path, days: int) -> None:
    with pytest.raises(Failed, match=f"--days {days}: expected 1 to 400"):
        past(tmp_path, days)
