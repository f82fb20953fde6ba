"""Staff change many customers at once, and take it back."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.events import (
    Attribute,
    Channel,
    Consent,
    CustomerClass,
    CustomerFacts,
    CustomerProfile,
    Gender,
    Purpose,
)
from ingest.domain.editing import Edit, from_rows, taken_back, to_rows
from ingest.domain.profile import Profile, absorb, publish
from ingest.domain.reading import micros

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
EDIT = Edit(
    CustomerClass.WHOLESALE,
    Gender.FEMALE,
    {Channel.SMS: False, Channel.EMAIL: True},
    {"size": "L", "note": "", "vip": "true"},
)
KNOWN = CustomerFacts(
    "north",
    "c-7",
    micros(AT - timedelta(days=1)),
    name="Li",
    gender=Gender.OTHER,
    customer_class=CustomerClass.RETAIL,
    attributes=(
        Attribute("size", "M", AT - timedelta(days=1), "survey"),
        Attribute("note", "likes tea", AT - timedelta(days=1), "survey"),
    ),
    consents=(
        Consent(Channel.SMS, Purpose.MARKETING, True, AT - timedelta(days=1), "checkout"),
        Consent(Channel.EMAIL, Purpose.MARKETING, False, AT - timedelta(days=1), "reply"),
    ),
)


def told(profile: Profile) -> CustomerProfile:
    return publish("north", "c-7", 1, profile)


def edited(known: Profile) -> Profile:
    return absorb(known, EDIT.facts("north", "c-7", AT, "stall 4"))


def test_an_edit_sets_what_it_names_and_says_from_where() -> None:
    known = told(edited(absorb(Profile(), KNOWN)))

    assert (known.customer_class, known.gender, known.name) == ("wholesale", "female", "Li")
    assert [(one.name, one.value, one.source) for one in known.attributes] == [
        ("size", "L", "stall 4"),
        ("vip", "true", "stall 4"),
    ]
    assert [(one.channel, one.given, one.source) for one in known.consents] == [
        ("email", True, "stall 4"),
        ("sms", False, "stall 4"),
    ]


@pytest.mark.parametrize("known", [absorb(Profile(), KNOWN), Profile()])
def test_an_edit_that_is_taken_back_leaves_what_was_there(known: Profile) -> None:
    kept = json.dumps(to_rows(EDIT.before(known)))

    back = taken_back(edited(known), from_rows(json.loads(kept)), edited_at=AT, at=LATER)

    assert values(told(back)) == values(told(known))
    assert told(edited(known)) != told(known)


def values(known: CustomerProfile) -> CustomerProfile:
    """Return *known* without the times at which things were said: these go on."""
    return replace(
        known,
        attributes=tuple(replace(one, at=AT) for one in known.attributes),
        consents=tuple(replace(one, at=AT) for one in known.consents),
    )


def test_what_was_said_since_an_edit_stays_when_it_is_taken_back() -> None:
    before = EDIT.before(absorb(Profile(), KNOWN))
    since = CustomerFacts(
        "north",
        "c-7",
        micros(AT) + 1,
        gender=Gender.MALE,
        attributes=(Attribute("size", "XL", AT + timedelta(seconds=1), "survey"),),
        consents=(
            Consent(Channel.SMS, Purpose.MARKETING, False, AT + timedelta(seconds=1), "reply"),
        ),
    )
    known = absorb(edited(absorb(Profile(), KNOWN)), since)

    back = told(taken_back(known, before, edited_at=AT, at=LATER))

    assert (back.customer_class, back.gender) == ("retail", "male")
    assert [(one.name, one.value) for one in back.attributes] == [
        ("note", "likes tea"),
        ("size", "XL"),
    ]
    assert [(one.channel, one.given, one.source) for one in back.consents] == [
        ("email", False, "reply"),
        ("sms", False, "reply"),
    ]


def test_a_later_word_wins_over_what_was_taken_back() -> None:
    before = EDIT.before(Profile())
    back = taken_back(edited(Profile()), before, edited_at=AT, at=LATER)
    newer = replace(KNOWN, version_us=micros(LATER) + 1)

    assert told(absorb(back, newer)).gender == Gender.OTHER
    assert told(absorb(back, KNOWN)).gender is None
