"""Money compared and printed without floats."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

from care.currency import exponent

MICROS: Final = 6


def minor_to_micros(minor: int, currency: str) -> int:
    return int(minor * 10 ** (MICROS - exponent(currency)))


def ratio(part: int, whole: int, places: int) -> str | None:
    """Return *part* / *whole* rounded half up; `None` when *whole* is 0, and nothing to compare."""
    if whole == 0:
        return None
    with localcontext(prec=60):  # exact for any two bigints, so nothing is rounded twice
        step = Decimal(1).scaleb(-places)
        return str((Decimal(part) / Decimal(whole)).quantize(step, ROUND_HALF_UP))
