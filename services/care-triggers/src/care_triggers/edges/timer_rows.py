"""SQL of timers: set, moved, dropped, taken when due with all that a decision needs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Column,
    Table,
    Text,
    TextClause,
    all_,
    bindparam,
    cast,
    delete,
    select,
    text,
    update,
)

from care.facts import (
    OrderState,
    ParcelState,
    order_from_json,
    parcel_from_json,
    review_from_json,
)
from care_triggers.app.note_event import Key
from care_triggers.domain.course import Status
from care_triggers.domain.kinds import KINDS, Subject
from care_triggers.domain.rule import Rule, rule_from_json
from care_triggers.domain.unpaid_first import KIND as UNPAID_FIRST
from care_triggers.domain.values import Due, Person, Timer
from care_triggers.edges.fact_rows import FactRows
from care_triggers.edges.rows import among, timer_of
from care_triggers.edges.rule_rows import RuleRows
from care_triggers.edges.tables import (
    customer,
    order_fact,
    parcel_fact,
    review_fact,
    rule_version,
    task,
    timer,
)
from contracts.codec import customer_key
from contracts.events import Shop
from plumbing.crashpoint import crashpoint
from plumbing.dead_letters import open_letter_keys
from plumbing.upsert import upsert


@dataclass(frozen=True, slots=True)
class _Subject:
    table: Table
    id_column: Column[Any]
    id_name: str  # in a timer


_SUBJECTS: Mapping[Subject, _Subject] = {
    "order": _Subject(order_fact, order_fact.c.order_id, "order_id"),
    "parcel": _Subject(parcel_fact, parcel_fact.c.parcel_id, "parcel_id"),
    "review": _Subject(review_fact, review_fact.c.review_id, "review_id"),
    "customer": _Subject(customer, customer.c.customer_id, "customer_id"),
}


# One statement for all: a row each would take most of the time in which timers fire.
_MARK: Mapping[Subject, TextClause] = {
    subject: text(
        f"""
        update {one.table.name} as t
        set steps = jsonb_set(t.steps, array[mark.rule_id, '0'], to_jsonb(mark.status))
        from unnest(cast(:shops as text[]), cast(:ids as text[]), cast(:rules as text[]),
                    cast(:statuses as text[])) as mark (shop_id, id, rule_id, status)
        where t.shop_id = mark.shop_id and t.{one.id_column.name} = mark.id
        """  # noqa: S608 - names of ours
    )
    for subject, one in _SUBJECTS.items()
}
BUSY_AT_MOST: Final = 5_000  # timers that are passed over in one pass


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known beside the rows that are locked."""

    rules: Mapping[tuple[str, str, int], Rule]
    on: Collection[tuple[str, str]]
    shops: Mapping[str, Shop]
    people: Mapping[Key, Person]
    siblings: Mapping[Key, tuple[ParcelState, ...]]
    paid: Mapping[Key, tuple[OrderState, ...]]
    letters: Collection[bytes]
    tasks: Collection[Key]


@dataclass(slots=True)
class _Held:
    """Rows that this transaction holds, and those that another one does."""

    states: dict[Subject, dict[Key, Any]] = field(default_factory=dict)
    busy: dict[Subject, set[Key]] = field(default_factory=dict)

    def state(self, subject: Subject, shop_id: str, name: str | None) -> Any:
        return self.states.get(subject, {}).get((shop_id, name or ""))


