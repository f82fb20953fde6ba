"""Who shares a contact is one person, whatever came first; what somebody parted stays parted."""

import itertools
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import Channel, Consent, CustomerFacts, Purpose
from ingest.domain.matching import MOST_MEMBERS, MOST_SHARING, Contact, Link, Persons, decide
from ingest.domain.profile import (
    Profile,
    absorb,
    bound_by,
    concerns_matching,
    from_document,
    is_news,
    own_contacts,
    publish,
    to_document,
)

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
PHONE, MAIL = Contact("phone", b"1"), Contact("email", b"2")
IDS = st.sampled_from([f"c-{number}" for number in range(12)])


def groups(links: list[Link], customers: set[str]) -> set[frozenset[str]]:
    persons = Persons(links)
    return {frozenset(persons.members(one)) for one in customers}


def test_who_shares_a_contact_is_merged_into_the_smallest_id() -> None:
    verdict = decide({PHONE: {"c-3", "c-1"}, MAIL: {"c-3", "c-2"}}, [], [], AT)

    assert groups([*verdict.links], {"c-1", "c-2", "c-3"}) == {frozenset({"c-1", "c-2", "c-3"})}
    assert Persons(verdict.links).root("c-3") == "c-1"
    assert {link.contact for link in verdict.links} == {PHONE, MAIL}
    assert not verdict.doubtful
    assert verdict.clear == {PHONE, MAIL}


def test_a_contact_of_too_many_merges_nobody_and_cuts_what_it_had_merged() -> None:
    crowd = {f"c-{number}" for number in range(MOST_SHARING + 1)}
    before, other = Link("c-1", "c-0", AT, PHONE), Link("c-2", "c-0", AT, MAIL)

    verdict = decide({PHONE: crowd}, [before, other], [], AT)

    assert (verdict.links, verdict.cut) == ((), (before,))
    assert verdict.doubtful == {PHONE}
    assert not verdict.clear


def test_a_person_of_too_many_ids_grows_no_more() -> None:
    links = [Link(f"c-{n:02}", "c-00", AT, MAIL) for n in range(1, MOST_MEMBERS)]

    verdict = decide({PHONE: {"c-00", "d"}}, links, [], AT)

    assert not verdict.links
    assert verdict.doubtful == {PHONE}


@pytest.mark.parametrize("pair", [("a", "c"), ("c", "a")])
def test_whom_somebody_parted_nothing_unites(pair: tuple[str, str]) -> None:
    """Nor those who are one with them."""
    links = [Link("b", "a", AT, MAIL)]

    verdict = decide({PHONE: {"b", "c", "d"}}, links, [pair], AT)

    assert [(one.alias_id, one.survivor_id) for one in verdict.links] == [("d", "a")]
    assert Persons([*links, *verdict.links]).root("c") == "c"


def test_nothing_shared_decides_nothing() -> None:
    verdict = decide({PHONE: {"a"}, MAIL: set()}, [], [], AT)

    assert not verdict.links
    assert verdict.clear == {PHONE, MAIL}


@given(st.dictionaries(st.integers(0, 9), st.sets(IDS, min_size=1, max_size=4)), st.randoms())
def test_any_order_of_contacts_gives_the_same_persons(
    shared: dict[int, set[str]], random: Random
) -> None:
    sharers = {Contact("phone", bytes([name])): who for name, who in shared.items()}
    at_once = decide(sharers, [], [], AT)
    pieces = list(sharers.items())
    random.shuffle(pieces)
    links: list[Link] = []
    for contact, who in pieces:
        links += decide({contact: who}, links, [], AT).links

    customers = set(itertools.chain(*shared.values()))
    assert groups(links, customers) == groups([*at_once.links], customers)
    assert all(Persons(links).root(one) == min(Persons(links).members(one)) for one in customers)
    assert len({link.alias_id for link in links}) == len(links)


def said(version_us: int = 1, **fields: object) -> CustomerFacts:
    return CustomerFacts("north", "c-1", version_us, **fields)  # type: ignore[arg-type]


def consent(channel: Channel, *, given: bool) -> Consent:
    return Consent(channel, Purpose.MARKETING, given, AT, "form")


def test_own_contacts_are_not_those_of_an_orders_receiver() -> None:
    profile = absorb(Profile(), said(phone="+8613800000001", email="Li@Example.com"))
    profile = absorb(profile, said(2, phone="+8613900000002", from_order=True))

    assert own_contacts(profile) == {"phone": "+8613800000001", "email": "li@example.com"}
    assert own_contacts(absorb(profile, said(3, phone=""))) == {"email": "li@example.com"}


def test_what_one_refused_all_are_bound_by_and_nobody_gains_a_consent() -> None:
    yes = consent(Channel.SMS, given=True)
    mine = absorb(Profile(), said(consents=(yes,)))
    other = absorb(
        Profile(),
        said(consents=(consent(Channel.SMS, given=False), consent(Channel.EMAIL, given=True))),
    )

    bound = bound_by(mine, [other])

    told = publish("north", "c-1", 1, bound).consents
    assert [(one.channel, one.given) for one in told] == [("sms", False)]
    assert is_news(bound, to=mine)
    assert from_document(to_document(bound)) == bound
    assert publish("north", "c-1", 1, bound_by(bound, [])).consents == (yes,)
    assert bound_by(other, [mine]) == other


def test_only_contacts_and_refusals_concern_matching() -> None:
    before = absorb(Profile(), said(name="Li"))

    assert not concerns_matching(absorb(before, said(2, name="Wang")), before=before)
    assert concerns_matching(absorb(before, said(2, phone="+8613800000001")), before=before)
    refused = absorb(before, said(2, consents=(consent(Channel.SMS, given=False),)))
    assert concerns_matching(refused, before=before)
