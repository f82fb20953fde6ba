"""Compose the segmenter and run it: `segmenter [serve | migrate]`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import topics
from plumbing import logs
from plumbing.absence import Absence
from plumbing.consume import Handle, Intake
from plumbing.metrics import ConsumerMetrics, DatabaseMetrics, OutboxMetrics
from plumbing.migrate import upgrade
from plumbing.outbox import Relay
from plumbing.resources import open_engine, worker_role
from plumbing.seal import Sealer, data_key
from plumbing.watchdog import Watchdog
from segmenter.duties import duties
from segmenter.edges.consumer import Consumer
from segmenter.edges.details.consumer import DetailConsumer
from segmenter.edges.details.pace import Pace
from segmenter.edges.members.desk import Post
from segmenter.edges.routes import ROUTERS
from segmenter.edges.store import SOURCE
from segmenter.edges.values.fitter import Bounds, open_fitter
from segmenter.errors import SegmenterError
from segmenter.settings import Settings
from web.app import build_api
from web.database import check_database, database_answers
from web.dead_letters import dead_letters
from web.ops import ops_app
from web.serve import run_service, start, subcommands
from web.settings import MigrationSettings, load

HOME = Path(__file__).parents[2]  # the folder with migrations/
CONNECTIONS = 12  # two reading groups, the duties, the API


@dataclass(frozen=True, kw_only=True)
class House:
    """What the parts share."""

    settings: Settings
    engine: AsyncEngine
    consumed: ConsumerMetrics
    watch: Watchdog
    relay: Relay
    sealer: Sealer | None
    pace: Pace

    def orders(self) -> Intake:
        """Return the first reading group: RFM, and nothing else."""
        grp = SOURCE + self.settings.group_suffix
        edge = Consumer(grp, self.settings.partitions, sealer=self.sealer, absence=self._absence())
        handle = {
            topics.ORDERS: self.pace.watched(edge.on_orders),
            topics.SHOPS: edge.on_shops,
            topics.CUSTOMERS: edge.on_customers,
        }
        return self._intake(grp, handle, max_records=10_000, parallel=4)

    def details(self) -> Intake:
        """Return the second group: what is not RFM must not keep RFM waiting."""
        grp = f"{SOURCE}-details{self.settings.group_suffix}"
        edge = DetailConsumer(
            grp, self.settings.partitions, sealer=self.sealer, absence=self._absence()
        )
        handle = {topic: self.pace.counted(one) for topic, one in edge.handlers().items()}
        intake = self._intake(grp, handle, max_records=500, parallel=2)
        intake.gap_s = self.pace.gap_s
        return intake

    def _absence(self) -> Absence:
        return Absence(self.settings.shop_patience_s)

    def _intake(
        self, grp: str, handle: Mapping[str, Handle], *, max_records: int, parallel: int
    ) -> Intake:
        settings = self.settings
        return Intake(
            engine=self.engine,
            servers=settings.kafka_servers,
            grp=grp,
            me=settings.pod,
            role=worker_role(SOURCE),
            handle=handle,
            metrics=self.consumed,
            watch=self.watch,
            on_commit=self.relay.wake,
            sealer=self.sealer,
            session_timeout_ms=settings.session_timeout_ms,
            limits=settings.limits,
            max_records=max_records,
            parallel=parallel,
        )


async def run(settings: Settings, stop: asyncio.Event) -> None:
    url = settings.database_url.get_secret_value()
    consumed, published = ConsumerMetrics(), OutboxMetrics()
    async with (
        open_engine(url, app=SOURCE, pool=CONNECTIONS) as engine,
        open_fitter(engine, url, Bounds(takes_s=settings.fit_takes_s)) as fitter,
    ):
        DatabaseMetrics().watch(engine)
        with Watchdog(settings.stuck_after_s, metrics=consumed) as watch:
            relay = Relay(
                engine=engine,
                servers=settings.kafka_servers,
                service=SOURCE,
                metrics=published,
                silent_s=settings.silent_s,
            )
            house = House(
                settings=settings,
                engine=engine,
                consumed=consumed,
                watch=watch,
                relay=relay,
                sealer=_sealer(settings),
                pace=Pace(),
            )
            orders, details = house.orders(), house.details()
            api = build_api(
                "Segmenter",
                [*ROUTERS, dead_letters(SOURCE, orders.grp, details.grp)],
                settings,
                engine=engine,
                errors=[SegmenterError],
            )
            api.state.post = Post(settings.partitions, relay.wake)
            checks = {
                "database": database_answers(engine),
                "claims": orders.readiness,
                "details-claims": details.readiness,
            }
            await run_service(
                api,
                ops_app(SOURCE, checks, watch.complaint),
                [orders.run, details.run, *duties(settings, engine, fitter, relay, watch)],
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
