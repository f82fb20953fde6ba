"""Health, readiness, metrics and version, on a port of their own that is not public."""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, TypeAlias

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Check: TypeAlias = Callable[[], Awaitable[str | None]]  # None, or what is the matter
Phase: TypeAlias = Literal["starting", "serving", "stopping"]

ANSWERS_WITHIN_S = 3.0


def ops_app(
    service: str,
    readiness: Mapping[str, Check],
    liveness: Callable[[], str | None],
    registry: CollectorRegistry = REGISTRY,
) -> Starlette:
    """Return the app of the second port; `serve` moves its `state.phase`.

    Args:
        service: The distribution's name, for /version.
        readiness: Named checks; each is given 3 s. Ready means: serving, and none complains.
        liveness: The watchdog's view; it must depend on nothing outside the process.
        registry: What /metrics shows.
    """

    async def livez(_: Request) -> Response:
        reason = liveness()
        return JSONResponse({"alive": reason is None, "reason": reason}, _status(reason is None))

    async def readyz(_: Request) -> Response:
        answers = await asyncio.gather(*(_ask(check) for check in readiness.values()))
        checks = {name: answer or "ok" for name, answer in zip(readiness, answers, strict=True)}
        phase: Phase = app.state.phase
        ready = phase == "serving" and not any(answers)
        return JSONResponse({"ready": ready, "phase": phase, "checks": checks}, _status(ready))

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    async def about(_: Request) -> Response:
        return JSONResponse(
            {
                "service": service,
                "version": _version(service),
                "python": platform.python_version(),
            }
        )

    app = Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/version", about),
        ]
    )
    app.state.phase = "starting"
    return app


async def _ask(check: Check) -> str | None:
    try:
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            return await check()
    except TimeoutError:
        return "does not answer"
    except Exception as error:  # noqa: BLE001 - a check that fails is an answer: not ready
        return type(error).__name__


def _status(good: bool) -> int:
    return 200 if good else 503


def _version(service: str) -> str:
    try:
        return version(service)
    except PackageNotFoundError:
        return "unknown"
