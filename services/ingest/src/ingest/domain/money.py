"""Amounts as senders print them, in minor units."""

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from ingest.domain.iso import MINOR_DIGITS

MOST_MINOR: Final = 10**14  # of an amount that is told in minor units

# No exponent: "1e9" is nobody's price. Ten digits keep sums over an order inside int64.
_PRINTED = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,10})?", re.ASCII)


class BadAmount(ValueError):
    """Not an amount of money that we can hold."""


def to_minor(printed: str | int | Decimal, currency: str) -> tuple[int, bool]:
    """Return minor units, and whether they say exactly what was printed.

    What does not divide is rounded half up, away from zero.

    Raises:
        BadAmount: *printed* is no plain decimal number, or *currency* is unknown.
    """
    digits = MINOR_DIGITS.get(currency)
    if digits is None:
        raise BadAmount("unknown currency")
    text = printed if isinstance(printed, str) else format(Decimal(printed), "f")
    if not _PRINTED.fullmatch(text):
        raise BadAmount("not an amount")
    scaled = Decimal(text).scaleb(digits)
    minor = scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return int(minor), minor == scaled
