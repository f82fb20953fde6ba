"""Printed amounts in minor units."""

from decimal import Decimal

import pytest

from ingest.domain.iso import COUNTRIES, MINOR_DIGITS
from ingest.domain.money import BadAmount, to_minor


@pytest.mark.parametrize(
    ("printed", "currency", "minor", "exact"),
    [
        ("89.99", "CNY", 8999, True),
        (Decimal("89.99"), "CNY", 8999, True),
        (85, "USD", 8500, True),
        ("2.000", "USD", 200, True),
        ("1234", "JPY", 1234, True),
        ("1.2345", "KWD", 1235, False),
        ("0.005", "CNY", 1, False),
        ("0.004", "CNY", 0, False),
        ("-0.005", "CNY", -1, False),
    ],
)
def test_an_amount_is_read_by_the_currencys_digits(
    printed: str | int | Decimal, currency: str, minor: int, exact: bool
) -> None:
    assert to_minor(printed, currency) == (minor, exact)


@pytest.mark.parametrize(
    ("printed", "currency"),
    [
        ("1e9", "CNY"),
        ("", "CNY"),
        ("１２", "CNY"),
        ("1,000.00", "CNY"),
        ("12345678901", "CNY"),
        (Decimal("1e30"), "CNY"),
        ("1", "XXX"),
    ],
)
def test_what_is_no_amount_is_refused(printed: str | Decimal, currency: str) -> None:
    with pytest.raises(BadAmount):
        to_minor(printed, currency)


def test_the_worlds_codes_are_complete() -> None:
    assert len(COUNTRIES) == 249
    assert {MINOR_DIGITS[code] for code in ("CNY", "JPY", "KWD", "CLF")} == {0, 2, 3, 4}
