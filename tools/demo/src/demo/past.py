"""A real shop's past: told at once up to its last days, and these lived through, rules and all.

Business time stands in those days while they are lived. Twice a day the shop tells what happened
since, and waits until everything that follows from it is done. So that each rule decides on what
was known at its minute, an order is told once its half hour has passed, with what came within that
half hour; what came later is told after the rules had their turn. Only the minute of a send
differs from what it would have been. Nobody gets a message: the gateways are simulated, and the
files know neither names nor numbers, so these are made up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from demo.api import MAX_BATCH
from demo.house import SERVICES, Failed
from demo.olist import SHOP, ZONE, Fact, History, Told, facts, read
from demo.show import Scene, Stage, Tell, print_grid
from demo.stillness import still

SHOP_ID: Final = "olist"
DAYS: Final = 28
LONGEST: Final = 400  # days that a report may span
WAIT: Final = timedelta(minutes=30)  # the longest that a shipped rule waits
STOPS: Final = (time(8, 55), time(20, 55))  # just before texts may go out, and may not any more
NEWS: Final = timedelta(days=3)  # what is older is no news to any shipped rule
PATIENCE_S: Final = 900.0
SETTINGS: Final = {
    "HUILIU_SPREAD_S": "0",  # what waited for 09:00 leaves at 09:00
    "HUILIU_SMS__CURRENCY": str(SHOP["currency"]),
}
# States that keep other time than the shop's.
ZONES: Final = {
    "AC": "America/Rio_Branco",
    "AM": "America/Manaus",
    "MS": "America/Campo_Grande",
    "MT": "America/Cuiaba",
    "RO": "America/Porto_Velho",
    "RR": "America/Boa_Vista",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """An instant at which the shop tells: what came in time, then what came later."""

    at: datetime
    first: Sequence[Fact]
    then: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Course:
    """The past, cut into what is told at once, what is lived through, and the rest."""

    begins: datetime
    before: Sequence[Fact]
    stops: Sequence[Stop]
    ends: datetime
    after: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the services answered."""

    first_day: date
    last_day: date
    grid: Any
    overdue: Any
    late: Any
    reviews: Sequence[Any]  # with one star, up to two, up to three
    summary: Any


def past(folder: Path, days: int) -> Scene[Seen]:
    """Return the scene; the folder is read now, before anything is started."""
    if not 1 <= days <= LONGEST:
        raise Failed(f"--days {days}: expected 1 to {LONGEST}")
    history = read(folder)
    told = facts(history)
    last_day = history.last_order_day
    first_day = max(last_day - timedelta(days=days - 1), told[0].at.date() + timedelta(days=1))
    course = plan(told, first_day, last_day)
    contacts = list(_contacts(history, told, course))

    async def play(stage: Stage, tell: Tell) -> Seen:
        return await _play(stage, tell, course, contacts, (first_day, last_day))

    return Scene(SHOP_ID, play, _report, course.begins, SETTINGS, (first_day, last_day))


def plan(told: Sequence[Told], first_day: date, last_day: date) -> Course:
    """Cut *told*, which is in order of time: the days from first to last are lived through."""
    begins = datetime.combine(first_day - timedelta(days=1), STOPS[-1], ZONE)
    days = (first_day + timedelta(days=n) for n in range((last_day - first_day).days + 1))
    instants = [datetime.combine(day, stop, ZONE) for day in days for stop in STOPS]
    heard_of: dict[tuple[str, str], datetime] = {}
    before: list[Fact] = []
    after: list[Fact] = []
    waves: list[tuple[list[Fact], list[Fact]]] = [([], []) for _ in instants]
    number = 0
    for ready_at, in_time, fact in sorted(_ready(told, heard_of), key=lambda one: one[0]):
        while number < len(instants) and instants[number] < ready_at:
            number += 1
        if ready_at <= begins:
            before.append(fact)
        elif number == len(instants):
            after.append(fact)
        else:
            waves[number][0 if in_time else 1].append(fact)
    stops = [Stop(at, *wave) for at, wave in zip(instants, waves, strict=True)]
    return Course(begins, before, stops, max(told[-1].at, instants[-1]) + NEWS, after)


def _ready(
    told: Sequence[Told], heard_of: dict[tuple[str, str], datetime]
) -> Iterator[tuple[datetime, bool, Fact]]:
    """Yield when each fact may be told, and whether it came before the rules had their turn."""
    for one in told:
        subject = (one.fact["kind"], one.fact.get("review_id") or one.fact["order_id"])
        turn = heard_of.setdefault(subject, one.at) + WAIT
        yield max(one.at, turn), one.at <= turn, one.fact


def _contacts(history: History, told: Sequence[Told], course: Course) -> Iterator[Fact]:
    """Yield made-up numbers for all who may get a text, so that texts have somewhere to go."""
    begins, ends = course.begins - NEWS, course.stops[-1].at
    people = {one.fact["customer_id"] for one in told if begins <= one.at <= ends}
    state_of = {one.customer_id: one.region["province"] for one in history.orders}
    for number, customer_id in enumerate(sorted(people)):
        yield {
            "kind": "customer",
            "customer_id": customer_id,
            "version": begins.isoformat(),
            "phone": f"+55119{number:08}",
            "zone": ZONES.get(state_of[customer_id], str(ZONE)),
        }


