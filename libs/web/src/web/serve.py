"""The life of a service's process: start in order, run, stop without losing what was begun.

Exit codes: 0 it was asked to stop and did; 1 something failed, with one log line that says what;
2 wrong settings, with one line on stderr.
"""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import uvloop
from prometheus_client import disable_created_metrics
from starlette.applications import Starlette
from starlette.types import ASGIApp

from plumbing import faults
from plumbing.crashpoint import ENV, BadCrashPoint, arm_check
from web.crew import Crew, Rank, Task
from web.ops import Phase
from web.pulse import pulse
from web.server import Server
from web.settings import PREFIX, WRONG_SETTINGS, ServiceSettings, refuse

# A batch makes tens of thousands of objects that live until its COMMIT and are in no cycle: to walk
# them again and again took half of the time. What was imported is not walked at all.
GARBAGE = (100_000, 50, 100)
LAST_PASS_S = 5.0  # what relays get once everything else has ended
CLOSED_WITHIN_S = 10.0
GC_THRESHOLD = 20_000  # objects more than freed, instead of 700

log = logging.getLogger(__name__)


def subcommands(
    serve: Callable[[], None], migrate: Callable[[], None], argv: Sequence[str] | None = None
) -> None:
    """Do what the command line asks for: `serve`, also when it says nothing, or `migrate`."""
    given = list(sys.argv[1:] if argv is None else argv)
    match given:
        case [] | ["serve"]:
            serve()
        case ["migrate"]:
            migrate()
        case _:
            sys.stderr.write(f"usage: {Path(sys.argv[0]).name} [serve | migrate]\n")
            raise SystemExit(WRONG_SETTINGS)


def start(run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> NoReturn:
    """Run *run* until it ends, and exit. SIGTERM and SIGINT set its event; a second one kills.

    Args:
        run: Opens what the service needs, calls `run_service`, closes.
    """
    try:
        arm_check()
    except BadCrashPoint as error:
        refuse(ENV, str(error))
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own omission
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(_until_signal(run))
            finally:
                # A thread that hangs would keep the loop from closing, the process from ending.
                _exit_after(CLOSED_WITHIN_S, "closing")
    except Exception as error:  # noqa: BLE001 - the top of the process
        log.critical("ended by an error", extra=faults.describe(error))
        raise SystemExit(1) from None
    raise SystemExit(0)


async def run_service(  # noqa: PLR0913 - the composition of a whole process
    api_app: ASGIApp,
    ops_app: Starlette,
    tasks: Sequence[Task],
    stop: asyncio.Event,
    settings: ServiceSettings,
    *,
    last: Sequence[Task] = (),
    prepare: Callable[[], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Serve both ports and run the tasks until *stop* is set or one fails; then end in order.

    Args:
        api_app: Listens once *prepare* is done and the tasks run.
        ops_app: Made by `ops.ops_app`; answers from the beginning to the end.
        tasks: Each gets *stop* and returns soon after it is set. One that raises, or returns
            before, stops the process with exit code 1.
        stop: Set by the signals.
        settings: Addresses and how long an orderly end may take.
        last: Tasks that must outlive the others (relays): their event is set when the API and all
            *tasks* have ended, so that their last pass sees everything.
        prepare: What must be so before anything runs.
    """
    ops = Server(ops_app, f"{PREFIX}OPS_PORT", grace_s=1)
    api = Server(api_app, f"{PREFIX}HTTP_PORT", grace_s=settings.stop_grace_s)
    crew = Crew(stop)
    others_ended = asyncio.Event()
    try:
        ops.bind(settings.host, settings.ops_port)
        api.bind(settings.host, settings.http_port)
        ops.listen()
        crew.add("ops", ops.run_until_told(), Rank.OPS)
        if prepare is not None:
            await crew.wait_for(prepare())
        if not stop.is_set():
            crew.add_all([*tasks, pulse], stop, Rank.WORK)
            crew.add_all(last, others_ended, Rank.LAST)
            api.listen()
            crew.add("api", api.run_until_told(), Rank.WORK)
            _enter(ops_app, "serving", api=api.address, ops=ops.address)
            await stop.wait()
        _enter(ops_app, "stopping")
        with _deadline(settings.stop_grace_s + 3 * LAST_PASS_S, "stopping"):
            await _end(crew, api, ops, others_ended, settings.stop_grace_s)
    finally:
        await crew.cancel()
        api.close()
        ops.close()
    if crew.exit_code:
        raise SystemExit(crew.exit_code)
    log.info("stopped")


def _spare_the_collector() -> None:
    """What was imported and opened stays: let no collection walk it again, and few of them run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


async def _end(
    crew: Crew, api: Server, ops: Server, others_ended: asyncio.Event, grace_s: float
) -> None:
    api.should_exit = True
    await crew.end(Rank.WORK, grace_s + 1)  # the server cancels its requests after grace_s
    others_ended.set()
    await crew.end(Rank.LAST, LAST_PASS_S)
    ops.should_exit = True
    await crew.end(Rank.OPS, LAST_PASS_S)


async def _until_signal(run: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, number, stop)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE)
    await run(stop)


def _on_signal(number: signal.Signals, stop: asyncio.Event) -> None:
    if stop.is_set():
        log.critical("asked twice to stop", extra={"signal": number.name})
        os._exit(128 + number)
    log.info("asked to stop", extra={"signal": number.name})
    stop.set()


@contextmanager
def _deadline(seconds: float, phase: str) -> Iterator[None]:
    timer = _exit_after(seconds, phase)
    try:
        yield
    finally:
        timer.cancel()


def _exit_after(seconds: float, phase: str) -> threading.Timer:
    """End the process then, whatever hangs: a thread needs no event loop to do so."""

    def end() -> None:
        log.critical("hung", extra={"phase": phase, "after_s": seconds})
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


def _enter(ops_app: Starlette, phase: Phase, **fields: str) -> None:
    ops_app.state.phase = phase
    if phase == "serving":
        _spare_the_collector()
    log.info(phase, extra=fields)
