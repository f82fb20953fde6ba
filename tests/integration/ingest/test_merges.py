"""Customers who share a number or a mailbox of their own are one person, until that is undone."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from contracts.events import (
    Channel,
    Consent,
    CustomerErased,
    CustomerFacts,
    CustomerProfile,
    CustomersMerged,
    CustomersUnmerged,
    Purpose,
)
from contracts.topics import CUSTOMERS, ORDERS
from ingest.domain.matching import MOST_MEMBERS, MOST_SHARING
from ingest.edges.matcher import Matcher
from integration.ingest.conftest import add_shop, bearer, utc_now
from integration.ingest.reading import consume
from integration.ingest.test_registries import AT, order, sent

ROOT = "/v1/shops/north"
PHONE = "+8613800000001"
SEED = 1_000
SHARE_WITH_MAIL = 0.4
SHARE_REFUSING = 0.2


def person(customer_id: str, version_us: int = 1, **fields: Any) -> CustomerFacts:
    return CustomerFacts("north", customer_id, version_us, **fields)


def consents(*, sms: bool) -> tuple[Consent, ...]:
    return (Consent(Channel.SMS, Purpose.MARKETING, sms, AT, "form"),)


async def match(house: Any) -> None:
    """Look until nobody is left to be looked at."""
    matcher = Matcher(
        engine=house.engine,
        sealer=house.sealer,
        partitions=4,
        now=utc_now,
        wake=lambda: None,
    )
    while await matcher.turn():
        pass


async def told(house: Any) -> list[tuple[str, str, str, str]]:
    """Return what was told of merges: the kind, whose key, survivor and alias."""
    return [
        (type(one).__name__, one.customer_id, one.survivor_id, one.alias_id)
        for one in await sent(house, ORDERS)
        if isinstance(one, CustomersMerged | CustomersUnmerged)
    ]


async def latest(house: Any) -> dict[str, CustomerProfile]:
    return {
        one.customer_id: one
        for one in await sent(house, CUSTOMERS)
        if isinstance(one, CustomerProfile)
    }


async def person_of(house: Any, customer_id: str) -> Any:
    path = f"{ROOT}/customers/{customer_id}/person"
    return (await house.http.get(path, headers=bearer())).json()


async def merge(house: Any, *customers: str) -> Any:
    said = {"customers": list(customers)}
    return await house.http.post(f"{ROOT}/merges", json=said, headers=bearer())


async def undo(house: Any, alias_id: str) -> Any:
    return await house.http.delete(f"{ROOT}/merges/{alias_id}", headers=bearer())


async def test_who_shares_a_number_is_merged_and_told_under_both_keys(house: Any) -> None:
    await consume(house, person("c-2", phone=PHONE), person("c-1", phone=PHONE), person("c-3"))

    await match(house)

    assert await told(house) == [
        ("CustomersMerged", "c-1", "c-1", "c-2"),
        ("CustomersMerged", "c-2", "c-1", "c-2"),
    ]
    found = await person_of(house, "c-2")
    assert (found["survivor_id"], found["customers"]) == ("c-1", ["c-1", "c-2"])
    assert found["merges"][0]["why"] == "phone"
    assert (await person_of(house, "c-3"))["customers"] == ["c-3"]
    [row] = await house.rows("select blind from ingest.merge")
    assert PHONE.encode() not in row["blind"]


async def test_mailboxes_are_compared_without_case_and_receivers_of_orders_not_at_all(
    house: Any,
) -> None:
    await consume(
        house,
        person("c-1", email="Li@Example.com", phone=PHONE),
        person("c-2", email="li@example.com"),
        person("c-3", phone=PHONE, from_order=True),
    )

    await match(house)

    assert (await person_of(house, "c-1"))["customers"] == ["c-1", "c-2"]


async def test_what_one_refused_binds_all_while_they_are_one(house: Any) -> None:
    await consume(house, person("c-1", phone=PHONE, consents=consents(sms=True)))
    await consume(house, person("c-2", phone=PHONE))
    await match(house)
    assert (await latest(house))["c-1"].consents[0].given

    await consume(house, person("c-2", 2, consents=consents(sms=False)))
    await match(house)
    assert [one.given for one in (await latest(house))["c-1"].consents] == [False]
    await consume(house, person("c-1", 3, name="Li"))
    assert [one.given for one in (await latest(house))["c-1"].consents] == [False]

    assert (await undo(house, "c-2")).status_code == 204
    people = await latest(house)
    assert [one.given for one in people["c-1"].consents] == [True]
    assert [one.given for one in people["c-2"].consents] == [False]
    assert people["c-1"].name == "Li"


async def test_who_was_parted_is_merged_again_by_hand_only(house: Any) -> None:
    await consume(house, person("c-1", phone=PHONE), person("c-2", phone=PHONE))
    await match(house)
    assert (await undo(house, "c-2")).status_code == 204
    assert (await undo(house, "c-2")).status_code == 404

    await consume(house, person("c-1", 2, email="li@example.com"))
    await consume(house, person("c-2", 2, email="li@example.com"))
    await match(house)
    assert (await person_of(house, "c-1"))["customers"] == ["c-1"]

    merged = await merge(house, "c-2", "c-1")
    assert (merged.status_code, merged.json()["customers"]) == (200, ["c-1", "c-2"])
    assert merged.json()["merges"][0]["why"] == "by_hand"
    assert (await merge(house, "c-2", "c-1")).json() == merged.json()
    assert Counter(kind for kind, *_ in await told(house)) == {
        "CustomersMerged": 4,
        "CustomersUnmerged": 2,
    }
    assert await house.rows("select * from ingest.parted") == []


async def test_a_number_of_more_than_five_merges_nobody_and_is_listed(house: Any) -> None:
    await consume(house, *(person(f"c-{n}", phone=PHONE) for n in range(1, 6)))
    await consume(house, person("c-2", 2, email="li@example.com"))
    await consume(house, person("c-3", 2, email="li@example.com"))
    await match(house)
    assert len((await person_of(house, "c-5"))["customers"]) == 5

    await consume(house, person("c-6", phone=PHONE))
    await match(house)

    assert (await person_of(house, "c-1"))["customers"] == ["c-1"]
    assert (await person_of(house, "c-2"))["customers"] == ["c-2", "c-3"]
    listed = await house.http.get(f"{ROOT}/merges/doubtful", headers=bearer())
    [doubt] = listed.json()["doubtful"]
    assert (doubt["why"], doubt["customers"]) == ("phone", [f"c-{n}" for n in range(1, 7)])

    await consume(house, person("c-6", 2, phone=""))
    await match(house)
    listed = await house.http.get(f"{ROOT}/merges/doubtful", headers=bearer())
    assert listed.json() == {"doubtful": []}


async def test_who_is_erased_leaves_the_person_and_binds_nobody(house: Any) -> None:
    await consume(house, person("c-1", phone=PHONE, consents=consents(sms=False)))
    await consume(house, person("c-2", phone=PHONE), person("c-3", phone=PHONE))
    await match(house)
    assert [one.given for one in (await latest(house))["c-3"].consents] == [False]

    await consume(house, CustomerErased("north", "c-1", AT))
    await match(house)

    assert (await person_of(house, "c-2"))["customers"] == ["c-2", "c-3"]
    assert (await person_of(house, "c-1"))["customers"] == ["c-1"]
    assert (await latest(house))["c-3"].consents == ()
    kept = await house.rows("select customer_id from ingest.contact_point order by 1")
    assert [row["customer_id"] for row in kept] == ["c-2", "c-3"]
    assert await house.rows("select * from ingest.gone") == []


async def test_merges_are_listed_and_are_their_shops_own(house: Any) -> None:
    await add_shop(house, "south")
    await consume(house, person("c-1", phone=PHONE), person("c-2", phone=PHONE))
    await consume(house, CustomerFacts("south", "c-3", 1, phone=PHONE))
    await match(house)

    listed = await house.http.get(f"{ROOT}/merges", headers=bearer())
    other = await house.http.get("/v1/shops/south/merges", headers=bearer("south"))

    assert [one["alias_id"] for one in listed.json()["merges"]] == ["c-2"]
    assert other.json() == {"merges": []}
    wrong = await house.http.get(f"{ROOT}/merges", headers=bearer("south"))
    assert wrong.status_code == 403


@pytest.mark.parametrize(
    ("customers", "status"),
    [(["c-1", "c-9"], 404), (["c-1"], 422), (["c-1", "c-2", "c-3"], 422), ("c-1", 422)],
)
async def test_a_merge_that_makes_no_sense_is_refused(
    house: Any, customers: Any, status: int
) -> None:
    await consume(house, person("c-1"))

    said = {"customers": customers}
    answer = await house.http.post(f"{ROOT}/merges", json=said, headers=bearer())

    assert answer.status_code == status


async def test_facts_that_come_while_it_is_looked_and_undone_are_all_heeded(house: Any) -> None:
    people = [f"c-{n}" for n in range(40)]
    await consume(house, *(person(who, phone=_number(n)) for n, who in enumerate(people)))

    async def change(part: int) -> None:
        for version in range(2, 12):
            some = [n for n in range(40) if n % 4 == part]
            said = consents(sms=version % 2 == 1)
            await consume(house, *(person(people[n], version, consents=said) for n in some))

    async def part() -> None:
        for n in range(1, 40, 8):
            await merge(house, people[n], people[n - 1])
            await undo(house, people[n])

    await asyncio.gather(
        *(change(number) for number in range(4)), match(house), part(), match(house)
    )
    await match(house)

    rows = await house.rows("select survivor_id, alias_id from ingest.merge")
    parted = await house.rows("select second_id from ingest.parted")
    expected = {people[n] for n in range(1, 40, 2)} - {row["second_id"] for row in parted}
    assert {row["alias_id"] for row in rows} == expected
    assert len(expected) in range(15, 21)
    unmatched = await house.rows("select customer_id from ingest.profile where not is_matched")
    assert unmatched == []


def _number(n: int) -> str:
    return f"+8613800000{n // 2:03}"


@dataclass(frozen=True)
class Crowd:
    """Random people, of whom some share numbers and mailboxes, and some refused."""

    people: list[str]
    numbers: dict[str, str]
    mails: dict[str, str]
    refused: set[str]

    @classmethod
    def draw(cls, random: Random, number: int) -> "Crowd":
        people = [f"c-{n:04}" for n in range(number)]
        return cls(
            people,
            {who: f"+86138{random.randrange(number):08}" for who in people},
            {
                who: f"li{random.randrange(number)}@example.com"
                for who in people
                if random.random() < SHARE_WITH_MAIL
            },
            {who for who in people if random.random() < SHARE_REFUSING},
        )

    def fact(self, who: str) -> CustomerFacts:
        said = consents(sms=who not in self.refused)
        mail = self.mails.get(who)
        return person(who, name=f"P {who}", phone=self.numbers[who], email=mail, consents=said)


async def test_a_thousand_identities_are_merged_and_restored(house: Any) -> None:
    """Facts stay, the stricter consent holds while merged, and all are restored after."""
    random = Random(SEED)  # noqa: S311 - a test
    crowd = Crowd.draw(random, 1_000)
    persons = _united(crowd)
    assert max(len(who) for who in persons.values()) <= MOST_MEMBERS
    for start in range(0, 1_000, 100):
        some = crowd.people[start : start + 100]
        await consume(house, *(crowd.fact(who) for who in random.sample(some, len(some))))
        await consume(house, *(order(start + n) for n in range(20)))
    before = await latest(house)
    orders = await house.rows("select * from ingest.order_ref order by ref")

    await match(house)

    merges = await house.rows("select alias_id, survivor_id from ingest.merge")
    assert len(merges) == 1_000 - len({min(who) for who in persons.values()}) > 300
    for who in random.sample(crowd.people, 30):
        assert (await person_of(house, who))["customers"] == sorted(persons[who])
    given = {who: one.consents[0].given for who, one in (await latest(house)).items()}
    assert given == {who: not persons[who] & crowd.refused for who in crowd.people}
    news = Counter(kind for kind, *_ in await told(house))
    assert news == {"CustomersMerged": 2 * len(merges)}

    for row in random.sample(merges, len(merges)):
        assert (await undo(house, row["alias_id"])).status_code == 204
    await match(house)

    assert _said(await latest(house)) == _said(before)
    assert await house.rows("select * from ingest.order_ref order by ref") == orders
    assert await house.rows("select * from ingest.merge") == []


def _united(crowd: Crowd) -> dict[str, set[str]]:
    """Return who is whom, by another way: what is shared is followed until nothing is new."""
    shared: dict[str, set[str]] = {}
    for contacts in (crowd.numbers, crowd.mails):
        for who, contact in contacts.items():
            shared.setdefault(contact, set()).add(who)
    good = {contact: who for contact, who in shared.items() if len(who) <= MOST_SHARING}
    found: dict[str, set[str]] = {}
    for who in crowd.people:
        reached, left = {who}, [who]
        while left:
            one = left.pop()
            for contact in (crowd.numbers[one], crowd.mails.get(one, "")):
                new = good.get(contact, set()) - reached
                reached |= new
                left += new
        found[who] = reached
    return found


def _said(people: Mapping[str, CustomerProfile]) -> Any:
    return {who: (one.name, one.phone, one.email, one.consents) for who, one in people.items()}
