"""What happens because time passes: timers fall due, days begin, rules are given and taken back.

Each step is one transaction; `plumbing.poll` calls it again at once after a full batch.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from sqlalchemy.ext.asyncio import AsyncEngine

from care_triggers.app.fire_due import fire_due
from care_triggers.app.keep_rules import drop_switched_off, keep_rules
from care_triggers.app.note_person import plan_birthdays
from care_triggers.domain.rule import Rule
from care_triggers.edges.rows import SERVICE, House
from care_triggers.edges.store import PostgresStore
from care_triggers.metrics import RULES_ANNOUNCED, TIMER_LATE, TIMERS_SETTLED
from plumbing.crashpoint import crashpoint
from plumbing.resources import worker_role, worker_tx

Step: TypeAlias = Callable[[], Awaitable[int]]


def due_timers(engine: AsyncEngine, house: House, wake: Callable[[], None], *, limit: int) -> Step:
    """Return the step that settles due timers; *wake* tells the relay that something is there."""

    async def step() -> int:
        async with worker_tx(engine, worker_role(SERVICE)) as conn:
            store = PostgresStore(conn, house)
            now = await store.now()
            settled = await fire_due(store, now, limit=limit)
            if settled:
                await store.flush(now)
                crashpoint("timer-before-commit")
        for one in settled:
            TIMERS_SETTLED.labels(one.kind, one.result).inc()
            TIMER_LATE.observe(one.late_s)
        if settled:
            wake()
        return len(settled)

    return step


def birthdays(engine: AsyncEngine, house: House, wake: Callable[[], None], *, limit: int) -> Step:
    """Return the step that plans the birthdays of days that have begun in some shop."""

    async def step() -> int:
        async with worker_tx(engine, worker_role(SERVICE)) as conn:
            store = PostgresStore(conn, house)
            now = await store.now()
            busy = await plan_birthdays(store, now, limit=limit)
            await store.flush(now)
        wake()
        return limit if busy else 0

    return step


def rule_keeper(
    engine: AsyncEngine,
    house: House,
    wake: Callable[[], None],
    rules: Mapping[str, Rule],
    rules_hash: str,
    *,
    limit: int,
) -> Step:
    """Return the step that gives the file's rules to shops that have others.

    Once all shops have them it rests until the process ends: while pods with an older and a newer
    file run side by side, they must not overrule each other again and again.
    """
    done = False

    async def step() -> int:
        nonlocal done
        if done:
            return 0
        async with worker_tx(engine, worker_role(SERVICE)) as conn:
            store = PostgresStore(conn, house)
            shops = await store.take_unruled_shops(rules_hash, limit)
            now = await store.now()
            announced = await keep_rules(store, shops, rules, now)
            await store.mark_ruled(shops, rules_hash)
            await store.flush(now)
        RULES_ANNOUNCED.inc(announced)
        done = not shops
        wake()
        return limit if shops else 0

    return step


def switched_off(
    engine: AsyncEngine, house: House, wake: Callable[[], None], *, limit: int
) -> Step:
    """Return the step that ends what is pending under rules that are off."""

    async def step() -> int:
        async with worker_tx(engine, worker_role(SERVICE)) as conn:
            store = PostgresStore(conn, house)
            now = await store.now()
            ended = await drop_switched_off(store, now, limit=limit)
            await store.flush(now)
        if ended:
            wake()
        return ended

    return step
