"""Money compared and printed without floats."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

# ISO 4217; all others have two.
_EXPONENTS: Final = dict.fromkeys(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0
) | dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3)

MICROS: Final = 6


def exponent(currency: str) -> int:
    """Return how many decimals *currency*'s minor unit stands for."""
    return _EXPONENTS.get(currency, 2)


def minor_to_micros(minor: int, currency: str) -> int:
    return int(minor * 10 ** (MICROS - exponent(currency)))


def ratio(part: int, whole: int, places: int) -> str | None:
    """Return *part* / *whole* rounded half up; `None` when *whole* is 0, and nothing to compare."""
    if whole == 0:
        return None
    with localcontext(prec=60):  # exact for any two bigints, so nothing is rounded twice
        step = Decimal(1).scaleb(-places)
        return str((Decimal(part) / Decimal(whole)).quantize(step, ROUND_HALF_UP))
