import json
from types import SimpleNamespace

import pytest

from web.problems import (
    FieldError,
    NotFound,
    TooManyRequests,
    Unavailable,
    Unprocessable,
    response_of,
)


class ShopError(Exception):
    status = 409


class BodyTooOld(ShopError):
    slug = "too-old"


class NotDurable(ShopError):
    status = 503


def test_a_problem_names_its_kind_and_what_is_wrong_where() -> None:
    errors = [FieldError("/orders/0/total", "int_type")]
    response = response_of(Unprocessable("no", errors=errors))

    assert response.status_code == 422
    assert response.media_type == "application/problem+json"
    assert json.loads(bytes(response.body)) == {
        "type": "urn:huiliu:problem:unprocessable",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "no",
        "errors": [{"field": "/orders/0/total", "code": "int_type"}],
    }


def test_a_problem_without_more_to_say_says_no_more() -> None:
    assert json.loads(bytes(response_of(NotFound()).body)) == {
        "type": "urn:huiliu:problem:not-found",
        "title": "Not Found",
        "status": 404,
    }


@pytest.mark.parametrize(
    ("error", "status", "slug", "detail"),
    [
        (ShopError("stored differently"), 409, "shop-error", "stored differently"),
        (BodyTooOld(), 409, "too-old", None),
        (NotDurable(), 503, "not-durable", None),
    ],
)
def test_a_services_own_error_becomes_a_problem_by_its_status(
    error: Exception, status: int, slug: str, detail: str | None
) -> None:
    body = json.loads(bytes(response_of(error).body))

    assert (body["status"], body["type"]) == (status, f"urn:huiliu:problem:{slug}")
    assert body.get("detail") == detail


@pytest.mark.parametrize("error", [Unavailable(), NotDurable()])
def test_503_asks_back_in_5_to_30_seconds_and_not_all_at_once(error: Exception) -> None:
    waits = {int(response_of(type(error)()).headers["retry-after"]) for _ in range(200)}

    assert waits <= set(range(5, 31))
    assert len(waits) > 5


def test_an_errors_own_wait_is_kept() -> None:
    assert response_of(TooManyRequests(retry_after_s=3)).headers["retry-after"] == "3"

    error = NotDurable()
    error.__dict__.update(vars(SimpleNamespace(retry_after_s=7)))
    assert response_of(error).headers["retry-after"] == "7"
