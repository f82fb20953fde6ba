"""How many decimals a currency's minor unit stands for: ISO 4217."""

from typing import Final

# All others have two.
_WHOLE: Final = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905 - one line, not seventeen
)
_THOUSANDTHS: Final = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def exponent(currency: str) -> int:
    """Return how many decimals *currency*'s minor unit stands for."""
    if currency in _WHOLE:
        return 0
    return 3 if currency in _THOUSANDTHS else 2


def minor_of_unit(currency: str) -> int:
    """Return how many minor units one whole unit of *currency* has."""
    return int(10 ** exponent(currency))
