"""The duty of fitting: one shop after the other, by a process apart, one at a time per pod."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, assert_never

from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing import faults
from plumbing.child import Child
from plumbing.resources import worker_role, worker_tx
from segmenter.edges.store import SOURCE
from segmenter.edges.values.store import Due, ModelStore
from segmenter.edges.values.wire import (
    SAID,
    Away,
    Failed,
    FitOf,
    Model,
    Said,
    Setup,
    TooMuch,
)
from segmenter.metrics import FIT_TIME, FITS

MIB: Final = 1024 * 1024

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What one fit may take, and what follows one that broke off."""

    takes_s: float = 60.0  # the process itself gives up then
    grace_s: float = 20.0  # for its start, and to say so; a frozen one is ended after both
    memory_bytes: int = 1024 * MIB  # of addresses
    tries: int = 3  # a day
    rest_s: float = 60.0  # times the tries so far


class Fitter:
    """Takes a shop whose day has no model yet, has it fitted, and keeps what came of it."""

    def __init__(self, engine: AsyncEngine, child: Child[Said], bounds: Bounds) -> None:
        self._engine = engine
        self._bounds = bounds
        self._child = child

    @property
    def pid(self) -> int | None:
        """The process at work, if there is one."""
        return self._child.pid

    async def run_until(self, stop: asyncio.Event) -> int:
        """Fit one shop, unless *stop* is set before it is done; return 1, or 0 for none to do."""
        stopping = asyncio.create_task(stop.wait(), name="stop fitting")
        fitting = asyncio.create_task(self.fit_next(), name="fit")
        try:
            await asyncio.wait({stopping, fitting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not fitting.done():
                fitting.cancel()
                await asyncio.wait({fitting})
        return 0 if fitting.cancelled() else fitting.result()

    async def fit_next(self) -> int:
        holder = uuid.uuid4().hex
        bounds = self._bounds
        async with worker_tx(self._engine, worker_role(SOURCE)) as conn:
            holds_s = bounds.takes_s + 2 * bounds.grace_s
            due = await ModelStore(conn, holder).take(holds_s)
        if due is None:
            await self._child.end()  # at rest it would hold 100 MB until tomorrow
            return 0
        with FIT_TIME.time():
            made = await self._made(due)
        async with worker_tx(self._engine, worker_role(SOURCE)) as conn:
            store = ModelStore(conn, holder)
            if isinstance(made, Model):
                kept = await store.save(due, made)
                FITS.labels(made.state if kept else "late").inc()
            else:
                await store.put_off(due, bounds.rest_s * due.tries)
                FITS.labels("broke off").inc()
        return 1

    async def _made(self, due: Due) -> Model | str:
        """Return what came of a fit; why it broke off if it is to be tried again."""
        try:
            said = await self._child.said(FitOf(due.shop_id, due.day, self._bounds.takes_s))
        except TimeoutError:
            return self._broke_off(due, "it took too long")
        except Exception as error:  # noqa: BLE001 - the process has ended; the shop's turn has not
            return self._broke_off(due, "its process ended", **faults.describe(error))
        match said:
            case Model():
                return said
            case TooMuch():
                return self._broke_off(due, "it needs too much memory")
            case Away():
                log.warning("database away", extra={"error": said.error})
                return "the database was away"
            case Failed():
                return self._broke_off(due, "it failed", error=said.error, stack=said.stack)
            case _:
                assert_never(said)

    def _broke_off(self, due: Due, why: str, **fields: str) -> Model | str:
        where = {"shop_id": due.shop_id, "why": why, "tries": str(due.tries)}
        log.warning("fit broke off", extra={**where, **fields})
        if due.tries < self._bounds.tries:
            return why
        return Model("no_fit", customers=0, repeaters=0, needed=0, reason=why)


@asynccontextmanager
async def open_fitter(
    engine: AsyncEngine, database_url: str, bounds: Bounds | None = None
) -> AsyncIterator[Fitter]:
    """Open what fits; its process ends with the block."""
    within = bounds or Bounds()
    child: Child[Said] = Child(
        "segmenter.edges.values.worker",
        Setup(database_url, within.memory_bytes),
        SAID,
        takes_s=within.takes_s + within.grace_s,
        is_last=lambda said: isinstance(said, TooMuch),
    )
    try:
        yield Fitter(engine, child, within)
    finally:
        await child.end()
