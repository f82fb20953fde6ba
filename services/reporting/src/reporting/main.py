"""Reporting's composition root: `reporting serve` and `reporting migrate`."""

import asyncio
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import topics
from plumbing import logs
from plumbing.absence import Absence
from plumbing.consume import Intake
from plumbing.metrics import DatabaseMetrics
from plumbing.migrate import upgrade
from plumbing.resources import open_engine, worker_role
from plumbing.watchdog import Watchdog
from reporting.edges.api import router
from reporting.edges.console import PATHS, mount_console
from reporting.edges.consumer import Consumer
from reporting.edges.report_store import SERVICE
from reporting.edges.reports.desk import Desk, open_desk
from reporting.errors import ReportingError
from reporting.metrics import CONSUMER
from reporting.settings import Settings
from web.app import build_api
from web.database import check_database, database_answers
from web.dead_letters import dead_letters
from web.ops import ops_app
from web.serve import run_service, start, subcommands
from web.settings import MigrationSettings, load

HOME = Path(__file__).parents[2]  # the folder that holds migrations/


def api(settings: Settings, engine: AsyncEngine, desk: Desk, grp: str) -> FastAPI:
    app = build_api(
        "Reporting",
        [router, dead_letters(SERVICE, grp)],
        settings,
        engine=engine,
        errors=[ReportingError],
        public=PATHS,
    )
    app.state.desk = desk
    mount_console(app)
    return app


def intake(settings: Settings, engine: AsyncEngine, grp: str, watch: Watchdog) -> Intake:
    edge = Consumer(grp, Absence(settings.shop_patience_s))
    return Intake(
        engine=engine,
        servers=settings.kafka_servers,
        grp=grp,
        me=settings.pod,
        role=worker_role(SERVICE),
        handle={
            topics.SHOPS: edge.on_shops,
            topics.RULES: edge.on_rules,
            topics.ORDERS: edge.on_orders,
            topics.MESSAGES: edge.on_messages,
            topics.DELIVERIES: edge.on_deliveries,
            topics.SEGMENTS: edge.on_segments,
        },
        metrics=CONSUMER,
        watch=watch,
        session_timeout_ms=settings.session_timeout_ms,
        limits=settings.limits,
    )


async def run(settings: Settings, stop: asyncio.Event) -> None:
    grp = SERVICE + settings.group_suffix
    url = settings.database_url.get_secret_value()
    async with (
        open_engine(url, app=SERVICE) as engine,
        open_desk(url, settings.reports_at_once) as desk,
    ):
        DatabaseMetrics().watch(engine)
        with Watchdog(settings.stuck_after_s, metrics=CONSUMER) as watch:
            reader = intake(settings, engine, grp, watch)
            ready = {"database": database_answers(engine), "claims": reader.readiness}
            await run_service(
                api(settings, engine, desk, grp),
                ops_app(SERVICE, ready, watch.complaint),
                [reader.run],
                stop,
                settings,
                prepare=partial(check_database, engine, SERVICE, settings, stop),
            )


def serve() -> None:
    settings = load(Settings)
    logs.configure(SERVICE, settings.log_level)
    start(partial(run, settings))


def migrate() -> None:
    upgrade(HOME, load(MigrationSettings).owner_url.get_secret_value())


def main() -> None:
    subcommands(serve, migrate)


if __name__ == "__main__":
    main()
