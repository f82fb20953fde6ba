"""Of a person, only what is derived stays; the rest is not even looked at twice."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from contracts.events import Attribute, Birthday, CustomerProfile, Gender, Region
from segmenter.domain.person import (
    NOBODY,
    UNKNOWN,
    Person,
    mobile_prefix,
    noted,
    person_of,
    renew,
    traits_of,
)

TODAY = date(2026, 3, 1)
AT = datetime(2026, 2, 1, tzinfo=UTC)
ANN = ("tea", "ann")
PROFILE = CustomerProfile(
    "tea",
    "ann",
    revision=3,
    name="Ann",
    phone="+8613800138000",
    email="ann@Example.COM",
    region=Region("CN", "浙江", "杭州"),
    address="1 Lake Road",
    birthday=Birthday(3, 2, 1990),
    gender=Gender.FEMALE,
    address_tags=("office", "campus"),
    attributes=(
        Attribute("size", "L", AT),
        Attribute("gone", "", AT),
        Attribute("likes", '["red", "绿"]', AT),
    ),
)


def test_no_name_number_mailbox_or_street_is_kept() -> None:
    kept = repr(person_of(PROFILE))

    for personal in ("Ann", "13800", "8000", "ann@", "Lake"):
        assert personal not in kept


def test_what_is_kept_is_derived() -> None:
    assert person_of(PROFILE) == Person(
        gender="female",
        birth_year=1990,
        birth_month=3,
        birth_day=2,
        country="CN",
        province="浙江",
        city="杭州",
        has_mobile=True,
        email_domain="example.com",
        address_tags=("campus", "office"),
        mobile_prefix="138",
        attributes={"size": "L", "likes": ["red", "绿"]},
    )
    assert person_of(CustomerProfile("tea", "ann", 1)) == NOBODY


@pytest.mark.parametrize(
    ("phone", "prefix"),
    [
        ("+8613912345678", "139"),
        ("+862112345678", ""),
        ("+4915112345678", ""),
        ("+861391234567", ""),
        ("", ""),
    ],
)
def test_of_a_number_only_the_block_of_its_carrier_is_kept(phone: str, prefix: str) -> None:
    assert mobile_prefix(phone) == prefix


@pytest.mark.parametrize("printed", ["plain", "[", "[1]", '["a", 1]', "[" * 100_000])
def test_what_is_no_list_of_words_is_kept_as_printed(printed: str) -> None:
    assert noted(printed) == printed


def test_the_highest_revision_is_true_and_an_erased_person_stays_so() -> None:
    known = renew(UNKNOWN, PROFILE)

    assert renew(known, replace(PROFILE, gender=Gender.MALE)) == known
    assert renew(known, replace(PROFILE, revision=4, gender=None)).person.gender == ""
    erased = renew(known, None)
    assert (erased.erased, erased.person, erased.revision) == (True, NOBODY, 4)
    assert renew(erased, replace(PROFILE, revision=9)) == erased
    assert renew(erased, None) == erased


@pytest.mark.parametrize(
    ("birthday", "band"),
    [
        (Birthday(3, 1, 2008), "18-24"),
        (Birthday(3, 2, 2008), "<18"),
        (Birthday(3, 2, 2008, lunar=True), "18-24"),
        (Birthday(1, 1, 1996), "25-34"),
        (Birthday(1, 1, 1971), "55+"),
        (Birthday(1, 1, 1880), ""),
        (Birthday(1, 1, 2027), ""),
        (Birthday(3, 1), ""),
    ],
)
def test_reporting_learns_an_age_band_and_no_birthday(birthday: Birthday, band: str) -> None:
    known = renew(UNKNOWN, replace(PROFILE, birthday=birthday))

    traits = traits_of(ANN, known, TODAY)

    assert traits.age_band == band
    assert (traits.gender, traits.region, traits.revision) == ("female", "浙江", 3)
