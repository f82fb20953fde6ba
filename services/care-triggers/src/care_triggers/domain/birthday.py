"""Wish a happy birthday (生日关怀): solar or lunar, once a year, on the shop's day."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

from care.calendar import at_wall, day_of, start_of_day
from care_triggers.domain.course import Course, Instance, Step, Tell, note, pursue, stop
from care_triggers.domain.lunar import lunar_day
from care_triggers.domain.rule import Rule
from care_triggers.domain.values import Due, Idle, Person, Send, Start
from contracts.events import Birthday, DecisionResult, Shop

KIND: Final = "birthday"
UNLESS: Final[tuple[str, ...]] = ()
VARIABLES: Final[tuple[str, ...]] = ()
DEFAULT_AT: Final = time(9, 30)
APART: Final = timedelta(days=300)  # a corrected date brings no second greeting before


def birthday_key(birthday: Birthday) -> str:
    """Return how a day of birth is found: never by the year."""
    calendar = ("L" if birthday.leap_month else "l") if birthday.lunar else "s"
    return f"{calendar}{birthday.month:02}{birthday.day:02}"


def keys_on(day: date) -> list[str]:
    """Return the keys of everybody whose birthday is celebrated on *day*."""
    keys = [f"s{day.month:02}{day.day:02}"]
    if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).month == 3:
        keys.append("s0229")
    lunar = lunar_day(day)
    if lunar is None:
        return keys
    days = [lunar.day, 30] if lunar.day == lunar.month_days == 29 else [lunar.day]
    born = ["L"] if lunar.leap else ["l"]
    if not lunar.leap and lunar.leap_month != lunar.month:
        born.append("L")  # this year has no such leap month
    return keys + [f"{calendar}{lunar.month:02}{one:02}" for calendar in born for one in days]


def greeting(person: Person, rule: Rule, shop: Shop, now: datetime) -> Start | None:
    """Return the greeting of today or tomorrow, in the shop's days.

    Tomorrow too: a birthday learnt a moment before midnight must not fall between the daily pass
    and the day.
    """
    if person.birthday is None or person.erased:
        return None
    key = birthday_key(person.birthday)
    today = day_of(now, shop.zone)
    for day in (today, today + timedelta(days=1)):
        if key in keys_on(day):
            due_at = at_wall(day, rule.at or DEFAULT_AT, shop.zone)
            ends_at = start_of_day(day + timedelta(days=1), shop.zone)
            once_key = f"{person.customer_id}:{_year(person.birthday, day)}"
            return Start(once_key, due_at, ends_at, day)
    return None


def follow(
    instance: Instance, step: Step | None, person: Person, shop: Shop, now: datetime
) -> Course:
    """Bring the greeting in line with the day of birth as it is known now."""
    start = greeting(person, instance.rule, shop, now)
    if step is not None and step.status == "waiting" and not _still(step, person):
        stopped, effects = stop(instance, step, "changed", now)
        again, more = follow(instance, stopped, person, shop, now)
        return again, effects + more
    if start is None:
        return step, []
    if step is None or step.once_key == start.once_key:
        return pursue(instance, step, start, now)
    if step.status in ("planned", "recalled") and _near(step, start):
        repeated = replace(step, once_key=start.once_key, due_at=start.due_at)
        told = note(instance, repeated, DecisionResult.SKIPPED, "repeat", now)
        return step, [Tell(told)]
    return pursue(instance, None, start, now)


def on_due(due: Due) -> Send:
    return Send(due.timer.expires_at)


def wish_at_due(due: Due) -> Start | Idle:
    """Idle: the day of birth was corrected meanwhile."""
    timer = due.timer
    birthday = due.person.birthday
    if birthday is None or timer.day is None or birthday_key(birthday) not in keys_on(timer.day):
        return Idle()
    return Start(timer.once_key, timer.due_at, timer.expires_at, timer.day)


def _still(step: Step, person: Person) -> bool:
    if person.birthday is None or person.erased or step.day is None:
        return False
    return birthday_key(person.birthday) in keys_on(step.day)


def _near(step: Step, start: Start) -> bool:
    return step.day is not None and start.day is not None and abs(start.day - step.day) < APART


def _year(birthday: Birthday, day: date) -> str:
    lunar = lunar_day(day) if birthday.lunar else None
    return str(day.year) if lunar is None else f"L{lunar.year}"
