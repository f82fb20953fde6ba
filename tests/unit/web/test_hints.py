"""What would be right is told in our words, never in the body's."""

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from ingest.edges.kinds import NEW
from web.bodies import Strict, field_errors
from web.problems import FieldError, problem_response

SECRET = "13800138000"


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Sized(Strict):
    kind: Literal["sized"]
    size: Annotated[Size, Field(strict=False)]
    sort: Literal["plain", "fine"] = "plain"


class Other(Strict):
    kind: Literal["other"]


EITHER: TypeAdapter[Any] = TypeAdapter(Annotated[Sized | Other, Field(discriminator="kind")])


def errors_of(adapter: TypeAdapter[Any], body: dict[str, Any]) -> list[FieldError]:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(body)
    return field_errors(caught.value)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"kind": "sized", "size": SECRET}, "one of 'small' or 'large'"),
        ({"kind": "sized", "size": "small", "sort": SECRET}, "one of 'plain' or 'fine'"),
        ({"kind": SECRET}, "one of 'sized', 'other'"),
        ({"kind": "sized", "size": "small", "colour": SECRET}, ""),
        ({"kind": "woocommerce", "secrets": [f"&{SECRET}"]}, "letters and digits only"),
        ({"kind": "standard", "secrets": [SECRET]}, "whsec_ and the base64"),
    ],
)
def test_a_hint_names_what_a_field_takes_and_quotes_nothing(body: Any, hint: str) -> None:
    [error] = errors_of(NEW if "secrets" in body else EITHER, body)

    assert hint in error.hint
    assert bool(hint) == bool(error.hint)
    assert SECRET not in error.hint


def test_an_error_without_a_hint_has_no_such_member() -> None:
    errors = [FieldError("/a", "missing"), FieldError("/b", "enum", "one of 'c'")]
    told = bytes(problem_response(422, "unprocessable", errors=errors).body)

    assert b'{"field": "/a", "code": "missing"}' in told
    assert b'{"field": "/b", "code": "enum", "hint": "one of \'c\'"}' in told
