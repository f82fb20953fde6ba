"""Ingest as a process: what is opened, what runs, in which order it ends."""

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import topics
from ingest import metrics
from ingest.edges import api, connectors, customers, events, hooks, merges, swift
from ingest.edges.consumer import Consumer
from ingest.edges.directory import Directory
from ingest.edges.hot import HotEvents, HotHooks
from ingest.edges.imports import api as imports
from ingest.edges.imports.importer import Importer
from ingest.edges.imports.upload import MOST_FILE_BYTES, Uploads
from ingest.edges.matcher import Matcher
from ingest.edges.outside import open_outside
from ingest.edges.ports import Ports, Registry
from ingest.edges.publisher import Patience, Publisher
from ingest.edges.puller import Puller
from ingest.edges.push_log import PushLog
from ingest.edges.quotas import Quotas
from ingest.edges.shown import SHOWN
from ingest.edges.timers import Drainer, sweep
from ingest.errors import IngestError
from ingest.settings import Settings
from plumbing import logs
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
from web.hot import HotPath
from web.metrics import http_metrics
from web.ops import ops_app
from web.serve import run_service, start, subcommands
from web.settings import MigrationSettings, load

SERVICE = "ingest"
HOME = Path(__file__).parents[2]  # the folder with migrations/
SWEEP_EVERY_S = 60.0
SWEEP_LIMIT = 500

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    return datetime.now(UTC)


def api_of(settings: Settings, engine: AsyncEngine | None, grp: str) -> FastAPI:
    """Return the API without its ports: enough to tell what it is."""
    return build_api(
        "Ingest",
        [
            api.router,
            customers.router,
            merges.router,
            connectors.router,
            events.router,
            hooks.router,
            imports.router,
            dead_letters(SERVICE, grp),
        ],
        settings,
        engine=engine,
        errors=[IngestError],
        public=["/v1/hooks/{connector_id}"],
        uploads={imports.PATH: MOST_FILE_BYTES},
        shown=SHOWN,
    )


async def run(settings: Settings, stop: asyncio.Event) -> None:
    async with open_engine(
        settings.database_url.get_secret_value(), app=SERVICE, pool=12
    ) as engine:
        with Watchdog(settings.stuck_after_s, metrics=metrics.CONSUMER) as watch:
            DatabaseMetrics().watch(engine)
            await compose(settings, engine, watch, stop)


async def compose(
    settings: Settings, engine: AsyncEngine, watch: Watchdog, stop: asyncio.Event
) -> None:
    """Put the parts together and run them until *stop* is set."""
    if not swift.COMPILED:
        log.warning("orders are read slowly: _swift.pyx is not compiled")
    sealer = Sealer(data_key(settings.data_key.get_secret_value()))
    grp = SERVICE + settings.group_suffix
    relay = Relay(
        engine=engine,
        servers=settings.kafka_servers,
        service=SERVICE,
        metrics=metrics.OUTBOX,
        silent_s=settings.silent_s,
    )
    publisher = Publisher(
        engine=engine,
        servers=settings.kafka_servers,
        sealer=sealer,
        partitions=settings.partitions,
        patience=Patience(settings.kafka_ack_s, settings.durable_s),
        now=utc_now,
    )
    directory = Directory(engine=engine, sealer=sealer, now=utc_now)
    intake = _intake(
        settings,
        engine=engine,
        sealer=sealer,
        watch=watch,
        relay=relay,
        grp=grp,
        publisher=publisher,
    )
    drainer = Drainer(
        engine=engine,
        publisher=publisher,
        sealer=sealer,
        partitions=settings.partitions,
        every_s=settings.watermark_every_s,
        silent_s=settings.silent_s,
        watch=watch,
    )

    importer = Importer(
        engine=engine,
        sealer=sealer,
        directory=directory,
        partitions=settings.partitions,
        rows_per_s=settings.import_rows_per_s,
        wake=relay.wake,
        silent_s=settings.silent_s,
        watch=watch,
    )
    matcher = Matcher(
        engine=engine,
        sealer=sealer,
        partitions=settings.partitions,
        now=utc_now,
        wake=relay.wake,
        silent_s=settings.silent_s,
        watch=watch,
    )
    pushes = PushLog(engine)

    async def look_after(stop: asyncio.Event) -> None:
        step = partial(sweep, engine, sealer, settings.partitions, utc_now, limit=SWEEP_LIMIT)
        await poll(step, stop, every_s=SWEEP_EVERY_S, limit=SWEEP_LIMIT, watch=watch, name="sweep")

    async def prepare() -> None:
        await check_database(engine, SERVICE, settings, stop)
        if not stop.is_set():
            await directory.refresh()

    app = api_of(settings, engine, grp)
    app.state.ports = Ports(
        directory=directory,
        publisher=publisher,
        registry=Registry(
            engine=engine,
            sealer=sealer,
            partitions=settings.partitions,
            now=utc_now,
            wake=relay.wake,
        ),
        push_log=pushes,
        sealer=sealer,
        quotas=Quotas(default=settings.events_per_minute),
        uploads=Uploads(engine=engine, sealer=sealer),
        partitions=settings.partitions,
        shop_zone=settings.shop_zone,
        trusted_proxies=settings.trusted_proxies,
        now=utc_now,
        wake=relay.wake,
        merges_customers=settings.merge_customers,
    )
    ops = ops_app(
        SERVICE,
        {"database": database_answers(engine), "claims": intake.readiness},
        watch.complaint,
    )
    ports = app.state.ports
    front = HotPath(
        app,
        [HotEvents(ports, app.state.verifier), HotHooks(ports)],
        gate=app.state.gate,
        metrics=http_metrics(REGISTRY),
        errors=[IngestError],
    )
    async with open_outside(allow_inside=settings.environment != "production") as outside:
        puller = Puller(
            engine=engine, client=outside, ports=ports, silent_s=settings.silent_s, watch=watch
        )
        await run_service(
            front,
            ops,
            [
                *(intake.run, directory.run, drainer.run, pushes.run, look_after, puller.run),
                importer.run,
                *([matcher.run] if settings.merge_customers else []),
            ],
            stop,
            settings,
            last=[relay.run, publisher.run],
            prepare=prepare,
        )


def _intake(  # noqa: PLR0913 - a part of the composition root
    settings: Settings,
    *,
    engine: AsyncEngine,
    sealer: Sealer,
    watch: Watchdog,
    relay: Relay,
    grp: str,
    publisher: Publisher,
) -> Intake:
    edge = Consumer(grp, sealer, settings.partitions, utc_now)
    return Intake(
        engine=engine,
        servers=settings.kafka_servers,
        grp=grp,
        me=settings.pod,
        role=worker_role(SERVICE),
        handle={
            topics.ORDERS: edge.on_orders,
            topics.SHIPMENTS: edge.on_shipments,
            topics.CARTS: edge.on_carts,
            topics.CUSTOMER_FACTS: edge.on_customer_facts,
        },
        metrics=metrics.CONSUMER,
        watch=watch,
        on_commit=relay.wake,
        sealer=sealer,
        session_timeout_ms=settings.session_timeout_ms,
        gap_s=publisher.pace.gap_s,
        limits=settings.limits,
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
