"""What a text costs as an SMS, in pieces and money, known before it is sent."""

from typing import Final

MAINLAND: Final = "CN"
MAINLAND_UNITS: Final = 500

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("^{}\\[~]|€\f")
_GSM7: Final = _BASIC | _EXTENDED


class BadText(ValueError):
    """A text that no gateway should get."""


class EmptyText(BadText):
    """Nothing to say."""


class TextTooLong(BadText):
    """More than a gateway takes."""


def units(text: str) -> int:
    """Return the length of *text* in UTF-16 units: an emoji is two."""
    return len(text) + sum(character > "\uffff" for character in text)


def is_gsm7(text: str) -> bool:
    return _GSM7.issuperset(text)


def pieces(text: str, country: str) -> int:
    """Return how many pieces are billed for *text*, the whole of it as it is sent.

    Args:
        text: With signature, variables filled in, and opt-out hint.
        country: ISO 3166-1 of the receiver. In mainland China every character counts one unit
            of 70, else of 67 a piece, Latin letters too; elsewhere GSM-7 has 160 or 153 septets
            and any other text 70 or 67 units, and no character is split.

    Raises:
        EmptyText: There is nothing but space.
        TextTooLong: More than 500 units, in mainland China.
    """
    if not text.strip():
        raise EmptyText("the text is empty")
    if country.upper() == MAINLAND:
        return _mainland(units(text))
    if is_gsm7(text):
        return _packed([2 if one in _EXTENDED else 1 for one in text], single=160, many=153)
    return _packed([2 if one > "\uffff" else 1 for one in text], single=70, many=67)


def price_micros(count: int, price_per_piece_micros: int) -> int:
    """Return the price of *count* pieces, in millionths of the currency unit, exactly."""
    return count * price_per_piece_micros


def _mainland(length: int) -> int:
    if length > MAINLAND_UNITS:
        raise TextTooLong(f"{length} units, at most {MAINLAND_UNITS} are sent")
    return 1 if length <= 70 else -(-length // 67)


def _packed(widths: list[int], *, single: int, many: int) -> int:
    """Return how many pieces hold characters of *widths*, none of them split."""
    if sum(widths) <= single:
        return 1
    count, used = 1, 0
    for width in widths:
        if used + width > many:
            count, used = count + 1, 0
        used += width
    return count
