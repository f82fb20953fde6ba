"""Ask platforms for what their webhooks did not bring: one pod at a time, each shop in its turn.

What a page says is durable before the cursor moves past it, or the platform hears that it is
confirmed. So a death between the two asks again for what is known, which merges away.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Literal

import httpx
import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ingest import metrics
from ingest.domain import pulling
from ingest.domain.pulling import Sweep
from ingest.edges import taking
from ingest.edges.directory import Connector
from ingest.edges.kinds import KINDS
from ingest.edges.kinds.kind import Kind, saved
from ingest.edges.ports import Ports
from ingest.edges.pulls.pull import Page, Pull, PullFailed
from ingest.edges.store import SOURCE
from ingest.edges.tables import pull
from ingest.errors import IngestError
from plumbing.lease import SILENT_S, hold
from plumbing.resources import worker_role, worker_tx
from plumbing.stopping import pause
from plumbing.watchdog import Watchdog
from web.bodies import Strict

LEASE: Final = "ingest puller"
DUTY: Final = "puller"
LOOK_EVERY_S: Final = 2.0
LEASE_EVERY_S: Final = 5.0
AT_ONCE: Final = 4
TURN_S: Final = 8.0  # then others have theirs; below what the lease's session may be silent
BETWEEN_PAGES_S: Final = 0.5

_DUE: Final = text(
    """
    select connector_id from pull
    where next_at <= clock_timestamp() order by next_at limit :limit
    """
)
_SAVE: Final = text(
    """
    update pull set mark = :mark, next_at = :next_at, began_at = :began_at, place = :place,
        failures = :failures, error = :error, done_at = coalesce(:done_at, done_at),
        hook_off = coalesce(:hook_off, hook_off)
    where connector_id = :connector_id
    """
)
_HOOKS_OFF: Final = text("select count(*) from pull where hook_off")

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Puller:
    """One per process; who holds the lease works.

    Args:
        engine: Where cursors are.
        client: Goes outside only.
        ports: What is read becomes durable by.
        silent_s: Of the lease's session.
        watch: Told that it lives.
        between_pages_s: Rest after each request of one shop.
        turn_s: How long one shop has in a row.
    """

    engine: AsyncEngine
    client: httpx.AsyncClient
    ports: Ports
    silent_s: float = SILENT_S
    watch: Watchdog | None = None
    between_pages_s: float = BETWEEN_PAGES_S
    turn_s: float = TURN_S

    def __post_init__(self) -> None:
        for kind in KINDS.values():
            if kind.pull is not None:  # nought is told too
                metrics.PULLED.labels(kind.name, "accepted")
                for how in ("done", "going", "failed"):
                    metrics.SWEEPS.labels(kind.name, how)

    async def run(self, stop: asyncio.Event) -> None:
        await hold(
            self.engine,
            LEASE,
            partial(self._hold, stop=stop),
            stop,
            every_s=LEASE_EVERY_S,
            silent_s=self.silent_s,
            before=self._well,
        )

    async def _hold(self, conn: AsyncConnection, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self._turn(conn, stop)
            await pause(stop, LOOK_EVERY_S)

    async def _turn(self, conn: AsyncConnection, stop: asyncio.Event) -> None:
        async with conn.begin():
            await conn.execute(text("select 1"))  # who holds the lease still speaks
        self._well()
        async with worker_tx(self.engine, worker_role(SOURCE)) as work:
            due = [row.connector_id for row in await work.execute(_DUE, {"limit": AT_ONCE})]
            metrics.HOOKS_OFF.set(await work.scalar(_HOOKS_OFF) or 0)
        await asyncio.gather(*(self.sweep(one, stop) for one in due))

    async def sweep(self, connector_id: str, stop: asyncio.Event) -> None:
        """Go on with one connector's sweep, for the length of a turn."""
        known = self.ports.directory.known_connector(connector_id)
        kind = None if known is None else KINDS.get(known.kind)
        found = await self._load(connector_id)
        if known is None or kind is None or kind.pull is None or known.api is None or found is None:
            return  # this process has not heard of it yet, or of its end
        api = saved(kind.pull.api, known.api)
        begun = pulling.begun(found, self.ports.now())
        pages = kind.pull.pages(self.client, api, begun.since, self.ports.now)
        turn = await self._pages(known, kind, pages, begun, stop)
        now, every = self.ports.now(), kind.pull.every
        hook_off = await self._hook_off(known, kind.pull, api) if turn.how == "done" else None
        if turn.how == "done":
            sweep = pulling.ended(turn.sweep, now, every)
        elif turn.how == "going":
            sweep = pulling.paused(turn.sweep, now)
        else:
            sweep = pulling.failed(turn.sweep, now, every, turn.wait_s)
            fields = {"connector_kind": known.kind, "failures": sweep.failures}
            log.warning("a platform cannot be asked", extra={**fields, "reason": turn.error})
        metrics.SWEEPS.labels(known.kind, turn.how).inc()
        done_at = now if turn.how == "done" else None
        await self._save(connector_id, sweep, error=turn.error, done_at=done_at, hook_off=hook_off)

    async def _pages(
        self,
        known: Connector,
        kind: Kind,
        pages: AsyncIterator[Page],
        sweep: Sweep,
        stop: asyncio.Event,
    ) -> "_Turn":
        """Take pages until there are no more, the turn is over, or something fails."""
        until = asyncio.get_running_loop().time() + self.turn_s
        try:
            async for page in pages:
                await self._take(known, kind, page)
                if page.newest is not None:
                    sweep = pulling.advanced(sweep, page.newest)
                    await self._save(known.connector_id, sweep)
                self._well()
                if stop.is_set() or asyncio.get_running_loop().time() >= until:
                    return _Turn(sweep, "going")
                await pause(stop, self.between_pages_s)
        except PullFailed as error:
            return _Turn(sweep, "failed", str(error), error.wait_s)
        except IngestError as error:
            return _Turn(sweep, "failed", str(error))
        return _Turn(sweep, "done")

    async def _take(self, known: Connector, kind: Kind, page: Page) -> None:
        for body in page.bodies:
            outcome, reason = await taking.take(
                known, kind, orjson.dumps(body, default=str), body, self.ports
            )
            metrics.PULLED.labels(known.kind, outcome).inc()
            if reason:
                self.ports.push_log.note(
                    known, self.ports.now(), outcome, f"asked for: {reason}", 0
                )
        if page.confirm is not None:
            await page.confirm()

    async def _hook_off(self, known: Connector, pull: Pull, api: Strict) -> bool | None:
        """Tell whether the platform has switched our hook off; None when it does not say."""
        if pull.hook_is_off is None:
            return None
        with suppress(PullFailed):  # a key may read orders and not hooks
            off = await pull.hook_is_off(self.client, api, f"/v1/hooks/{known.connector_id}")
            if off:
                log.error("a platform has switched our hook off", extra={"shop_id": known.shop_id})
            return off
        return None

    async def _load(self, connector_id: str) -> Sweep | None:
        async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
            wanted = select(pull).where(pull.c.connector_id == connector_id)
            row = (await conn.execute(wanted)).one_or_none()
        if row is None:
            return None
        return Sweep(row.mark, row.next_at, row.began_at, row.place, row.failures)

    async def _save(
        self,
        connector_id: str,
        sweep: Sweep,
        *,
        error: str | None = None,
        done_at: datetime | None = None,
        hook_off: bool | None = None,
    ) -> None:
        said = {
            "connector_id": connector_id,
            "mark": sweep.mark,
            "next_at": sweep.next_at,
            "began_at": sweep.began_at,
            "place": sweep.place,
            "failures": sweep.failures,
            "error": error,
            "done_at": done_at,
            "hook_off": hook_off,
        }
        async with worker_tx(self.engine, worker_role(SOURCE)) as conn:
            await conn.execute(_SAVE, said)

    def _well(self) -> None:
        if self.watch is not None:
            self.watch.progress(DUTY)


@dataclass(frozen=True, slots=True)
class _Turn:
    """How far a turn came, and how it ended: why it failed, and what wait was asked for."""

    sweep: Sweep
    how: Literal["done", "going", "failed"]
    error: str | None = None
    wait_s: float | None = None
