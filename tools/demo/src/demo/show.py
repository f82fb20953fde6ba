"""The demo's scenes, and what it prints."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from demo import cdnow, day
from demo.api import Api
from demo.house import (
    PORTS,
    SERVICES,
    Failed,
    House,
    Pod,
    prepare_database,
    prepare_topics,
    secret,
    token,
)
from demo.live import Clock
from demo.stillness import Observer
from localstack import Stack
from simulators.shops import ShopifyShop, courier_push
from simulators.sms import SmsGateway
from simulators.smtp import MailServer

T = TypeVar("T")

DATABASE = "huiliu"
PARTITIONS = 4
TELL_EVERY_S = 10
COURIER_SALT = "demo-salt"
PLATFORM_SECRET = "demo-platform-secret"  # noqa: S105 - of a shop that does not exist
NOTIFIER_URL = f"http://127.0.0.1:{PORTS['notifier'][0]}"


class Tell(Protocol):
    """Says what is being done, and how much further the whole has come, in percent."""

    def __call__(self, what: str, share: float = 0) -> None: ...


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs while the demo plays."""

    stack: Stack
    house: House
    pods: Mapping[str, Pod]
    api: Api
    clock: Clock
    sms: SmsGateway
    mail: MailServer


async def stand(console: Console, folder: Path, stop: asyncio.Event, *, ends: bool) -> None:
    """Start the house, say where it is, and wait."""

    def tell(what: str, share: float = 0) -> None:
        del share
        console.print(what)

    async with _stage(folder, tell) as stage:
        _addresses(console, "")
        if not ends:
            await _until_stopped(stage, stop)


@dataclass(frozen=True, slots=True)
class Scene(Generic[T]):
    """What a demo plays, and what it prints of that.

    Args:
        shop_id: The shop whose report page is named at the end.
        play: Does it.
        report: Prints what came of it.
        starts_at: Business time at which the services start; today if missing.
        settings: Environment of every service.
    """

    shop_id: str
    play: Callable[["Stage", Tell], Awaitable[T]]
    report: Callable[[Console, "Stage", T], None]
    starts_at: datetime | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    days: tuple[date, date] | None = None  # first and last, that the report page opens with


async def show(
    console: Console, folder: Path, scene: Scene[T], stop: asyncio.Event, *, ends: bool
) -> None:
    """Play *scene*, print what came of it, and wait unless *ends*."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    progress = Progress(*columns, console=console, transient=True)
    bar = progress.add_task("starting", total=100)
    aside = _lines_for_a_file(console)

    def tell(what: str, share: float = 0) -> None:
        progress.update(bar, description=what, advance=share)
        aside(what)

    async with AsyncExitStack() as opened:
        with progress:
            stage = await opened.enter_async_context(
                _stage(folder, tell, scene.starts_at, scene.settings)
            )
            playing = asyncio.ensure_future(scene.play(stage, tell))
            await _first_of([playing], stop)
        if not playing.done():
            playing.cancel()
            await asyncio.wait({playing})
            return
        scene.report(console, stage, playing.result())
        if not ends:
            _addresses(console, scene.shop_id, scene.days)
            await _until_stopped(stage, stop)


def _lines_for_a_file(console: Console) -> Callable[[str], None]:
    """Return what tells of progress every ten seconds where no bar can be drawn."""
    told_at = monotonic()

    def tell(what: str) -> None:
        nonlocal told_at
        if not console.is_terminal and monotonic() - told_at >= TELL_EVERY_S:
            told_at = monotonic()
            console.print(what)

    return tell


def a_day() -> Scene[tuple[Any, Any]]:
    """Return the scene that is played without real data: CDNOW's past, then a day in a shop."""
    return Scene(day.SHOP_ID, _play, _report)


async def _play(stage: Stage, tell: Tell) -> tuple[Any, Any]:
    grid = await _replay(stage, tell)
    await live_day(stage, tell)
    return grid, await stage.api.get("reporting", f"/v1/shops/{day.SHOP_ID}/reports/summary")


