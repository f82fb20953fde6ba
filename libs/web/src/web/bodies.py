"""Bodies as dependencies, so that nothing is read before the token was checked.

FastAPI reads a declared body parameter before any dependency runs, and keeps the last of two equal
keys. Hence: size (middleware), token (`require`), content type, strict JSON, model; in this order.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Generic, LiteralString, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from web.problems import BadRequest, FieldError, TooSlow, Unprocessable, UnsupportedMedia
from webhooks import strict_json

READ_WITHIN_S = 30.0
OFF_LOOP_BYTES = 128 * 1024  # parsing more than this would hold up the other requests
MAX_ERRORS = 50
MOST_COUNTED = 5_000  # a body of 2 MiB can be wrong in 250,000 places, at 400 bytes each to list

_HINT: Final = "hint"

M = TypeVar("M")
T = TypeVar("T")

# A key is quoted when it looks like a field's name; others may hold somebody's number.
_FIELD_NAME = re.compile(r"(?!.*[0-9]{5})[A-Za-z_][A-Za-z0-9_-]{0,63}")


class Strict(BaseModel):
    """What a request's models build on: no field that we do not know, no type but the right one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


async def limited_body(request: Request) -> bytes:
    """Return the raw body, at most what `limits.BodyLimit` lets through."""
    return await in_time(request.body())


async def in_time(reading: Awaitable[T]) -> T:
    """Return what is read, unless it takes too long: that is `TooSlow`."""
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            return await reading
    except TimeoutError:
        detail = f"the body did not come within {READ_WITHIN_S:.0f} s"
        raise TooSlow(detail, headers={"Connection": "close"}) from None


class JsonBody(Generic[M]):
    """The dependency that reads one model; `openapi` shows it as the route's request body."""

    def __init__(self, model: type[M] | TypeAdapter[M], check: Callable[[bytes], object]) -> None:
        self.adapter: TypeAdapter[M] = (
            model if isinstance(model, TypeAdapter) else TypeAdapter(model)
        )
        self.name = model.__name__ if isinstance(model, type) else None
        self._check = check

    async def __call__(self, request: Request) -> M:
        _demand_json(request.headers.getlist("content-type"))
        raw = await limited_body(request)
        if len(raw) > OFF_LOOP_BYTES:
            return await asyncio.to_thread(self._parse, raw)
        return self._parse(raw)

    def _parse(self, raw: bytes) -> M:
        try:
            self._check(raw)
        except ValueError as error:
            raise BadRequest(f"the body is not strict JSON: {error}") from None
        try:
            return self.adapter.validate_json(raw)
        except ValidationError as error:
            errors = field_errors(error, raw)
            raise Unprocessable("the body is not what this route takes", errors=errors) from None


def json_body(
    model: type[M] | TypeAdapter[M], check: Callable[[bytes], object] = strict_json
) -> JsonBody[M]:
    """Return the dependency that parses the body as *model*.

    Args:
        model: `ConfigDict(strict=True, extra="forbid")`, or a TypeAdapter over such models.
        check: Raises ValueError for what is not strict JSON. Its text is shown to the caller, so it
            must not quote the body.
    """
    return JsonBody(model, check)


def refused(code: LiteralString, *place: str, hint: str = "") -> ValidationError:
    """Return what a validator raises to blame one place below it.

    Args:
        code: How it is wrong.
        place: Names below the validated value.
        hint: What would be right. It is shown to the caller, so it must not quote the body.
    """
    error = PydanticCustomError(code, "it does not fit", {_HINT: hint})
    return ValidationError.from_exception_data(
        "body", [InitErrorDetails(type=error, loc=place, input=None)]
    )


def field_errors(error: ValidationError, raw: bytes | None = None) -> list[FieldError]:
    """Return where and how, never the values: the first `MAX_ERRORS`.

    Of one that is wrong in more than `MOST_COUNTED` places, only that.

    Args:
        error: What pydantic found.
        raw: The JSON that was validated. With it, parts of a location that are not in the document
            (tags and names of a union's members) are left out of the pointers.
    """
    if error.error_count() > MOST_COUNTED:
        return [FieldError("", "too_many_errors")]
    document = None if raw is None else _document(raw)
    found = error.errors(include_url=False, include_input=False)
    return [
        FieldError(
            _pointer(one["loc"] if document is None else _steps(one, document)),
            one["type"],
            _hint(one),
        )
        for one in found[:MAX_ERRORS]
    ]


def request_errors(found: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Do the same for FastAPI's own findings in query, path and headers."""
    return [FieldError(_pointer(one["loc"]), str(one["type"])) for one in found[:MAX_ERRORS]]


def _hint(one: ErrorDetails) -> str:
    """Return what would be right: words of ours, never of the body, which a context may hold."""
    context = one.get("ctx", {})
    if one["type"] in ("enum", "literal_error"):
        return f"one of {context['expected']}"
    if one["type"] == "union_tag_invalid":
        return f"one of {context['expected_tags']}"
    return str(context.get(_HINT, ""))


def _document(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # a number of thousands of digits, for one
        return None


def _steps(one: ErrorDetails, document: Any) -> list[int | str]:
    steps: list[int | str] = []
    loc = one["loc"]
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        if _holds(document, part):
            document = document[part]
        elif not (last and one["type"] == "missing"):
            continue
        steps.append(part)
    return steps


def _holds(document: Any, part: int | str) -> bool:
    if isinstance(document, list):
        return isinstance(part, int) and part < len(document)
    return isinstance(document, dict) and part in document


def _pointer(loc: Sequence[int | str]) -> str:
    return "".join(f"/{_shown(part)}" for part in loc)


def _shown(part: int | str) -> str:
    if isinstance(part, int):
        return str(part)
    return part if _FIELD_NAME.fullmatch(part) else "*"


def _demand_json(values: list[str]) -> None:
    media, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise UnsupportedMedia("send the body as application/json in UTF-8")
