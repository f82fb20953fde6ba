"""Complete FastAPI's OpenAPI document with what it can't see: JSON bodies, scopes, problems."""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from typing_extensions import override

from web.auth import Guard
from web.bodies import JsonBody

REF = "#/components/schemas/"

_TEXT = {"type": "string"}
_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457. `errors` says where, by JSON pointer, and how; never the value.",
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:huiliu:problem:unprocessable"]},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code"],
                "properties": {"field": _TEXT, "code": _TEXT},
            },
        },
    },
}
_ANY_PROBLEM = {
    "description": "Refused, or not possible now",
    "content": {"application/problem+json": {"schema": {"$ref": REF + "Problem"}}},
}


class Api(FastAPI):
    """FastAPI, but for the document that it shows."""

    @override
    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _complete(self, super().openapi())
        return self.openapi_schema


def _complete(app: FastAPI, document: dict[str, Any]) -> dict[str, Any]:
    components = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for route in iter_route_contexts(app.routes):
        operations = document.get("paths", {}).get(route.path_format, {})
        for method in route.methods or ():
            operation = operations.get(method.lower())
            if operation is not None:
                _describe(operation, route.dependant, schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _describe(operation: dict[str, Any], dependant: Dependant, schemas: dict[str, Any]) -> None:
    responses = operation.setdefault("responses", {})
    if REF + "HTTPValidationError" in json.dumps(responses.get("422", {})):
        del responses["422"]
    responses["default"] = _ANY_PROBLEM
    for call in _calls(dependant):
        if isinstance(call, Guard):
            operation["security"] = [{"bearer": []}]
            operation["x-scope"] = call.scope
        elif isinstance(call, JsonBody):
            schema = _published(call, schemas)
            operation["requestBody"] = {
                "required": True,
                "content": {"application/json": {"schema": schema}},
            }


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _published(body: JsonBody[Any], schemas: dict[str, Any]) -> dict[str, Any]:
    """Put the body's model and what it refers to among *schemas*; return the reference to it."""
    schema = body.adapter.json_schema(ref_template=REF + "{model}")
    named: dict[str, Any] = schema.pop("$defs", {})
    if body.name is not None and "$ref" not in schema:
        named[body.name] = schema
        schema = {"$ref": REF + body.name}
    # An answer's model looks different as input (defaults): both are shown, the input renamed.
    taken = [name for name, one in named.items() if schemas.get(name, one) != one]
    text = json.dumps([schema, named])
    for name in taken:
        text = text.replace(f'"{REF}{name}"', f'"{REF}{name}Input"')
    schema, named = json.loads(text)
    schemas.update({name + "Input" * (name in taken): one for name, one in named.items()})
    return dict(schema)