def _report(console: Console, stage: Stage, played: tuple[Any, Any]) -> None:
    grid, summary = played
    print_grid(console, "CDNOW", grid)
    _print_summary(console, stage, summary)


@asynccontextmanager
async def _stage(
    folder: Path,
    tell: Tell,
    starts_at: datetime | None = None,
    settings: Mapping[str, str] | None = None,
) -> AsyncIterator[Stage]:
    gateway_secret = "whsec_" + b64encode(secrets.token_bytes(32)).decode()
    async with AsyncExitStack() as opened:
        tell("Kafka and Postgres")
        stack = await opened.enter_async_context(Stack(folder))
        tell("database and topics", 10)
        await prepare_database(stack.admin_url, DATABASE)
        await prepare_topics(stack, PARTITIONS)
        tell("services", 10)
        receipts = f"{NOTIFIER_URL}/v1/receipts/sms"
        sms = await opened.enter_async_context(
            SmsGateway(secret=gateway_secret, receipts_url=receipts)
        )
        mail = await opened.enter_async_context(MailServer())
        house = House(
            stack.kafka_servers,
            stack.admin_url,
            DATABASE,
            folder / "logs",
            settings={**gateways(sms, mail, gateway_secret), **(settings or {})},
        )
        opened.push_async_callback(house.stop)
        watch = await Observer.open(stack.admin_url, DATABASE, stack.kafka_servers)
        opened.push_async_callback(watch.close)
        if starts_at is not None:
            await watch.begin_at(starts_at)
        pods = await house.start_all()
        api = Api({name: pod.url for name, pod in pods.items()}, token())
        opened.push_async_callback(api.close)
        clock = Clock(watch, SERVICES, lambda: sms.callbacks.pending)
        tell("services are up", 10)
        yield Stage(stack, house, pods, api, clock, sms, mail)


def gateways(sms: SmsGateway, mail: MailServer, signing_secret: str) -> dict[str, str]:
    """Return the notifier's settings for these two."""
    return {
        "HUILIU_SMS__URL": sms.url,
        "HUILIU_SMS__SECRET": signing_secret,
        "HUILIU_SMS__PRICE_MICROS": "45000",  # 0.045 yuan a piece
        "HUILIU_SMTP__HOST": mail.host,
        "HUILIU_SMTP__PORT": str(mail.port),
    }


async def _replay(stage: Stage, tell: Tell) -> Any:
    """Push the CDNOW orders and return the grid at their last day."""
    shop = {"name": "CDNOW", "zone": str(cdnow.ZONE), "currency": "USD", "country": "US"}
    await stage.api.put(
        "ingest", f"/v1/shops/{cdnow.SHOP_ID}", {**shop, "locale": "en", "sms_signature": "CDNOW"}
    )
    batches = list(cdnow.batches())
    for number, batch in enumerate(batches, start=1):
        await stage.api.say(cdnow.SHOP_ID, *batch)
        tell(f"CDNOW: {number * len(batches[0])} orders pushed", 20 / len(batches))
    await stage.clock.rest()
    return await stage.api.get(
        "segmenter", f"/v1/shops/{cdnow.SHOP_ID}/grid", as_of=cdnow.LAST_DAY.isoformat()
    )


async def live_day(stage: Stage, tell: Tell) -> None:
    await stage.api.put("ingest", f"/v1/shops/{day.SHOP_ID}", day.SHOP)
    hooks = {
        kind: (
            await stage.api.post(
                "ingest",
                f"/v1/shops/{day.SHOP_ID}/connectors",
                {"kind": kind, "secrets": [key]},
            )
        )["connector_id"]
        for kind, key in (("shopify", PLATFORM_SECRET), ("kuaidi100", COURIER_SALT))
    }
    today = (await stage.clock.watch.now()).astimezone(day.ZONE).date()
    pushes = day.script(today + timedelta(days=1))

    async def told(at: datetime) -> None:
        tell(f"the shop's clock: {at.astimezone(day.ZONE):%a %H:%M}")

    for push in pushes:
        await stage.clock.arrive(push.at, told)
        tell(f"{push.at:%a %H:%M} {push.what}", 50 / len(pushes))
        await _push(stage, hooks, push)
    await stage.clock.rest()


