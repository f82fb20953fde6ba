"""Complete FastAPI's OpenAPI document with what it can't see: JSON bodies, scopes, problems.

What the code tells is derived here, once for all services. What it does not tell, examples and the
errors of one operation, a service says with `Shown`.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.encoders import jsonable_encoder
from fastapi.routing import RouteContext, iter_route_contexts
from typing_extensions import override

from web.auth import Guard
from web.bodies import JsonBody
from web.problems import (
    MEDIA_TYPE,
    TYPE,
    BadRequest,
    Forbidden,
    HeadTooLarge,
    Problem,
    TooLarge,
    TooManyRequests,
    TooSlow,
    Unauthorized,
    Unavailable,
    Unprocessable,
    UnsupportedMedia,
    meaning_of,
    phrase,
    slug_of,
)

SCHEMAS = "#/components/schemas/"
RESPONSES = "#/components/responses/"
HEADERS = "#/components/headers/"

_ABOUT = (
    "What is refused is a problem as RFC 9457 has it: its `type` is stable, its texts are not. "
    "A token's shop must be the path's; `*` stands for all."
)
_TEXT = {"type": "string"}
_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. `errors` says where, by JSON pointer, and how; never the value.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "examples": [TYPE + "unprocessable"]},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "title": "FieldError",
                "type": "object",
                "required": ["field", "code"],
                "properties": {"field": _TEXT, "code": _TEXT, "hint": _TEXT},
            },
        },
    },
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "Claims: iss, aud, sub, shop, scopes (a list), iat, exp. "
    "What each operation requires is one of the scopes.",
}
_ANY_PROBLEM = {
    "description": "Refused, or not possible now",
    "content": {MEDIA_TYPE: {"schema": {"$ref": SCHEMAS + "Problem"}}},
}
_LIMITS = ("RateLimit", "RateLimit-Policy")
_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "RateLimit": {
        "description": "What is left of the quota, and for how many seconds; none without a quota",
        "schema": _TEXT,
        "example": '"events";r=5998;t=1',
    },
    "RateLimit-Policy": {
        "description": "The quota, and its window in seconds; none without a quota",
        "schema": _TEXT,
        "example": '"events";q=6000;w=60',
    },
    "Retry-After": {
        "description": "Seconds after which the same may be asked again",
        "schema": {"type": "integer", "minimum": 0},
        "required": True,
    },
    "WWW-Authenticate": {
        "description": "What is wrong with the token, as RFC 6750 has it",
        "schema": _TEXT,
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the document tells of one operation beside what its code tells.

    Args:
        answer: A success; None where it has no body.
        bodies: Requests by name, each of them good.
        refusals: Errors beside those that all routes of its form have; each has a `status`.
        problems: More problems by name, such as one with members of its own.
    """

    answer: Any = None
    bodies: Mapping[str, Any] = field(default_factory=dict)
    refusals: Sequence[type[Exception]] = ()
    problems: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPost:
    """What a class of routes adds to its POSTs: OpenAPI's header objects by name, and errors."""

    given: Mapping[str, Mapping[str, Any]]
    answered: Mapping[str, Mapping[str, Any]]
    refusals: Sequence[type[Exception]]


class Api(FastAPI):
    """FastAPI, but for the document that it shows.

    An operation that is not in `shown` may refuse in more ways than are listed, and says so.
    """

    shown: Mapping[str, Shown] = MappingProxyType({})  # by operation id

    @override
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _complete(self, super().openapi())
        return self.openapi_schema


def _complete(app: Api, document: dict[str, Any]) -> dict[str, Any]:
    document["info"]["description"] = _ABOUT
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = {"bearer": _BEARER}
    components["headers"] = _HEADERS
    components["responses"] = {}
    for route in iter_route_contexts(app.routes):
        operations = document.get("paths", {}).get(route.path_format, {})
        for method in route.methods or ():
            operation = operations.get(method.lower())
            if operation is not None:
                on_post = getattr(route.original_route, "on_post", None)
                added = on_post if method == "POST" else None
                _describe(operation, route, added, schemas)
                _refuse(operation, app.shown.get(route.operation_id), added, components)
    for kind in ("schemas", "responses"):
        components[kind] = dict(sorted(components[kind].items()))
    return document


