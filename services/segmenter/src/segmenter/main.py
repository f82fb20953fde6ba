"""Compose the segmenter and run it: `segmenter [serve | migrate]`."""

import asyncio
from functools import partial
from pathlib import Path

from contracts import topics
from plumbing import logs
from plumbing.absence import Absence
from plumbing.consume import Intake
from plumbing.metrics import ConsumerMetrics, DatabaseMetrics, OutboxMetrics
from plumbing.migrate import upgrade
from plumbing.outbox import Relay
from plumbing.poll import poll
from plumbing.resources import open_engine, worker_role
from plumbing.seal import Sealer, data_key
from plumbing.watchdog import Watchdog
from segmenter.edges.api import router
from segmenter.edges.consumer import Consumer
from segmenter.edges.detail_consumer import DetailConsumer
from segmenter.edges.product_api import router as goods
from segmenter.edges.store import SOURCE
from segmenter.edges.timers import pair_goods, roll_days
from segmenter.errors import SegmenterError
from segmenter.settings import Settings
from web.app import build_api
from web.database import check_database, database_answers
from web.dead_letters import dead_letters
from web.ops import ops_app
from web.serve import run_service, start, subcommands
from web.settings import MigrationSettings, load

HOME = Path(__file__).parents[2]  # the folder with migrations/
PAIRS_EVERY_S = 15.0  # how often to look for shops whose pairs are of another day


async def run(settings: Settings, stop: asyncio.Event) -> None:
    url, servers = settings.database_url.get_secret_value(), settings.kafka_servers
    grp = SOURCE + settings.group_suffix
    details_grp = f"{SOURCE}-details{settings.group_suffix}"
    consumed, published = ConsumerMetrics(), OutboxMetrics()
    sealer = _sealer(settings)
    async with open_engine(url, app=SOURCE, pool=12) as engine:
        DatabaseMetrics().watch(engine)
        with Watchdog(settings.stuck_after_s, metrics=consumed) as watch:
            relay = Relay(
                engine=engine,
                servers=servers,
                service=SOURCE,
                metrics=published,
                silent_s=settings.silent_s,
            )
            edge = Consumer(
                grp,
                settings.partitions,
                sealer=sealer,
                absence=Absence(settings.shop_patience_s),
            )
            intake = Intake(
                engine=engine,
                servers=servers,
                grp=grp,
                me=settings.pod,
                role=worker_role(SOURCE),
                handle={
                    topics.ORDERS: edge.on_orders,
                    topics.SHOPS: edge.on_shops,
                    topics.CUSTOMERS: edge.on_customers,
                },
                metrics=consumed,
                watch=watch,
                on_commit=relay.wake,
                sealer=sealer,
                session_timeout_ms=settings.session_timeout_ms,
                limits=settings.limits,
                max_records=20_000,
                parallel=4,
            )

            details = DetailConsumer(
                details_grp, sealer=sealer, absence=Absence(settings.shop_patience_s)
            )
            details_intake = Intake(
                engine=engine,
                servers=servers,
                grp=details_grp,
                me=settings.pod,
                role=worker_role(SOURCE),
                handle=details.handlers(),
                metrics=consumed,
                watch=watch,
                on_commit=relay.wake,
                sealer=sealer,
                session_timeout_ms=settings.session_timeout_ms,
                limits=settings.limits,
                max_records=2_000,
            )

            async def step() -> int:
                done = await roll_days(
                    engine, partitions=settings.partitions, limit=settings.roll_batch
                )
                if done:
                    relay.wake()
                return done

            async def roll(stop: asyncio.Event) -> None:
                every_s = settings.roll_every_s
                await poll(step, stop, every_s=every_s, limit=1, watch=watch, name="roll")

            async def pairs(stop: asyncio.Event) -> None:
                step = partial(pair_goods, engine, limit=settings.roll_batch)
                await poll(step, stop, every_s=PAIRS_EVERY_S, limit=1, watch=watch, name="pairs")

            api = build_api(
                "Segmenter",
                [router, goods, dead_letters(SOURCE, grp)],
                settings,
                engine=engine,
                errors=[SegmenterError],
            )
            checks = {
                "database": database_answers(engine),
                "claims": intake.readiness,
                "details-claims": details_intake.readiness,
            }
            await run_service(
                api,
                ops_app(SOURCE, checks, watch.complaint),
                [intake.run, details_intake.run, roll, pairs],
                stop,
                settings,
                last=[relay.run],
                prepare=partial(check_database, engine, SOURCE, settings, stop),
            )


def _sealer(settings: Settings) -> Sealer | None:
    key = settings.data_key
    return None if key is None else Sealer(data_key(key.get_secret_value()))


def serve() -> None:
    settings = load(Settings)
    logs.configure(SOURCE, settings.log_level)
    start(partial(run, settings))


def migrate() -> None:
    upgrade(HOME, load(MigrationSettings).owner_url.get_secret_value())


def main() -> None:
    subcommands(serve, migrate)


if __name__ == "__main__":
    main()