async def _play(
    stage: Stage, tell: Tell, course: Course, contacts: Sequence[Fact], span: tuple[date, date]
) -> Seen:
    number = len(contacts) + len(course.before) + len(course.after)
    number += sum(len(one.first) + len(one.then) for one in course.stops)

    async def push(some: Sequence[Fact], percent: float) -> None:
        for start in range(0, len(some), MAX_BATCH):
            batch = some[start : start + MAX_BATCH]
            await stage.api.say(SHOP_ID, *batch)
            share = percent * len(batch) / len(some)
            tell(f"Olist: {stage.api.events_in:,} of {number:,} facts pushed", share)

    await stage.api.put("ingest", f"/v1/shops/{SHOP_ID}", SHOP)
    await push([*contacts, *course.before], 25)
    tell("Olist: the services work on it")
    await _rest(stage)
    tell("Olist: the last days begin", 5)
    for stop in course.stops:
        await stage.clock.watch.shift_to(stop.at)
        await _rest(stage)
        for wave in (stop.first, stop.then):
            if wave:
                await stage.api.say(SHOP_ID, *wave)
                await _rest(stage)
        tell(f"Olist: the shop's clock: {stop.at:%Y-%m-%d %H:%M}", 35 / len(course.stops))
    summary = await stage.api.get(
        "reporting",
        f"/v1/shops/{SHOP_ID}/reports/summary",
        **{"from": span[0].isoformat(), "until": (span[1] + timedelta(days=1)).isoformat()},
    )
    await stage.clock.watch.shift_to(course.ends)
    await _rest(stage)
    await push(course.after, 5)
    await _rest(stage)
    return await _look(stage, span, summary)


async def _rest(stage: Stage) -> None:
    await still(stage.clock.watch, SERVICES, within_s=PATIENCE_S, owed=stage.clock.owed)


async def _look(stage: Stage, span: tuple[date, date], summary: Any) -> Seen:
    shop = f"/v1/shops/{SHOP_ID}"
    day = span[1].isoformat()

    async def care(path: str, **query: str | int) -> Any:
        return await stage.api.get("care-triggers", f"{shop}/{path}", limit=5, **query)

    return Seen(
        *span,
        grid=await stage.api.get("segmenter", f"{shop}/grid", as_of=day),
        overdue=await care("parcels/overdue", as_of=day),
        late=await care("parcels/late"),
        reviews=[await care("reviews", most_stars=stars) for stars in (1, 2, 3)],
        summary=summary,
    )


def _report(console: Console, stage: Stage, seen: Seen) -> None:
    print_grid(console, "Olist", seen.grid)
    _print_parcels(console, seen)
    _print_reviews(console, seen)
    _print_care(console, stage, seen)


def _print_parcels(console: Console, seen: Seen) -> None:
    table = Table(title=f"Late parcels: {seen.late['total']:,} came after their day")
    table.add_column(f"order; {seen.overdue['total']:,} overdue on {seen.last_day}, the first:")
    table.add_column("expected")
    table.add_column("days late", justify="right")
    for one in seen.overdue["parcels"]:
        table.add_row(one["order_id"], one["estimated_day"], str(one["days_late"]))
    console.print(table)


def _print_reviews(console: Console, seen: Seen) -> None:
    one, two, three = (found["total"] for found in seen.reviews)
    table = Table(
        title=f"Bad reviews: {one:,} with 1 star, {two - one:,} with 2, {three - two:,} with 3",
        caption=f"of all days in the file, also those after {seen.last_day}",
    )
    table.add_column("order, the newest")
    table.add_column("stars", justify="right")
    table.add_column("written")
    for found in seen.reviews[-1]["reviews"]:
        table.add_row(found["order_id"], str(found["rating"]), found["reviewed_at"])
    console.print(table)


def _print_care(console: Console, stage: Stage, seen: Seen) -> None:
    table = Table(
        title=f"What the care rules would have done, {seen.first_day} to {seen.last_day}",
        caption="Real rules over the real past; simulated gateways, made-up numbers. Nobody got a"
        " message, so nothing is said of effects.",
    )
    table.add_column("rule")
    table.add_column("what")
    table.add_column("why")
    table.add_column("times", justify="right")
    for one in seen.summary["decisions"]:
        table.add_row(
            one["kind"], f"decided: {one['result']}", one["reason"], f"{one['decisions']:,}"
        )
    table.add_section()
    for one in seen.summary["messages"]:
        table.add_row(
            one["kind"], f"message: {one['state']}", one["reason"], f"{one['messages']:,}"
        )
    table.add_section()
    effect = seen.summary["effect"]
    cost = f"{effect['cost_micros'] / 1_000_000:,.2f}"
    table.add_row("all", "pieces billed", "", f"{effect['pieces_sent']:,}")
    table.add_row("all", f"cost, {seen.summary['currency']}", "at the simulated price", cost)
    console.print(table)
    console.print(f"facts pushed, none refused: {stage.api.events_in:,}")