def _describe(
    operation: dict[str, Any],
    route: RouteContext,
    added: OnPost | None,
    schemas: dict[str, Any],
) -> None:
    """Tell who may ask, and with what."""
    operation["summary"] = str(route.operation_id).replace("_", " ").capitalize()
    for call in _calls(route.dependant):
        if isinstance(call, Guard):
            operation["security"] = [{"bearer": [call.scope]}]
        elif isinstance(call, JsonBody):
            operation["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": _published(call, schemas)}},
            }
    if added is not None:
        operation.setdefault("parameters", []).extend(
            {"name": name, "in": "header", **one} for name, one in added.given.items()
        )
        for answer in _successes(operation):
            answer.setdefault("headers", {}).update(added.answered)


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _published(body: JsonBody[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Put the body's model and what it refers to among *schemas*; return the reference to it."""
    made = body.adapter.json_schema(ref_template=SCHEMAS + "{model}")
    schema = jsonable_encoder(made, exclude_none=True)  # as FastAPI has its own: no default of null
    named: dict[str, Any] = schema.pop("$defs", {})
    if body.name is not None and "$ref" not in schema:
        named[body.name] = schema
        schema = {"$ref": SCHEMAS + body.name}
    for name, one in named.items():
        if schemas.setdefault(name, one) != one:
            raise ValueError(f"two models are called {name}")
    return dict(schema)


def _successes(operation: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for status, one in operation["responses"].items() if status.startswith("2")]


def _refuse(
    operation: dict[str, Any], shown: Shown | None, added: OnPost | None, components: dict[str, Any]
) -> None:
    """Tell what is answered, good and bad."""
    responses = operation["responses"]
    if SCHEMAS + "HTTPValidationError" in json.dumps(responses.get("422", {})):
        del responses["422"]
    kinds = [*_refusals(operation), *(added.refusals if added else ())]
    if shown is None:
        responses["default"] = _ANY_PROBLEM
    else:
        _exemplify(operation, shown)
        kinds += shown.refusals
    if TooManyRequests in kinds:
        for answer in _successes(operation):
            answer.setdefault("headers", {}).update(_headers(_LIMITS))

    alike: dict[int, list[type[Exception]]] = defaultdict(list)
    for kind in dict.fromkeys(kinds):
        alike[_status(kind)].append(kind)
    problems = {} if shown is None else shown.problems
    for status, some in sorted(alike.items()):
        more = {name: one for name, one in problems.items() if one["status"] == status}
        told = _response(some, more)
        if len(some) == 1 and not more:
            slug = slug_of(some[0])
            components["responses"][slug] = told
            told = {"$ref": RESPONSES + slug}
        responses.setdefault(str(status), told)


def _refusals(operation: Mapping[str, Any]) -> Iterator[type[Exception]]:
    """Yield what every route of this form may answer."""
    yield from (BadRequest, HeadTooLarge, Problem, Unavailable)
    if "requestBody" in operation:
        yield from (TooSlow, TooLarge, UnsupportedMedia)
    if "security" in operation:
        yield from (Unauthorized, Forbidden)
        if "requestBody" in operation or "parameters" in operation:
            yield Unprocessable  # who signs instead sends what is read only behind the answer


def _exemplify(operation: dict[str, Any], shown: Shown) -> None:
    if shown.bodies:
        body = operation["requestBody"]["content"]["application/json"]
        body["examples"] = {name: {"value": one} for name, one in shown.bodies.items()}
    if shown.answer is not None:
        _successes(operation)[0]["content"]["application/json"]["example"] = shown.answer


def _response(
    kinds: Sequence[type[Exception]], more: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Describe the problems of one status."""
    status = _status(kinds[0])
    names: list[str] = []
    if status in (401, 403):
        names.append("WWW-Authenticate")
    waits = [hasattr(kind, "retry_after_s") for kind in kinds]
    if status in (429, 503) or all(waits):
        names.append("Retry-After")
    if status == 429:
        names += _LIMITS
    examples = {**{slug_of(kind): _example(kind) for kind in kinds}, **more}
    response: dict[str, Any] = {
        "description": "; ".join(f"`{slug_of(kind)}`: {meaning_of(kind)}" for kind in kinds),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": SCHEMAS + "Problem"},
                "examples": {name: {"value": one} for name, one in examples.items()},
            }
        },
    }
    headers = _headers(names)
    if any(waits) and "Retry-After" not in headers:
        headers["Retry-After"] = {**_HEADERS["Retry-After"], "required": False}
    return response | ({"headers": headers} if headers else {})


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": HEADERS + name} for name in names}


def _example(kind: type[Exception]) -> dict[str, Any]:
    status = _status(kind)
    return {"type": TYPE + slug_of(kind), "title": phrase(status), "status": status}


def _status(kind: type[Exception]) -> int:
    return int(getattr(kind, "status", 500))
