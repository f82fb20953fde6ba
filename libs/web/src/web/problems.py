"""What an API answers when it refuses: RFC 9457 problems, and never a word of its insides.

Problem              500  a fault of ours, told without its insides
├─ BadRequest        400  not readable as what it claims to be
├─ Unauthorized      401  no token, or not one of ours
├─ Forbidden         403  a good token, for something else
├─ NotFound          404  unknown, or another shop's
├─ TooSlow           408  the body did not come in time
├─ TooLarge          413  the body passes the limit
├─ UnsupportedMedia  415  another content type, or a content encoding
├─ Unprocessable     422  readable, but not what the route takes: `errors` says where
├─ HeadTooLarge      431  the request line and headers pass the limit
├─ TooManyRequests   429  this caller asks too often: again after Retry-After
└─ Unavailable       503  nothing is wrong with the request: again after Retry-After
"""

import json
import random
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:huiliu:problem:"  # before the slug

# RFC 9110's phrases; http.HTTPStatus has older ones before Python 3.13.
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}


@dataclass(frozen=True, slots=True)
class FieldError:
    """Where a request is wrong and how; never the value itself, for it may be personal."""

    field: str  # JSON pointer into the body; "/query/limit", "/path/shop_id" for the rest
    code: str
    hint: str = ""  # what would be right, where the code does not say it


class Problem(Exception):
    """Something that the caller is told. *detail* is public: no personal data, no internals."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"

    def __init__(
        self,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(detail)
        self.headers = dict(headers or {})
        self.errors = tuple(errors)


class BadRequest(Problem):
    status = 400
    slug = "bad-request"


class Unauthorized(Problem):
    status = 401
    slug = "unauthorized"


class Forbidden(Problem):
    status = 403
    slug = "forbidden"


class NotFound(Problem):
    status = 404
    slug = "not-found"


class TooSlow(Problem):
    status = 408
    slug = "too-slow"


class TooLarge(Problem):
    """Closes the connection, so that nobody reads the rest of the body."""

    status = 413
    slug = "too-large"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Connection": "close"})


class UnsupportedMedia(Problem):
    status = 415
    slug = "unsupported-media"


class Unprocessable(Problem):
    status = 422
    slug = "unprocessable"


class TooManyRequests(Problem):
    status = 429
    slug = "too-many-requests"

    def __init__(
        self, detail: str = "", *, retry_after_s: int, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail, headers={**(headers or {}), "Retry-After": str(retry_after_s)})


class HeadTooLarge(Problem):
    status = 431
    slug = "head-too-large"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Connection": "close"})


class Unavailable(Problem):
    status = 503
    slug = "unavailable"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Retry-After": str(jitter_s())})


def jitter_s() -> int:
    """Return a Retry-After of 5 to 30 seconds: the refused shall not come back all at once."""
    return random.randint(5, 30)  # noqa: S311 - spreads load, guards nothing


def _told(error: FieldError) -> dict[str, str]:
    told = {"field": error.field, "code": error.code}
    return {**told, "hint": error.hint} if error.hint else told


def problem_response(
    status: int,
    slug: str,
    detail: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
) -> Response:
    body: dict[str, object] = {
        "type": TYPE + slug,
        "title": phrase(status),
        "status": status,
    }
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = [_told(error) for error in errors]
    content = json.dumps(body, ensure_ascii=False).encode()
    return Response(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def response_of(error: Exception) -> Response:
    """Answer for a Problem, or for a service's own error that has a `status`.

    A service's errors need not know this package: `status` decides; `slug` (else the class's name)
    and `retry_after_s` are read when they are there; `str(error)` is the detail.
    """
    if isinstance(error, Problem):
        return problem_response(
            error.status, error.slug, str(error), headers=error.headers, errors=error.errors
        )
    status = int(getattr(error, "status", 500))
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is None and status == HTTPStatus.SERVICE_UNAVAILABLE:
        retry_after_s = jitter_s()
    return problem_response(
        status,
        slug_of(type(error)),
        str(error),
        headers={} if retry_after_s is None else {"Retry-After": str(retry_after_s)},
    )


def slug_of(kind: type[Exception]) -> str:
    """Return what a problem's `type` ends in."""
    return getattr(kind, "slug", None) or _kebab(kind.__name__)


def meaning_of(kind: type[Exception]) -> str:
    """Return what the tree of errors in its module's docstring says of *kind*; empty if nothing."""
    tree = sys.modules[kind.__module__].__doc__ or ""
    line = rf"^(?:[├└]─ )?{kind.__name__} +\d{{3}} +(.+(?:\n[ │] {{4,}}.+)*)"
    found = re.search(line, tree, re.MULTILINE)
    return " ".join(found[1].replace("│", " ").split()) if found else ""


def phrase(status: int) -> str:
    """Return RFC 9110's reason phrase: a problem's title."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()
