"""Build one service's API: its routers with everything that must not be forgotten around them."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from http import HTTPStatus

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from prometheus_client import REGISTRY, CollectorRegistry
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from plumbing.away import is_away
from web import docs as manual
from web.auth import LONGEST_S, Guard, Verifier
from web.bodies import request_errors
from web.dead_letters import SHOWN as DEAD_LETTERS_SHOWN
from web.limits import NONE, Admission, BodyLimit, Gate, HeadLimit
from web.metrics import http_metrics
from web.openapi import Api, Shown
from web.problems import Problem, Unavailable, Unprocessable, problem_response, response_of
from web.requests import RequestScope
from web.settings import PREFIX, ServiceSettings, refuse
from web.token_keys import KeyFile, KeySource, SharedSecret

log = logging.getLogger(__name__)

_SLUGS = {404: "not-found", 405: "method-not-allowed"}


def build_api(  # noqa: PLR0913 - the composition root of every service's API
    title: str,
    routers: Sequence[APIRouter],
    settings: ServiceSettings,
    *,
    engine: AsyncEngine | None = None,
    registry: CollectorRegistry = REGISTRY,
    errors: Sequence[type[Exception]] = (),
    public: Collection[str] = (),
    uploads: Mapping[str, int] = NONE,
    docs: bool = True,
    shown: Mapping[str, Shown] | None = None,
) -> FastAPI:
    """Return the app; a route that is open by mistake, or has no name, is a ValueError.

    Args:
        title: The service's name in /docs.
        routers: Each route has an `operation_id` and begins with `require(scope)`.
        settings: Where token keys come from.
        engine: What routes get that ask for an `Engine`.
        registry: Where the metrics go.
        errors: Roots of the service's own error trees: each error has a `status`.
        public: Path templates that take no token; a mounted app's prefix among them.
        uploads: Path templates whose POST takes files, with the bytes that a body may have there.
        docs: Whether to show /docs and /openapi.json.
        shown: What these tell of operations, by operation id.
    """
    gate = Gate(settings.max_requests)
    app = Api(
        title=title,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if docs else None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        middleware=[
            Middleware(RequestScope, metrics=http_metrics(registry)),
            Middleware(HeadLimit),
            Middleware(Admission, gate=gate),
            Middleware(BodyLimit, uploads=uploads),
        ],
    )
    app.shown = {**DEAD_LETTERS_SHOWN, **(shown or {})}
    app.state.engine = engine
    app.state.gate = gate
    app.state.verifier = Verifier(
        _key_source(settings), longest_s=None if settings.environment == "local" else LONGEST_S
    )
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(SQLAlchemyError, _on_database_error)
    app.add_exception_handler(OSError, _on_database_error)
    refusals: list[type[Exception]] = [Problem, *errors]
    for kind in refusals:
        app.add_exception_handler(kind, _on_refusal)
    for router in routers:
        app.include_router(router)
    if docs:
        manual.mount_docs(app)
    check_routes(app, public=(*public, *manual.PATHS))
    return app


def check_routes(app: FastAPI, public: Collection[str] = ()) -> None:
    """Refuse, by ValueError, an app with a route that nobody guards."""
    names: set[str] = set()
    for route in iter_route_contexts(app.routes):
        fault = _fault(route, public, names)
        if fault:
            raise ValueError(f"route {route.path}: {fault}")


def _fault(route: RouteContext, public: Collection[str], names: set[str]) -> str | None:
    if not isinstance(route.original_route, APIRoute):
        return None if route.path in public else "has no scope and is not listed as public"
    if not route.operation_id or route.operation_id in names:
        return "needs an operation_id of its own"
    names.add(route.operation_id)
    if route.body_field is not None:
        return "declares a body, which is read before the token: use json_body or limited_body"
    first = next(iter(route.dependant.dependencies), None)
    guarded = first is not None and isinstance(first.call, Guard)
    if guarded == (route.path in public):
        return "must either begin with require(scope) or be listed as public"
    return None


def _key_source(settings: ServiceSettings) -> KeySource:
    if settings.token_secret is not None:
        return SharedSecret(settings.token_secret.get_secret_value())
    if settings.token_keys_file is None:
        refuse(f"{PREFIX}TOKEN_KEYS_FILE", "missing")
    try:
        return KeyFile(settings.token_keys_file)
    except OSError as error:
        refuse(f"{PREFIX}TOKEN_KEYS_FILE", f"cannot be read: {error.strerror}")
    except ValueError as error:
        refuse(f"{PREFIX}TOKEN_KEYS_FILE", str(error))


# Starlette hands its handlers an Exception; each knows what it was registered for.


async def _on_refusal(_: Request, error: Exception) -> Response:
    return response_of(error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    """Answer Starlette's own 404, 405 and the like."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"Allow": ", ".join(sorted(_methods_at(request)))}
    slug = _SLUGS.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "-")
    return problem_response(status, slug, headers=headers)


def _methods_at(request: Request) -> set[str]:
    """Return all that may be done there: the first route of a path knows its own method only.

    Of several templates that fit, the most concrete one is what the path names, as OpenAPI has it.
    """
    path = request.scope["path"]
    fitting = defaultdict[str, set[str]](set)
    for route in iter_route_contexts(request.app.routes):
        if isinstance(route.original_route, APIRoute) and route.path_regex.match(path):
            fitting[route.path_format or ""] |= set(route.methods or ())
    return fitting[min(fitting, key=lambda template: template.count("{"))]


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return response_of(Unprocessable(errors=request_errors(found)))


async def _on_database_error(_: Request, error: Exception) -> Response:
    problem = away_problem(error)
    if problem is None:
        raise error
    return response_of(problem)


def away_problem(error: Exception) -> Problem | None:
    """Return what a caller is told when *error* only means that the database is away."""
    if not isinstance(error, SQLAlchemyError | OSError) or not is_away(error):
        return None
    log.warning("database away", extra={"error": type(error).__name__})
    return Unavailable("the database does not answer")