async def _push(stage: Stage, hooks: Mapping[str, str], push: day.Push) -> None:
    await stage.api.say(day.SHOP_ID, *push.facts)
    for waybill, route in push.courier:
        request = courier_push(COURIER_SALT, waybill, route)
        await stage.api.hook(hooks["kuaidi100"], request.body, request.headers)
    platform = ShopifyShop(PLATFORM_SECRET)
    for purchase in push.platform:
        for request in (
            platform.placed(purchase),
            platform.paid(purchase, purchase.placed_at + timedelta(minutes=1)),
        ):
            await stage.api.hook(hooks["shopify"], request.body, request.headers)
    for phone, text in push.replies:
        await stage.sms.reply(phone, text)


def print_grid(console: Console, name: str, grid: Any) -> None:
    table = Table(title=f"{name}, {grid['as_of']}: who bought how lately, how often, for how much")
    table.add_column("cell")
    table.add_column("customers", justify="right")
    table.add_column(f"net money, {grid['currency']}", justify="right")
    for cell in grid["cells"]:
        money = f"{cell['monetary_minor'] / 100:,.2f}"
        table.add_row(cell["cell"], f"{cell['customers']:,}", money)
    console.print(table)


def _print_summary(console: Console, stage: Stage, summary: Any) -> None:
    table = Table(title=f"A day at {day.SHOP['name']}", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for what, value in _lines(summary):
        table.add_row(what, value)
    table.add_section()
    table.add_row("events pushed, both shops", f"{stage.api.events_in:,}")
    table.add_row("texts in the gateway's ledger", str(len(stage.sms.ledger.accepted)))
    table.add_row("mails in the server's ledger", str(len(stage.mail.ledger.accepted)))
    table.caption = "mail servers tell of no delivery: a mail stays sent"
    console.print(table)


def _lines(summary: Any) -> Iterator[tuple[str, str]]:
    effect = summary["effect"]
    yield "order events in", str(summary["orders"]["events"])
    yield "orders known, counted", f"{summary['orders']['known']}, {summary['orders']['counted']}"
    yield "segment changes", str(summary["segment_changes"])
    for one in summary["messages"]:
        why = f" ({one['reason']})" if one["reason"] else ""
        yield f"{one['kind']}: {one['state']}{why}", str(one["messages"])
    yield "reminders cancelled by payment", str(summary["cancelled_by_payment"])
    yield "revenue attributed, net", f"{effect['paid_amount_minor'] / 100:,.2f} CNY"
    yield "cost", f"{effect['cost_micros'] / 1_000_000:,.3f} CNY"
    yield "ROI", str(effect["roi"] or "-")


def _addresses(console: Console, shop_id: str, days: tuple[date, date] | None = None) -> None:
    console.print("API docs:")
    for service in SERVICES:
        console.print(f"  {service:14} http://127.0.0.1:{PORTS[service][0]}/docs")
    page = f"http://127.0.0.1:{PORTS['reporting'][0]}/console"
    if shop_id:
        page += f"#shop={shop_id}&token={token()}"
    if days:
        page += f"&from={days[0]}&last={days[1]}"
    console.print(f"report page: {page}", soft_wrap=True)
    console.print("for curl and the command huiliu:")
    console.print(f"  export TOKEN={token()}", soft_wrap=True)
    console.print(f"  export HUILIU_TOKEN_SECRET={secret('tokens')}", soft_wrap=True)


async def _until_stopped(stage: Stage, stop: asyncio.Event) -> None:
    """Wait; a service that ends by itself is `Failed`."""
    ends = {asyncio.create_task(pod.process.wait()): pod for pod in stage.pods.values()}
    await _first_of(ends, stop)
    for task, pod in ends.items():
        if not task.done():
            task.cancel()
        elif not stop.is_set():
            raise Failed(f"{pod.service} ended by itself; see {pod.log}")


async def _first_of(tasks: Collection[asyncio.Task[Any]], stop: asyncio.Event) -> None:
    """Return when one of *tasks* has ended, or *stop* was set."""
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
