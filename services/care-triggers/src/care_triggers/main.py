"""Builds and starts everything; nothing else constructs."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncEngine

from care_triggers.domain.rule import Rule
from care_triggers.edges.api import router
from care_triggers.edges.consumer import Consumer
from care_triggers.edges.lists import router as lists
from care_triggers.edges.rows import SERVICE, House
from care_triggers.edges.rules_file import SHIPPED, BadRules, read_rules, rules_hash
from care_triggers.edges.survey import Survey
from care_triggers.edges.timers import (
    Step,
    birthdays,
    due_timers,
    rule_keeper,
    switched_off,
)
from care_triggers.errors import CareTriggersError
from care_triggers.metrics import CONSUMER, OUTBOX
from care_triggers.settings import Settings
from plumbing import logs
from plumbing.absence import Absence
from plumbing.consume import Intake
from plumbing.metrics import DatabaseMetrics
from plumbing.migrate import upgrade
from plumbing.outbox import Relay
from plumbing.poll import poll
from plumbing.resources import open_engine, worker_role
from plumbing.seal import Sealer, data_key
from plumbing.watchdog import Watchdog
from web.app import build_api
from web.database import check_database, database_answers
from web.dead_letters import dead_letters
from web.ops import ops_app
from web.serve import run_service, start, subcommands
from web.settings import PREFIX, MigrationSettings, load, refuse

Task: TypeAlias = Callable[[asyncio.Event], Coroutine[Any, Any, None]]

HOME = Path(__file__).parents[2]  # the folder with migrations/

TIMERS = 200  # a transaction; more would hold the orders' rows too long
PEOPLE = 500
SHOPS = 20
PENDING = 500
SURVEY_EVERY_S = 5.0


async def run(settings: Settings, rules: Mapping[str, Rule], stop: asyncio.Event) -> None:
    grp = SERVICE + settings.group_suffix
    absence = Absence(settings.shop_patience_s)
    house = House(settings.partitions, Sealer(data_key(settings.data_key.get_secret_value())))
    async with open_engine(settings.database_url.get_secret_value(), app=SERVICE) as engine:
        DatabaseMetrics().watch(engine)
        with Watchdog(settings.stuck_after_s, metrics=CONSUMER) as watch:
            relay = Relay(
                engine=engine,
                servers=settings.kafka_servers,
                service=SERVICE,
                metrics=OUTBOX,
                silent_s=settings.silent_s,
                watch=watch,
            )
            intake = Intake(
                engine=engine,
                servers=settings.kafka_servers,
                grp=grp,
                me=settings.pod,
                role=worker_role(SERVICE),
                handle=Consumer(grp, house, rules, absence).handlers(),
                metrics=CONSUMER,
                watch=watch,
                on_commit=relay.wake,
                full=relay.is_full,
                sealer=house.sealer,
                session_timeout_ms=settings.session_timeout_ms,
                limits=settings.limits,
            )
            api = build_api(
                "Care triggers",
                [router, lists, dead_letters(SERVICE, grp)],
                settings,
                engine=engine,
                errors=[CareTriggersError],
            )
            ready = {"database": database_answers(engine), "claims": intake.readiness}
            await run_service(
                api,
                ops_app(SERVICE, ready, watch.complaint),
                [intake.run, *_loops(settings, engine, house, relay, rules, watch)],
                stop,
                settings,
                last=[relay.run],
                prepare=partial(check_database, engine, SERVICE, settings, stop),
            )


def _loops(
    settings: Settings,
    engine: AsyncEngine,
    house: House,
    relay: Relay,
    rules: Mapping[str, Rule],
    watch: Watchdog,
) -> list[Task]:
    file_hash = rules_hash(rules)

    def loop(name: str, step: Step, every_s: float, limit: int) -> Task:
        return partial(poll, step, every_s=every_s, limit=limit, watch=watch, name=name)

    fire = due_timers(engine, house, relay.wake, limit=TIMERS)
    days = birthdays(engine, house, relay.wake, limit=PEOPLE)
    keep = rule_keeper(engine, house, relay.wake, rules, file_hash, limit=SHOPS)
    drop = switched_off(engine, house, relay.wake, limit=PENDING)
    return [
        loop("timers", fire, settings.timers_every_s, TIMERS),
        loop("birthdays", days, 1.0, PEOPLE),
        loop("rules", keep, 5.0, SHOPS),
        loop("switched-off", drop, 5.0, PENDING),
        loop("survey", Survey(engine=engine), SURVEY_EVERY_S, 1),
    ]


def rules_of(settings: Settings) -> dict[str, Rule]:
    """Read the rule file; a bad one ends the process with exit code 2 and one line."""
    try:
        return read_rules(settings.rules_file or SHIPPED)
    except BadRules as error:
        refuse(f"{PREFIX}RULES_FILE", str(error))


def serve() -> None:
    settings = load(Settings)
    rules = rules_of(settings)
    logs.configure(SERVICE, settings.log_level)
    start(partial(run, settings, rules))


def migrate() -> None:
    upgrade(HOME, load(MigrationSettings).owner_url.get_secret_value())


def main() -> None:
    subcommands(serve, migrate)


if __name__ == "__main__":
    main()
