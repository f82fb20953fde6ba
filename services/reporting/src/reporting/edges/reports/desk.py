"""Where reports are asked for: few are made at once, some wait, the rest is told to come again."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Final, assert_never

from plumbing import faults
from plumbing.child import Child
from reporting.edges.reports.wire import (
    SAID,
    Ask,
    Away,
    Failed,
    Made,
    Refused,
    Said,
    Setup,
    TooMuch,
    operation,
)
from reporting.errors import NoSuchPeriod, NotNow, TooManyMessages, UnknownShop
from reporting.metrics import REFUSED, REPORT_TIME, WAITING
from web.problems import Problem, Unavailable

MIB: Final = 1024 * 1024

_REFUSALS: Final = {kind.__name__: kind for kind in (UnknownShop, NoSuchPeriod)}

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """How many different reports wait, and for how long; what making one may take."""

    waiting: int = 32
    waiting_of_a_shop: int = 8
    waits_s: float = 20.0
    takes_s: float = 60.0
    memory_bytes: int = 768 * MIB  # of addresses; 93 MiB at rest


@dataclass(eq=False)
class _Wanted:
    """A report, and how many ask for it."""

    ask: Ask
    patience: asyncio.TimerHandle
    answer: asyncio.Future[Said | NotNow] = field(default_factory=asyncio.Future)
    callers: int = 0
    context: Context = field(default_factory=copy_context)  # its first caller's trace


class Desk:
    """Gives reports to *children*, the longest wait first, but no shop two while another has none.

    Who asks for what waits already shares it. What has begun is not joined: it may have been read
    before what the caller knows of.
    """

    def __init__(self, children: list[Child[Said]], bounds: Bounds) -> None:
        self._bounds = bounds
        self._children = children
        self._free = list(children)
        self._waiting: dict[Ask, _Wanted] = {}
        self._at_work: dict[asyncio.Task[None], str] = {}  # for which shop
        WAITING.set_function(lambda: len(self._waiting) / bounds.waiting)

    async def report(self, ask: Ask) -> bytes:
        """Return the report as JSON. Who is cancelled gives up only his own wish.

        Raises:
            ReportingError: It cannot be had, or not now.
            Problem: The database is away, or a fault of ours, which is in the log.
        """
        wanted = self._waiting.get(ask) or self._take(ask)
        wanted.callers += 1
        try:
            await asyncio.wait({wanted.answer})
        finally:
            wanted.callers -= 1
            if not wanted.callers:
                self._drop(wanted)
        return _body(ask, wanted.answer.result())

    async def close(self) -> None:
        """End the children. What is still asked for is refused."""
        self._free = []
        for wanted in list(self._waiting.values()):
            self._refuse(wanted, "stop")
        for task in list(self._at_work):
            task.cancel()
        if self._at_work:
            await asyncio.wait(set(self._at_work))
        for child in self._children:
            await child.end()

    def _take(self, ask: Ask) -> _Wanted:
        of_shop = sum(one.shop_id == ask.shop_id for one in self._waiting)
        if len(self._waiting) >= self._bounds.waiting or of_shop >= self._bounds.waiting_of_a_shop:
            REFUSED.labels("queue").inc()
            raise NotNow(_WHY["queue"])
        patience = asyncio.get_running_loop().call_later(self._bounds.waits_s, self._give_up, ask)
        wanted = self._waiting[ask] = _Wanted(ask, patience)
        self._begin()
        return wanted

    def _give_up(self, ask: Ask) -> None:
        self._refuse(self._waiting[ask], "wait")

    def _drop(self, wanted: _Wanted) -> None:
        """Let *wanted* wait no longer, if it did: another may be waiting for the same since."""
        if self._waiting.get(wanted.ask) is wanted:
            del self._waiting[wanted.ask]
            wanted.patience.cancel()

    def _refuse(self, wanted: _Wanted, reason: str) -> None:
        self._drop(wanted)
        REFUSED.labels(reason).inc()
        wanted.answer.set_result(NotNow(_WHY[reason]))

    def _begin(self) -> None:
        while self._free and self._waiting:
            at_work = Counter(self._at_work.values())
            wanted = min(self._waiting.values(), key=lambda one: at_work[one.ask.shop_id])
            self._drop(wanted)
            task = asyncio.create_task(
                self._work(self._free.pop(), wanted), name="report", context=wanted.context
            )
            self._at_work[task] = wanted.ask.shop_id
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._at_work[task]
        self._begin()

    async def _work(self, child: Child[Said], wanted: _Wanted) -> None:
        what = operation(wanted.ask)
        try:
            with REPORT_TIME.labels(what).time():
                said = await child.said(wanted.ask)
        except TimeoutError:
            log.warning("report took too long", extra={"operation": what})
            self._refuse(wanted, "time")
        except asyncio.CancelledError:
            self._refuse(wanted, "stop")
            raise
        except Exception as error:  # noqa: BLE001 - the child has ended; callers wait for a word
            log.warning("report process ended", extra={"operation": what, **faults.describe(error)})
            self._refuse(wanted, "died")
        else:
            if isinstance(said, TooMuch):
                REFUSED.labels("memory").inc()
            wanted.answer.set_result(said)
        finally:
            self._free.append(child)


_WHY: Final = {
    "queue": "too many reports are asked for",
    "wait": "too many reports are asked for",
    "time": "the report took too long: ask for a shorter period, or again",
    "died": "the report broke off",
    "stop": "this process stops",
}


def _body(ask: Ask, said: Said | NotNow) -> bytes:
    match said:
        case Made():
            return said.body
        case Refused():
            raise _REFUSALS[said.kind](said.why)
        case TooMuch():
            raise TooManyMessages("too many messages in this period: ask for a shorter one")
        case Away():
            log.warning("database away", extra={"error": said.error})
            raise Unavailable("the database does not answer")
        case Failed():
            fault = {"error": said.error, "stack": said.stack}
            log.error("report failed", extra={"operation": operation(ask), **fault})
            raise Problem
        case NotNow():
            raise said
        case _:
            assert_never(said)


@asynccontextmanager
async def open_desk(
    database_url: str, at_once: int, bounds: Bounds | None = None
) -> AsyncIterator[Desk]:
    """Open a desk with room for *at_once* reports at work. Its processes end with the block."""
    within = bounds or Bounds()
    setup = Setup(database_url, within.memory_bytes)
    desk = Desk([_child(setup, within.takes_s) for _ in range(at_once)], within)
    try:
        yield desk
    finally:
        await desk.close()


def _child(setup: Setup, takes_s: float) -> Child[Said]:
    return Child(
        "reporting.edges.reports.worker",
        setup,
        SAID,
        takes_s=takes_s,
        is_last=lambda said: isinstance(said, TooMuch),
    )
