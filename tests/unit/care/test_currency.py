"""Minor units by currency."""

import pytest

from care.currency import exponent, minor_of_unit


@pytest.mark.parametrize(("currency", "digits"), [("CNY", 2), ("JPY", 0), ("KWD", 3)])
def test_a_currency_has_its_own_minor_unit(currency: str, digits: int) -> None:
    assert exponent(currency) == digits
    assert minor_of_unit(currency) == 10**digits
