"""What happens by itself: due messages are delivered, what nobody settles is closed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.events import Channel, DeliveryState
from notifier import metrics
from notifier.app.deliver import Claim, Ref, pass_gate, settle
from notifier.app.reconcile import reconcile
from notifier.domain.gate import Terms
from notifier.domain.outcome import Accepted, Outcome, Refused, Unsure
from notifier.domain.render import Render
from notifier.domain.verdict import Hold, Stop
from notifier.edges.gateways import Gateway
from notifier.edges.receipt_store import ReceiptStore
from notifier.edges.send_store import SendStore
from notifier.edges.vault import Vault
from plumbing import trace
from plumbing.away import is_transient
from plumbing.clock import business_clock
from plumbing.crashpoint import crashpoint
from plumbing.resources import worker_role, worker_tx
from plumbing.stopping import wait_s
from plumbing.watchdog import Watchdog

ROLE: Final = worker_role("notifier")
DUTY: Final = "deliveries"

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(kw_only=True, eq=False)
class Deliveries:
    """Draws due messages by priority, due time and key, and sends at most *in_flight* at a time.

    Each message is two transactions with the request between them. A process that dies anywhere
    leaves a claim behind, and a claim is never sent again.
    """

    engine: AsyncEngine
    vault: Vault
    partitions: int
    gateways: Mapping[Channel, Gateway]
    render: Render
    terms: Terms
    on_commit: Callable[[], None]
    in_flight: int = 50
    gates: int = 6  # transactions at a time: fewer than the pool has connections
    poll_s: float = 0.2
    late_start_s: float = 0.4
    watch: Watchdog | None = None
    _busy: set[str] = field(default_factory=set, init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _gate: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._gate = asyncio.Semaphore(self.gates)

    def wake(self) -> None:
        """Look for due messages now; called after commits that may have made some."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until *stop*, then until what was begun has ended."""
        ended = asyncio.create_task(self._wake_at(stop))
        try:
            async with asyncio.TaskGroup() as sends:
                while not stop.is_set():
                    self._wake.clear()
                    room = self.in_flight - len(self._busy)
                    drawn = await self._draw(room) if room else []
                    for ref in drawn:
                        self._busy.add(ref.message_id)
                        sends.create_task(self._deliver(ref))
                    if self.watch is not None:
                        self.watch.progress(DUTY)
                    if not room or len(drawn) < room:
                        await self._rest()
        finally:
            ended.cancel()
            if self.watch is not None:
                self.watch.forget(DUTY)

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self.poll_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _draw(self, room: int) -> list[Ref]:
        async def due(conn: AsyncConnection) -> list[Ref]:
            return await self._store(conn).due(room, sorted(self._busy))

        return await self._once(due) or []

    async def _deliver(self, ref: Ref) -> None:
        try:
            with trace.continued(()):
                await self._send(ref)
        finally:
            self._busy.discard(ref.message_id)
            self._wake.set()

    async def _send(self, ref: Ref) -> None:
        loop = asyncio.get_running_loop()
        judged_s = 0.0

        async def gate(conn: AsyncConnection) -> Claim | Stop | None:
            nonlocal judged_s
            judged_s = loop.time()
            return await pass_gate(self._store(conn), self.render, self.terms, ref)

        async with self._gate:
            claim = await self._once(gate)
        self.on_commit()
        if not isinstance(claim, Claim):
            _count_stop(claim)
            return
        crashpoint("send-after-claim")
        began_s = loop.time()
        if claim.message.needs_freshness and began_s - judged_s > self.late_start_s:
            metrics.LATE_STARTS.inc()
            outcome: Outcome = Refused("late_start", retryable=True)
        else:
            gateway = self.gateways[claim.draft.channel]
            outcome = await gateway.send(claim.message, claim.draft)
            crashpoint("send-after-request")
            metrics.REQUEST.labels(claim.draft.channel).observe(loop.time() - began_s)
        await self._settle(claim, outcome)
        self.on_commit()

    async def _settle(self, claim: Claim, outcome: Outcome) -> None:
        async def write(conn: AsyncConnection) -> DeliveryState:
            now = await business_clock(conn)
            after = await settle(self._store(conn), claim, outcome, now)
            crashpoint("send-after-answer")
            return after.state

        attempt = 0
        while (state := await self._once(write)) is None:
            # What the gateway said must not be lost; until it is written the message is claimed.
            attempt += 1
            await asyncio.sleep(wait_s(attempt))
        _count_outcome(claim, outcome)
        log.info(
            "message tried",
            extra={
                "message_id": claim.message.message_id,
                "attempt_no": claim.message.attempt_no,
                "outcome": type(outcome).__name__.lower(),
                "detail": "" if isinstance(outcome, Accepted) else outcome.reason,
                "state": state,
            },
        )

    async def _once(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T | None:
        """Do *work* in one transaction; None when the database is away or in the way."""
        try:
            async with worker_tx(self.engine, ROLE) as conn:
                return await work(conn)
        except (SQLAlchemyError, OSError) as error:
            if not is_transient(error):
                raise
            log.warning("database not ready", extra={"error": type(error).__name__})
            return None

    def _store(self, conn: AsyncConnection) -> SendStore:
        return SendStore(conn, self.vault, self.partitions)


@dataclass(kw_only=True)
class Sweep:
    """One pass of the reconciler, for `plumbing.poll`."""

    engine: AsyncEngine
    vault: Vault
    partitions: int
    claim_timeout_s: float
    unknown_close_s: float
    on_commit: Callable[[], None]

    async def __call__(self) -> int:
        async with worker_tx(self.engine, ROLE) as conn:
            store = ReceiptStore(conn, self.vault, self.partitions)
            moved = await reconcile(
                store,
                await business_clock(conn),
                claim_timeout_s=self.claim_timeout_s,
                unknown_close_s=self.unknown_close_s,
            )
            await store.prune()
        if moved:
            metrics.RECONCILED.inc(moved)
            self.on_commit()
        return moved


def _count_stop(verdict: Stop | None) -> None:
    if isinstance(verdict, Hold):
        metrics.HELD.labels(verdict.reason).inc()
    elif verdict is not None:
        metrics.STOPPED.labels(type(verdict).__name__.lower()).inc()


def _count_outcome(claim: Claim, outcome: Outcome) -> None:
    metrics.SENDS.labels(claim.draft.channel, type(outcome).__name__.lower()).inc()
    if isinstance(outcome, Unsure):
        metrics.UNKNOWN_SENDS.inc()
