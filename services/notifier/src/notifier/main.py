"""Notifier's process: consumer, deliveries, reconciler, API, relay."""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import topics
from contracts.events import Channel
from notifier.edges.api import SERVICE, router
from notifier.edges.consumer import Consumer
from notifier.edges.desk import RECEIPTS_PATH, Desk, receipts
from notifier.edges.gateways import Gateway, SmsGateway, open_client
from notifier.edges.mail import MailGateway, connect_to
from notifier.edges.receipts.aws import Aws
from notifier.edges.receipts.own import Own
from notifier.edges.receipts.reporter import Reporter
from notifier.edges.send_store import SWEEP
from notifier.edges.survey import survey
from notifier.edges.texts import Texts
from notifier.edges.timers import Deliveries, Sweep
from notifier.edges.vault import Vault
from notifier.errors import NotifierError
from notifier.metrics import CONSUMER, OUTBOX
from notifier.settings import Settings
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
from web.settings import MigrationSettings, load

HOME: Final = Path(__file__).parents[2]  # the folder with migrations/
SWEEP_S: Final = 1.0
SURVEY_EVERY_S: Final = 5.0
TO_AWS: Final = 2  # connections, apart from those that send


async def run(settings: Settings, stop: asyncio.Event) -> None:
    grp = SERVICE + settings.group_suffix
    vault = Vault(Sealer(data_key(settings.data_key.get_secret_value())))
    async with AsyncExitStack() as opened:
        engine = await opened.enter_async_context(
            open_engine(
                settings.database_url.get_secret_value(), app=SERVICE, pool=settings.database_pool
            )
        )
        DatabaseMetrics().watch(engine)
        client = await opened.enter_async_context(open_client(settings.in_flight))
        to_aws = await opened.enter_async_context(open_client(TO_AWS))
        watch = opened.enter_context(Watchdog(settings.stuck_after_s, metrics=CONSUMER))
        relay = Relay(
            engine=engine,
            servers=settings.kafka_servers,
            service=SERVICE,
            metrics=OUTBOX,
            silent_s=settings.silent_s,
        )
        deliveries = Deliveries(
            engine=engine,
            vault=vault,
            partitions=settings.partitions,
            gateways=gateways(settings, client),
            render=Texts().render,
            terms=settings.terms(),
            on_commit=relay.wake,
            in_flight=settings.in_flight,
            gates=max(1, settings.database_pool // 2),
            poll_s=settings.poll_s,
            late_start_s=settings.late_start_s,
            watch=watch,
        )

        def committed() -> None:
            relay.wake()
            deliveries.wake()

        absence = Absence(settings.shop_patience_s)
        edge = Consumer(grp, vault, settings.partitions, absence)
        intake = Intake(
            engine=engine,
            servers=settings.kafka_servers,
            grp=grp,
            me=settings.pod,
            role=worker_role(SERVICE),
            handle={
                topics.MESSAGES: edge.on_messages,
                topics.CUSTOMERS: edge.on_customers,
                topics.SHOPS: edge.on_shops,
                topics.RULES: edge.on_rules,
            },
            metrics=CONSUMER,
            watch=watch,
            on_commit=committed,
            sealer=vault.sealer,
            session_timeout_ms=settings.session_timeout_ms,
            limits=settings.limits,
        )
        sweep = Sweep(
            engine=engine,
            vault=vault,
            partitions=settings.partitions,
            claim_timeout_s=settings.claim_timeout_s,
            unknown_close_s=settings.unknown_close_s,
            on_commit=relay.wake,
        )

        async def reconciler(stop: asyncio.Event) -> None:
            await poll(sweep, stop, every_s=SWEEP_S, limit=SWEEP, watch=watch, name="reconciler")

        async def surveyor(stop: asyncio.Event) -> None:
            step = partial(survey, engine, worker_role(SERVICE), settings.partitions)
            await poll(step, stop, every_s=SURVEY_EVERY_S, limit=1, watch=watch, name="survey")

        desk = Desk(
            engine=engine,
            vault=vault,
            partitions=settings.partitions,
            reporters=reporters(settings),
            gateways={channel: one.gateway for channel, one in settings.terms().outlets.items()},
            aws=Aws(client=to_aws, unix_time=time.time),
            trusted_proxies=settings.trusted_proxies,
            unix_time=time.time,
            on_commit=committed,
        )
        await run_service(
            api(settings, engine, desk, vault, grp),
            ops_app(
                SERVICE,
                {"database": database_answers(engine), "claims": intake.readiness},
                watch.complaint,
            ),
            [intake.run, deliveries.run, reconciler, surveyor],
            stop,
            settings,
            last=[relay.run],
            prepare=partial(check_database, engine, SERVICE, settings, stop),
        )


def api(settings: Settings, engine: AsyncEngine, desk: Desk, vault: Vault, grp: str) -> FastAPI:
    app = build_api(
        "Notifier",
        [router, receipts, dead_letters(SERVICE, grp)],
        settings,
        engine=engine,
        errors=[NotifierError],
        public=[RECEIPTS_PATH],
    )
    app.state.desk = desk
    app.state.vault = vault
    return app


def reporters(settings: Settings) -> dict[str, Reporter]:
    """Return who reports, by the end of each one's address: our own gateway by its name."""
    own = Own(secret=SecretStr(settings.sms.receipt_key))
    return {
        settings.sms.gateway_id: own,
        **{one.path.get_secret_value(): one for one in settings.receipts},
    }


def gateways(settings: Settings, client: httpx.AsyncClient) -> dict[Channel, Gateway]:
    sms, smtp = settings.sms, settings.smtp
    found: dict[Channel, Gateway] = {
        Channel.SMS: SmsGateway(
            client=client,
            url=sms.url,
            secret=sms.secret.get_secret_value(),
            within_s=settings.request_timeout_s,
            unix_time=time.time,
        )
    }
    if smtp.host is not None:
        connection = connect_to(
            smtp.host,
            smtp.port,
            tls=smtp.tls,
            username=smtp.username,
            password=None if smtp.password is None else smtp.password.get_secret_value(),
            within_s=settings.request_timeout_s,
        )
        found[Channel.EMAIL] = MailGateway(
            connection=connection,
            within_s=settings.request_timeout_s,
            headers=[one.mail_header for one in settings.receipts],
        )
    return found


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
