import json
import time
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks import BadJson, strict_json

texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)


@given(values, st.booleans())
def test_what_is_said_comes_back_escaped_or_not(value: Any, ascii_only: bool) -> None:
    assert strict_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=40) | st.text('{}[]"\\u0dDfF,:1e-.').map(str.encode))
def test_no_bytes_end_in_another_error(raw: bytes) -> None:
    with suppress(BadJson):
        strict_json(raw)


def test_fractions_are_exact() -> None:
    assert strict_json(b"[0.10, 1e2, 18446744073709551617]") == [Decimal("0.10"), 100, 2**64 + 1]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{", id="unclosed"),
        pytest.param(b"{]", id="mixed brackets"),
        pytest.param(b'{"a": 1,}', id="a trailing comma"),
        pytest.param(b"1 2", id="two values"),
        pytest.param(b'\xef\xbb\xbf{"a": 1}', id="a byte order mark"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'"\xff"', id="not UTF-8"),
        pytest.param(b'"\xed\xa0\x80"', id="an encoded surrogate"),
        pytest.param(b'{"a": 1, "a": 1}', id="a key twice"),
        pytest.param(b'[{"b": {"a": 1, "\\u0061": 2}}]', id="a key twice, spelled differently"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b"[Infinity]", id="Infinity"),
        pytest.param(b'{"a": -Infinity}', id="minus Infinity"),
        pytest.param(b'"\\ud800"', id="a lone high surrogate"),
        pytest.param(b'["\\uDC00x"]', id="a lone low surrogate"),
        pytest.param(b'{"\\udc00\\ud800": 1}', id="surrogates the wrong way round, in a key"),
        pytest.param(b'{"a": ["\\u0000"]}', id="an escaped NUL"),
        pytest.param(b'"\x00"', id="a raw NUL"),
        pytest.param(b"[1,\x002]", id="a NUL between"),
        pytest.param(b'"\x1f"', id="a control character"),
        pytest.param(b"9" * 4301, id="4301 digits"),
        pytest.param(b"0." + b"9" * 4301, id="4301 digits of a fraction"),
        pytest.param(b"1e4301", id="a large exponent"),
        pytest.param(b"1E-999999999999999999999", id="an exponent beyond Decimal's"),
        pytest.param(b"[" * 33 + b"]" * 33, id="33 levels"),
        pytest.param(b'{"a":[' * 17 + b"]}" * 17, id="34 levels of both kinds"),
        pytest.param(b"[" * 200_000, id="200,000 levels"),
        pytest.param(b'{"a":' * 100_000, id="100,000 levels of objects"),
    ],
)
def test_what_is_not_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(BadJson):
        strict_json(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\u0000"', "\\u0000"),
        (b'"\\\\ud800"', "\\ud800"),
        (b'"' + b"[" * 100 + b'"', "[" * 100),
        (b'"\\"' + b"[" * 100 + b'"', '"' + "[" * 100),
        (b'" \\\\"', " \\"),
        (b"-" + b"9" * 4299, -int("9" * 4299)),
        (b"0e0", Decimal(0)),
        (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
    ],
)
def test_what_only_looks_bad_is_read(raw: bytes, value: object) -> None:
    assert strict_json(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'"' + b'\\"' * 100_000, id="an open string of quotes"),
        pytest.param(b'"' * 200_000, id="quotes"),
        pytest.param(b"[" + b"[]," * 60_000 + b"[]]", id="many small lists"),
    ],
)
def test_no_body_takes_long(raw: bytes) -> None:
    """A tenth of the largest body: time that grows with its square would take seconds."""
    began = time.process_time()
    with suppress(BadJson):
        strict_json(raw)
    assert time.process_time() - began < 0.5
