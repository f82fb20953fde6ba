"""What the segmenter keeps of a person: derived columns, never name, number, mailbox or street."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, TypeAlias

from care.phones import is_mobile
from contracts.events import CustomerProfile, Traits
from segmenter.domain.standing import CustomerKey

# The first age of each band, and how the band is called.
_BANDS: Final = (
    (55, "55+"),
    (45, "45-54"),
    (35, "35-44"),
    (25, "25-34"),
    (18, "18-24"),
    (0, "<18"),
)
OLDEST: Final = 120
_CHINESE_MOBILE: Final = re.compile(r"\+861[0-9]{10}", re.ASCII)

Noted: TypeAlias = str | list[str]


@dataclass(frozen=True, slots=True)
class Person:
    gender: str = ""
    birth_year: int | None = None
    birth_month: int | None = None
    birth_day: int | None = None
    birth_is_lunar: bool = False
    country: str = ""
    province: str = ""
    city: str = ""
    has_mobile: bool = False
    email_domain: str = ""
    customer_class: str = ""
    address_tags: tuple[str, ...] = ()
    mobile_prefix: str = ""
    joined_at: datetime | None = None
    last_login_at: datetime | None = None
    attributes: Mapping[str, Noted] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """A person as of the newest profile; an erased one stays so."""

    revision: int
    erased: bool
    person: Person


NOBODY: Final = Person()
UNKNOWN: Final = KnownPerson(-1, False, NOBODY)


def person_of(profile: CustomerProfile) -> Person:
    birthday, region = profile.birthday, profile.region
    return Person(
        gender=profile.gender or "",
        birth_year=None if birthday is None else birthday.year,
        birth_month=None if birthday is None else birthday.month,
        birth_day=None if birthday is None else birthday.day,
        birth_is_lunar=birthday is not None and birthday.lunar,
        country="" if region is None else region.country,
        province="" if region is None else region.province,
        city="" if region is None else region.city,
        has_mobile=bool(profile.phone) and is_mobile(profile.phone or ""),
        email_domain=(profile.email or "").rpartition("@")[2].lower(),
        customer_class=profile.customer_class or "",
        address_tags=tuple(sorted(profile.address_tags)),
        mobile_prefix=mobile_prefix(profile.phone or ""),
        joined_at=profile.joined_at,
        last_login_at=profile.last_login_at,
        attributes={one.name: noted(one.value) for one in profile.attributes if one.value},
    )


def mobile_prefix(phone: str) -> str:
    """Return the three digits that millions of Chinese mobile numbers begin with; else nothing.

    They tell the carrier that issued the number, and nobody by it.
    """
    return phone[3:6] if _CHINESE_MOBILE.fullmatch(phone) else ""


def noted(printed: str) -> Noted:
    """Return the value of an own attribute: several choices as a list, the rest as printed."""
    if not printed.startswith("["):
        return printed
    try:
        read = json.loads(printed)
    except (ValueError, RecursionError):
        return printed
    return read if all(isinstance(one, str) for one in read) else printed


def renew(known: KnownPerson, profile: CustomerProfile | None) -> KnownPerson:
    """Return what is known after *profile*, or after the erasure that None stands for."""
    if known.erased:
        return known
    if profile is None:
        return KnownPerson(known.revision + 1, True, NOBODY)
    if profile.revision <= known.revision:
        return known
    return KnownPerson(profile.revision, False, person_of(profile))


def traits_of(customer: CustomerKey, known: KnownPerson, today: date) -> Traits:
    """Return what reporting may know of somebody."""
    person = known.person
    return Traits(
        shop_id=customer[0],
        customer_id=customer[1],
        revision=known.revision,
        age_band=_age_band(person, today),
        gender=person.gender,
        region=person.province or person.country,
    )


def _age_band(person: Person, today: date) -> str:
    if person.birth_year is None:
        return ""
    age = today.year - person.birth_year
    # The day of a lunar birthday moves; to a band's edge the year is near enough.
    if not person.birth_is_lunar and (today.month, today.day) < (
        person.birth_month or 1,
        person.birth_day or 1,
    ):
        age -= 1
    if not 0 <= age <= OLDEST:
        return ""
    return next(name for first, name in _BANDS if age >= first)
