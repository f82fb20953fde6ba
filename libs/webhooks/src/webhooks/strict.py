"""JSON from strangers: refused is what two parsers may read differently or Postgres cannot hold.

No parser does it alone: json, orjson and pydantic keep the last of two equal keys and accept
U+0000; orjson makes a float of 2^64.
"""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

MAX_DEPTH = 32
MAX_DIGITS = 4300  # of an integer, a fraction, and either way of an exponent

# An unclosed string takes the rest: otherwise each of its quotes would scan to the end again.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
# Whole strings and what stands between them: without them all at once takes 40 times the body.
_PIECE = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+"?){1,2000}+', re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

# Only escapes can make these: raw NULs and surrogates are neither JSON nor UTF-8.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BadJson(ValueError):
    """The bytes are not strict JSON. The text never quotes them."""


def strict_json(raw: bytes) -> Any:
    """Return what *raw* says, in str, int, Decimal, bool, None, list and dict.

    Refused by `BadJson`: other than UTF-8, nesting above 32, two equal keys in an object, NaN and
    Infinity, lone surrogates, U+0000, numbers of more than 4300 digits.
    """
    _check_depth(raw)
    try:
        value = json.loads(
            raw.decode(),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise BadJson(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"not JSON at character {error.pos}") from None
    if _SUSPECT.search(raw):
        _check_texts(value)
    return value


def _check_depth(raw: bytes) -> None:
    brackets = b"".join(
        [
            _STRING.sub(b"", piece[0]).translate(_BRACKETS, _NO_BRACKETS)
            for piece in _PIECE.finditer(raw)
        ]
    )
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")  # the innermost level of every branch
    if brackets:
        raise BadJson(f"nested more than {MAX_DEPTH} deep, or not closed")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadJson("an object names a key twice")
    return found


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise BadJson(f"a number has more than {MAX_DIGITS} digits")
    return int(text)


def _decimal(text: str) -> Decimal:
    mantissa, _, exponent = text.lower().partition("e")
    digits = exponent.lstrip("+-").lstrip("0")
    # int() of a Decimal with a huge exponent would build all its digits.
    if len(mantissa) > MAX_DIGITS or len(digits) > 4 or int(digits or 0) > MAX_DIGITS:
        raise BadJson(f"a number has more than {MAX_DIGITS} digits")
    return Decimal(text)


def _refuse_constant(_: str) -> NoReturn:
    raise BadJson("NaN and Infinity are not JSON")


def _check_texts(value: object) -> None:
    match value:
        case str():
            if _UNSTORABLE.search(value):
                raise BadJson("a text holds U+0000 or half of a surrogate pair")
        case list():
            for item in value:
                _check_texts(item)
        case dict():
            for key, item in value.items():
                _check_texts(key)
                _check_texts(item)
        case _:
            pass
