"""Phone numbers come in many spellings and leave in one."""

import pytest

from care.phones import country_of, is_mobile, normalise


@pytest.mark.parametrize(
    ("raw", "country", "expected"),
    [
        ("138 1234 5678", "CN", "+8613812345678"),
        ("+86-138-1234-5678", "US", "+8613812345678"),
        ("0086 13812345678", "cn", "+8613812345678"),
        pytest.param("１３８１２３４５６７８", "CN", "+8613812345678", id="full-width digits"),
        ("0571-88888888", "CN", "+8657188888888"),
        ("(212) 555-2671", "US", "+12125552671"),
        pytest.param("12345", "CN", None, id="no such number"),
        pytest.param("call me", "CN", None, id="no number"),
        pytest.param("", "CN", None, id="nothing"),
    ],
)
def test_a_number_has_one_spelling(raw: str, country: str, expected: str | None) -> None:
    assert normalise(raw, country) == expected


@pytest.mark.parametrize(
    ("phone", "mobile", "country"),
    [
        ("+8613812345678", True, "CN"),
        pytest.param("+8617012345678", True, "CN", id="a virtual operator"),
        pytest.param("+8657188888888", False, "CN", id="a fixed line"),
        pytest.param("+12125552671", True, "US", id="nobody can tell"),
        pytest.param("+80012345678", False, None, id="a number of no country"),
        pytest.param("nonsense", False, None, id="no number"),
    ],
)
def test_a_number_tells_its_kind_and_country(phone: str, mobile: bool, country: str | None) -> None:
    assert is_mobile(phone) is mobile
    assert country_of(phone) == country
