import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.pages import decode_cursor, encode_cursor, instant_of, micros_of
from web.problems import BadRequest


def forged(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.integers(0, 2**63 - 1))
def test_a_cursor_comes_back_as_it_was(name: str, number: int) -> None:
    cursor = encode_cursor(name[:50], number)

    assert decode_cursor(cursor, str, int) == (name[:50], number)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_comes_back_as_it_was(at: datetime) -> None:
    assert instant_of(micros_of(at)) == at


@pytest.mark.parametrize("part", [2**63 - 1, -(2**63), "x", "2026-01-01T00:00:00"])
def test_an_instant_of_no_calendar_is_a_bad_request(part: str | int) -> None:
    with pytest.raises(BadRequest, match="begin again"):
        instant_of(part)


def test_no_cursor_is_the_beginning() -> None:
    assert decode_cursor(None, str) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "é",
        "x" * 2000,
        forged({"a": 1}),
        forged([]),
        forged([1, 2]),
        forged(["a"]),
        forged(["a", True]),
        forged(["a", 1.0]),
        forged(["a\0", 1]),
        forged(["\ud800", 1]),
        forged(["a", 2**63]),
        forged(["a", 1, 2]),
        base64.urlsafe_b64encode(b"[" * 700).decode(),
    ],
)
def test_a_cursor_that_is_not_ours_is_a_bad_request(text: str) -> None:
    with pytest.raises(BadRequest, match="begin again"):
        decode_cursor(text, str, int)
