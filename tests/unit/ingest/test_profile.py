"""Profiles: facts in any order, and any number of times, give one person."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from contracts.events import (
    Attribute,
    Birthday,
    Channel,
    Consent,
    CustomerClass,
    CustomerFacts,
    Gender,
    OrderHome,
    Purpose,
    Region,
)
from ingest.domain.profile import (
    Profile,
    absorb,
    absorb_home,
    from_document,
    is_news,
    publish,
    to_document,
)

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)

times = st.integers(0, 3).map(lambda hours: AT + timedelta(hours=hours))
texts = st.sampled_from([None, "", "a", "b"])
REGIONS = [None, Region("CN"), Region("DE", "BE", "Berlin")]
consents = st.builds(
    Consent,
    channel=st.sampled_from([Channel.SMS, Channel.EMAIL]),
    purpose=st.just(Purpose.MARKETING),
    given=st.booleans(),
    at=times,
    source=st.sampled_from([None, "api"]),
)
attributes = st.builds(
    Attribute, name=st.sampled_from(["size", "skin"]), value=st.sampled_from(["M", "L"]), at=times
)
facts = st.builds(
    CustomerFacts,
    shop_id=st.just("north"),
    customer_id=st.just("c-7"),
    version_us=st.integers(0, 3),
    name=texts,
    phone=texts,
    zone=texts,
    region=st.sampled_from(REGIONS),
    birthday=st.sampled_from([None, Birthday(8, 15, lunar=True), Birthday(2, 29, 2000)]),
    gender=st.sampled_from([None, *Gender]),
    customer_class=st.sampled_from([None, CustomerClass.WHOLESALE]),
    attributes=st.lists(attributes, max_size=3).map(tuple),
    consents=st.lists(consents, max_size=3).map(tuple),
    joined_at=st.none() | times,
    last_login_at=st.none() | times,
    from_order=st.sampled_from([None, True]),
)


def packed(profile: Profile) -> str:
    return json.dumps(to_document(profile), sort_keys=True)


def merged(said: Sequence[CustomerFacts]) -> Profile:
    return reduce(absorb, said, Profile())


@given(st.lists(facts, max_size=6), st.randoms(use_true_random=False))
def test_facts_shuffled_and_repeated_give_the_same_profile(
    said: list[CustomerFacts], random: Random
) -> None:
    shuffled = said + said[: len(said) // 2]
    random.shuffle(shuffled)

    assert merged(shuffled) == merged(said)
    assert packed(merged(shuffled)) == packed(merged(said))


@given(st.lists(facts, max_size=6))
def test_a_profile_rests_and_comes_back_equal(said: list[CustomerFacts]) -> None:
    profile = merged(said)

    assert from_document(json.loads(packed(profile))) == profile
    assert publish("north", "c-7", 3, from_document(json.loads(packed(profile)))) == publish(
        "north", "c-7", 3, profile
    )


def test_everything_that_was_said_is_published() -> None:
    said = CustomerFacts(
        "north",
        "c-7",
        1,
        name="Li",
        phone="+8613800000001",
        email="li@example.com",
        region=Region("CN", "北京市", "北京市"),
        address="长安街 1",
        birthday=Birthday(8, 15, lunar=True),
        gender=Gender.FEMALE,
        customer_class=CustomerClass.WHOLESALE,
        locale="zh",
        zone="Asia/Shanghai",
        attributes=(Attribute("size", "M", AT, "survey"),),
        consents=(Consent(Channel.SMS, Purpose.MARKETING, True, AT, "api"),),
        joined_at=AT,
        last_login_at=AT,
    )

    known = publish("north", "c-7", 4, merged([said]))

    names = [name for name in said.__slots__ if name not in ("version_us", "from_order")]
    assert {name: getattr(known, name) for name in names} == {
        name: getattr(said, name) for name in names
    }
    assert known.revision == 4


def test_an_order_fills_gaps_and_never_replaces() -> None:
    own = CustomerFacts("north", "c-7", 1, phone="+8613800000001")
    of_receiver = CustomerFacts(
        "north", "c-7", 9, name="Aunt", phone="+8613800000009", from_order=True
    )

    known = publish("north", "c-7", 1, merged([of_receiver, own]))

    assert (known.name, known.phone) == ("Aunt", "+8613800000001")


def test_an_empty_text_takes_a_value_away_and_no_order_brings_it_back() -> None:
    said = [
        CustomerFacts("north", "c-7", 1, phone="+8613800000001"),
        CustomerFacts("north", "c-7", 2, phone=""),
        CustomerFacts("north", "c-7", 3, phone="+8613800000009", from_order=True),
    ]

    assert publish("north", "c-7", 1, merged(said)).phone is None


def test_of_a_yes_and_a_no_at_one_instant_the_no_is_true() -> None:
    both = [
        CustomerFacts(
            "north", "c-7", 1, consents=(Consent(Channel.SMS, Purpose.MARKETING, given, AT),)
        )
        for given in (True, False)
    ]

    for said in (both, both[::-1]):
        assert [one.given for one in publish("north", "c-7", 1, merged(said)).consents] == [False]


def test_the_first_joining_and_the_last_login_count() -> None:
    said = [
        CustomerFacts("north", "c-7", 1, joined_at=at, last_login_at=at)
        for at in (AT, AT + timedelta(days=1))
    ]

    known = publish("north", "c-7", 1, merged(said))

    assert (known.joined_at, known.last_login_at) == (AT, AT + timedelta(days=1))


def test_an_orders_region_fills_the_profile() -> None:
    known = absorb_home(Profile(), OrderHome("north", "c-7", "A-1", 5, Region("CN")))

    assert publish("north", "c-7", 1, known).region == Region("CN")


@given(st.lists(facts, max_size=4), st.integers(0, 3), st.sampled_from(REGIONS))
def test_a_home_is_a_region_that_an_order_tells(
    said: list[CustomerFacts], version_us: int, region: Region | None
) -> None:
    known = merged(said)
    as_fact = CustomerFacts("north", "c-7", version_us, region=region, from_order=True)

    assert absorb_home(known, OrderHome("north", "c-7", "A-1", version_us, region)) == absorb(
        known, as_fact
    )


@given(st.lists(facts, max_size=4), st.lists(facts, max_size=2))
def test_news_is_what_changes_what_is_published(
    said: list[CustomerFacts], then: list[CustomerFacts]
) -> None:
    known, after = merged(said), merged([*said, *then])
    told = [publish("north", "c-7", 1, one) for one in (known, after)]

    assert is_news(after, to=known) == (told[0] != told[1])
