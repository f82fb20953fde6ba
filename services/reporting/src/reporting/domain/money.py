"""Money compared and printed without floats."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Final

# ISO 4217; all others have two.
_WHOLE: Final = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 - one line, not seventeen
)
_THOUSANDTHS: Final = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])

MICROS: Final = 6


def exponent(currency: str) -> int:
    """Return how many decimals *currency*'s minor unit stands for."""
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


def minor_to_micros(minor: int, currency: str) -> int:
    return int(minor * 10 ** (MICROS - exponent(currency)))


def ratio(part: int, whole: int, places: int) -> str | None:
    """Return *part* / *whole* rounded half up; `None` when *whole* is 0, and nothing to compare."""
    if whole == 0:
        return None
    with localcontext(prec=60):  # exact for any two bigints, so nothing is rounded twice
        step = Decimal(1).scaleb(-places)
        return str((Decimal(part) / Decimal(whole)).quantize(step, ROUND_HALF_UP))