class TimerRows(FactRows, RuleRows):
    async def put_timers(self, timers: Sequence[Timer]) -> None:
        """Insert timers; one that waits already moves."""
        rows = [{**asdict(one), "next_at": one.due_at} for one in timers]
        moved = {"due_at", "next_at", "expires_at", "day"}
        stays = {column.name for column in timer.columns} - moved
        await upsert(self._conn, timer, rows, keep=stays)

    async def drop_timers(self, keys: Collection[str]) -> set[str]:
        if not keys:
            return set()
        held = (
            select(timer.c.key)
            .where(timer.c.key.in_(sorted(keys)))
            .order_by(timer.c.key)  # one lock order: no deadlock
            .with_for_update()
        )
        found = set((await self._conn.execute(held)).scalars())
        if found:
            await self._conn.execute(delete(timer).where(timer.c.key.in_(sorted(found))))
        return found

    async def take_due(self, now: datetime, limit: int) -> list[Due]:
        """Lock what is due, oldest first; leave for the next pass what another transaction holds.

        The order's (parcel's, review's, person's) row too is only taken if it is free: a payment
        that is being merged holds it and wants the timer, so waiting here would be a deadlock.
        """
        free: list[Timer] = []
        busy: list[str] = []
        held = _Held()
        found = limit
        # What is busy must not keep others waiting, however much of it is older than they are.
        while found and len(free) < limit and len(busy) < BUSY_AT_MOST:
            passed = [*busy, *(one.key for one in free)]
            timers = await self._take(now, limit - len(free), passed)
            found = len(timers)
            if not timers:
                break
            crashpoint("timer-after-take")
            await self._hold_subjects(timers, held)
            busy += [one.key for one in timers if _is_busy(one, held)]
            free += [one for one in timers if not _is_busy(one, held)]
        if not free:
            return []
        around = await self._around(free, held)
        return [_due(one, held, around) for one in free]

    async def _take(self, now: datetime, limit: int, passed: Sequence[str]) -> list[Timer]:
        query = (
            select(timer)
            .where(timer.c.next_at <= now, timer.c.key != all_(cast(passed, ARRAY(Text))))
            .order_by(timer.c.next_at, timer.c.key)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [timer_of(row) for row in await self._conn.execute(query)]

    async def snooze(self, later: Mapping[str, datetime]) -> None:
        if not later:
            return
        move = update(timer).where(timer.c.key == bindparam("of")).values(next_at=bindparam("at"))
        rows = [{"of": key, "at": until} for key, until in sorted(later.items())]
        await self._conn.execute(move, rows)

    async def delete_timers(self, timers: Sequence[Timer]) -> None:
        if timers:
            keys = sorted(one.key for one in timers)
            await self._conn.execute(delete(timer).where(timer.c.key.in_(keys)))

    async def mark(self, timers: Sequence[tuple[Timer, Status]]) -> None:
        """Set the status of the steps; their rows are held since `take_due`."""
        marks: dict[Subject, list[tuple[str, str, str, Status]]] = {}
        for one, status in timers:
            subject = KINDS[one.kind].subject
            name = getattr(one, _SUBJECTS[subject].id_name)
            marks.setdefault(subject, []).append((one.shop_id, name, one.rule_id, status))
        for subject, rows in marks.items():
            for once in _rounds(rows):
                await self._conn.execute(_MARK[subject], once)

    async def _hold_subjects(self, timers: Sequence[Timer], held: _Held) -> None:
        wanted: dict[Subject, set[Key]] = {}
        for one in timers:
            for subject in _subjects(one):
                name = getattr(one, _SUBJECTS[subject].id_name)
                wanted.setdefault(subject, set()).add((one.shop_id, name))
        for subject, keys in sorted(wanted.items()):
            await self._hold(subject, keys, held)

    async def _hold(self, subject: Subject, keys: set[Key], held: _Held) -> None:
        table, id_column = _SUBJECTS[subject].table, _SUBJECTS[subject].id_column
        columns = [] if subject == "customer" else [table.c.state]
        query = (
            select(table.c.shop_id, id_column.label("id"), *columns)
            .where(among(table, id_column, keys))
            .order_by(table.c.shop_id, id_column)
            .with_for_update(skip_locked=True)
        )
        load = {
            "order": order_from_json,
            "parcel": parcel_from_json,
            "review": review_from_json,
        }.get(subject)
        rows = (await self._conn.execute(query)).all()
        states = held.states.setdefault(subject, {})
        states |= {(row.shop_id, row.id): load(row.state) if load else None for row in rows}
        found = await self._by_key(table, id_column, keys)
        there = {(row.shop_id, getattr(row, id_column.name)) for row in found}
        held.busy.setdefault(subject, set()).update(there - states.keys())

    async def _around(self, timers: Sequence[Timer], held: _Held) -> _Around:
        people = {(one.shop_id, one.customer_id) for one in timers}
        shops = {one.shop_id for one in timers}
        rules, on = await self._versions(timers)
        return _Around(
            rules=rules,
            on=on,
            shops=await self.shops(shops),
            people=await self.people(people),
            siblings=await self._siblings(timers),
            paid=await self._paid(timers, held),
            letters=await open_letter_keys(self._conn, {customer_key(*one) for one in people}),
            tasks=await self._open_tasks(people),
        )

    async def _versions(
        self, timers: Sequence[Timer]
    ) -> tuple[dict[tuple[str, str, int], Rule], set[tuple[str, str]]]:
        """Return the versions that the timers were made under, and which rules are on today."""
        wanted = {(one.shop_id, one.rule_id) for one in timers}
        query = select(rule_version).where(among(rule_version, rule_version.c.rule_id, wanted))
        used = {(one.shop_id, one.rule_id, one.rule_version) for one in timers}
        rows = (await self._conn.execute(query)).all()
        rules = {
            key: rule_from_json(row.body, row.version)
            for row in rows
            if (key := (row.shop_id, row.rule_id, row.version)) in used
        }
        on = {(row.shop_id, row.rule_id) for row in rows if row.until is None and row.is_on}
        return rules, on

    async def _siblings(self, timers: Sequence[Timer]) -> dict[Key, tuple[ParcelState, ...]]:
        orders = {(one.shop_id, one.order_id) for one in timers if one.parcel_id and one.order_id}
        rows = await self._by_key(parcel_fact, parcel_fact.c.order_id, orders, parcel_fact.c.state)
        found: dict[Key, tuple[ParcelState, ...]] = {}
        for row in rows:
            key = (row.shop_id, row.order_id)
            found[key] = (*found.get(key, ()), parcel_from_json(row.state))
        return found

    async def _paid(
        self, timers: Sequence[Timer], held: _Held
    ) -> dict[Key, tuple[OrderState, ...]]:
        """Return the customers' paid orders that were placed after the oldest one in question."""
        unpaid = [one for one in timers if one.kind == UNPAID_FIRST]
        placed = [
            order.placed_at
            for one in unpaid
            if (order := held.state("order", one.shop_id, one.order_id)) and order.placed_at
        ]
        if not placed:
            return {}
        people = {(one.shop_id, one.customer_id) for one in unpaid}
        query = (
            select(order_fact.c.shop_id, order_fact.c.customer_id, order_fact.c.state)
            .where(among(order_fact, order_fact.c.customer_id, people))
            .where(order_fact.c.paid_at.is_not(None), order_fact.c.placed_at > min(placed))
        )
        found: dict[Key, tuple[OrderState, ...]] = {}
        for row in await self._conn.execute(query):
            key = (row.shop_id, row.customer_id)
            found[key] = (*found.get(key, ()), order_from_json(row.state))
        return found

    async def _open_tasks(self, people: Collection[Key]) -> set[Key]:
        query = select(task.c.shop_id, task.c.customer_id).where(
            among(task, task.c.customer_id, people), task.c.state == "open"
        )
        return {(row.shop_id, row.customer_id) for row in await self._conn.execute(query)}


def _subjects(one: Timer) -> list[Subject]:
    """Return what the decision is about: its own row, and a parcel's order."""
    own = KINDS[one.kind].subject
    return ["parcel", "order"] if own == "parcel" and one.order_id else [own]


def _rounds(rows: Sequence[tuple[str, str, str, Status]]) -> Iterator[dict[str, list[str]]]:
    """Split marks so that each statement meets a row once: it could write only one of two."""
    left = sorted(rows)
    while left:
        now = {row[:2]: row for row in left}
        shops, ids, rules, statuses = map(list, zip(*now.values(), strict=True))
        yield {"shops": shops, "ids": ids, "rules": rules, "statuses": statuses}
        left = [row for row in left if now[row[:2]] is not row]


def _is_busy(one: Timer, held: _Held) -> bool:
    return any(
        (one.shop_id, getattr(one, _SUBJECTS[subject].id_name)) in held.busy[subject]
        for subject in _subjects(one)
    )


def _due(one: Timer, held: _Held, around: _Around) -> Due:
    person = (one.shop_id, one.customer_id)
    return Due(
        timer=one,
        rule=around.rules[one.shop_id, one.rule_id, one.rule_version],
        rule_on=(one.shop_id, one.rule_id) in around.on,
        shop=around.shops[one.shop_id],
        person=around.people[person],
        order=held.state("order", one.shop_id, one.order_id),
        parcel=held.state("parcel", one.shop_id, one.parcel_id),
        review=held.state("review", one.shop_id, one.review_id),
        paid_later=around.paid.get(person, ()),
        siblings=around.siblings.get((one.shop_id, one.order_id or ""), ()),
        letters_open=customer_key(*person) in around.letters,
        task_open=person in around.tasks,
    )
