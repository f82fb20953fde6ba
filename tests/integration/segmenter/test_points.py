"""Points in Postgres: a ledger that only grows, and never more spent than there is."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contracts.events import (
    Birthday,
    CustomerProfile,
    OrderFacts,
    PointsChanged,
    RefundFacts,
    ReviewFacts,
    ShipmentFacts,
)
from integration.segmenter.conftest import NOON, Segmenter, bearer, paid, shop
from integration.segmenter.detailed import Details
from plumbing.consume import NotReady
from support.eventually import eventually
from web.shop_session import shop_tx

HERE = "/v1/shops/tea/customers/ann/points"
WRITE = bearer(scopes=("customers:write",))
DAY = timedelta(days=1)
SUMS = """
    select customer_id, source, expires_on, sum(points) as points from points_entry
    group by customer_id, source, expires_on having sum(points) <> 0
    order by customer_id, source, expires_on
    """


@pytest.fixture
async def details(segmenter: Segmenter) -> Details:
    made = Details(segmenter=segmenter)
    await made.tend()  # the passes of the shop begin
    return made


def confirmed(
    order_id: str, total_minor: int = 100_00, customer_id: str = "ann", **more: Any
) -> OrderFacts:
    told = {"confirmed_at": NOON, **more}
    return paid(order_id, customer_id, total_minor=total_minor, **told)


def back(order_id: str, amount_minor: int, refund_id: str = "r1") -> OrderFacts:
    refund = RefundFacts(refund_id, 2, amount_minor=amount_minor, agreed_at=NOON)
    return OrderFacts("tea", "ann", order_id, 2, refunds=(refund,))


async def balance(segmenter: Segmenter, customer_id: str = "ann", shop_id: str = "tea") -> int:
    rows = await segmenter.rows(
        "select balance, (select coalesce(sum(points), 0) from points_entry e"
        " where (e.shop_id, e.customer_id) = (a.shop_id, a.customer_id)) as sum"
        " from points_account a where shop_id = :shop_id and customer_id = :customer_id",
        shop_id=shop_id,
        customer_id=customer_id,
    )
    if not rows:
        return 0
    assert rows[0]["balance"] == rows[0]["sum"]
    return int(rows[0]["balance"])


async def causes(segmenter: Segmenter) -> list[tuple[str, int]]:
    rows = await segmenter.rows("select cause, points from points_entry order by number")
    return [(row["cause"], row["points"]) for row in rows]


async def spend(http: httpx.AsyncClient, points: int, spend_id: str) -> httpx.Response:
    body = {"spend_id": spend_id, "points": points}
    return await http.post(f"{HERE}/spend", json=body, headers=WRITE)


async def test_an_order_earns_when_it_is_confirmed_and_says_so_once(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1", total_minor=99_99))
    assert await balance(segmenter) == 0

    for _ in range(3):
        await details.orders(confirmed("o1", 99_99))
        details.restart()

    assert await balance(segmenter) == 99
    (told,) = await segmenter.announced(PointsChanged)
    (entry,) = await segmenter.rows("select entry_id, expires_on from points_entry")
    assert told == PointsChanged("tea", "ann", entry["entry_id"], 99, 99, "order_earned", 1)
    assert entry["expires_on"] == date(2027, 3, 31)


async def test_without_a_confirmation_points_come_seven_days_after_the_last_parcel(
    segmenter: Segmenter, details: Details
) -> None:
    def parcel(parcel_id: str, signed_at: datetime | None) -> ShipmentFacts:
        return ShipmentFacts(
            *("tea", "ann", "o1", parcel_id), 1, parcels_in_order=2, signed_at=signed_at
        )

    await details.orders(paid("o1"), paid("o2", signed_at=NOON - DAY, total_minor=7_00))
    await details.parcels(parcel("p1", NOON))
    await details.parcels(parcel("p2", NOON + DAY))
    await segmenter.set_time(NOON + 6 * DAY)
    await details.tend()
    assert await balance(segmenter) == 7
    await segmenter.set_time(NOON + 8 * DAY - timedelta(seconds=1))
    assert await details.tend() == 0

    await segmenter.set_time(NOON + 8 * DAY)
    await asyncio.gather(*(details.tend() for _ in range(3)))

    assert await balance(segmenter) == 57
    await details.orders(confirmed("o1", 50_00))
    assert await balance(segmenter) == 57


async def test_parcels_that_come_before_their_order_count_once_it_is_there(
    segmenter: Segmenter, details: Details
) -> None:
    """As when the order is being written by a transaction that does not see the parcel."""
    signed = ShipmentFacts("tea", "ann", "o1", "p1", 1, signed_at=NOON)
    async with segmenter.tx() as slow:
        await details.consumer.on_orders(slow, [segmenter.record(paid("o1"))])
        await details.parcels(signed)
    await details.parcels(ShipmentFacts("tea", "ann", "o2", "p2", 1, signed_at=NOON))

    await segmenter.set_time(NOON + timedelta(seconds=120))
    await details.tend()
    sources = await segmenter.rows("select source_id, due_at from points_source")
    assert sources == [{"source_id": "o1", "due_at": NOON + 7 * DAY}]
    await segmenter.set_time(NOON + 7 * DAY)
    await details.tend()

    assert await balance(segmenter) == 50


async def somebody_waits(segmenter: Segmenter) -> bool:
    """Tell whether a transaction in this database waits for another."""
    waiting = await segmenter.rows(
        "select pid from pg_locks join pg_stat_activity using (pid)"
        " where not granted and datname = current_database()"
    )
    return bool(waiting)


async def test_an_order_and_its_parcel_told_at_once_are_not_given_for_twice(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1"))
    signed = ShipmentFacts("tea", "ann", "o1", "p1", 1, signed_at=NOON - 8 * DAY)

    async with segmenter.tx() as slow:
        await details.consumer.on_shipments(slow, [segmenter.record(signed)])
        waiting = asyncio.create_task(details.orders(confirmed("o1", 50_00)))
        await eventually(lambda: waiting.done() or somebody_waits(segmenter))
    with suppress(NotReady):
        await waiting
    await details.orders(confirmed("o1", 50_00))

    assert await causes(segmenter) == [("order_earned", 50)]


async def test_a_cancelled_order_never_falls_due(segmenter: Segmenter, details: Details) -> None:
    await details.orders(paid("o1", signed_at=NOON))
    await details.orders(OrderFacts("tea", "ann", "o1", 2, cancelled_at=NOON))
    await segmenter.set_time(NOON + 9 * DAY)

    await details.tend()

    assert await balance(segmenter) == 0


async def test_refunds_take_back_below_nought_and_nobody_spends_then(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(confirmed("o1"))
    assert (await spend(http, 90, "s1")).status_code == 200

    await details.orders(back("o1", 45_50))
    await details.orders(back("o1", 45_50))

    assert await balance(segmenter) == 54 - 90
    refused = await spend(http, 1, "s2")
    assert refused.status_code == 409
    assert refused.json()["type"] == "urn:huiliu:problem:not-enough-points"
    assert "-36" in refused.json()["detail"]
    assert await causes(segmenter) == [
        ("order_earned", 100),
        ("spent", -90),
        ("order_taken_back", -46),
    ]


async def test_praise_earns_until_it_is_changed_or_withdrawn(
    segmenter: Segmenter, details: Details
) -> None:
    await details.reviews(
        ReviewFacts("tea", "ann", "w1", 1, reviewed_at=NOON, rating=4),
        ReviewFacts("tea", "ann", "w2", 1, reviewed_at=NOON, rating=5),
        ReviewFacts("tea", "ann", "w3", 1, reviewed_at=NOON, rating=3),
    )
    assert await balance(segmenter) == 40

    await details.reviews(
        ReviewFacts("tea", "ann", "w1", 2, rating=2),
        ReviewFacts("tea", "ann", "w2", 2, withdrawn_at=NOON),
        ReviewFacts("tea", "ann", "w3", 2, rating=5),
    )

    assert await balance(segmenter) == 20


async def test_what_is_paid_on_the_birthday_counts_twice(
    segmenter: Segmenter, details: Details
) -> None:
    """Noon in UTC is 20:00 of the same day in Shanghai."""
    solar, lunar = Birthday(3, 1), Birthday(3, 1, lunar=True)
    await segmenter.profiles(
        CustomerProfile("tea", "ann", 1, birthday=solar),
        CustomerProfile("tea", "bob", 1, birthday=lunar),
    )
    await details.orders(confirmed("o1", 10_50), confirmed("o2", 10_00, days_ago=1))
    await details.orders(confirmed("o3", 10_00, customer_id="bob"))

    assert await balance(segmenter) == 20 + 10
    assert await balance(segmenter, "bob") == 10


async def test_an_order_that_moves_takes_its_points_along(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(confirmed("o1"))

    await details.orders(OrderFacts("tea", "bob", "o1", 9))

    assert (await balance(segmenter), await balance(segmenter, "bob")) == (0, 100)


async def test_foreign_money_earns_nothing_and_a_yen_is_a_unit(
    segmenter: Segmenter, details: Details
) -> None:
    await segmenter.shops(shop("ink", currency="JPY"))
    await details.orders(confirmed("o1", currency="USD"))
    yen = confirmed("o2", 700, shop_id="ink", currency="JPY")
    await details.orders(yen)

    rows = await segmenter.rows("select shop_id, balance from points_account")
    assert rows == [{"shop_id": "ink", "balance": 700}]


async def test_of_fifty_who_spend_at_once_what_is_there_for_ten_ten_succeed(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(confirmed("o1", 109_00))

    answers = await asyncio.gather(*(spend(http, 10, f"s{n}") for n in range(50)))

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] * 10 + [409] * 40
    assert await balance(segmenter) == 9
    balances = sorted(one.json()["balance"] for one in answers if one.status_code == 200)
    assert balances == list(range(9, 109, 10))


async def test_one_spend_asked_for_many_times_is_one(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(confirmed("o1"))

    answers = await asyncio.gather(*(spend(http, 60, "s1") for _ in range(8)))
    other = await spend(http, 61, "s1")

    assert len({answer.text for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}
    assert (other.status_code, other.json()["type"]) == (409, "urn:huiliu:problem:request-taken")
    assert await balance(segmenter) == 40
    assert len(await segmenter.announced(PointsChanged)) == 2


async def test_points_given_and_taken_by_hand_and_for_a_survey(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(paid("o1"))

    async def ask(route: str, **body: Any) -> httpx.Response:
        return await http.post(f"{HERE}/{route}", json=body, headers=WRITE)

    given_ = await ask("adjust", adjust_id="a1", points=30, reason="a late parcel")
    await ask("adjust", adjust_id="a1", points=30, reason="a late parcel")
    survey = [await ask("survey", survey_id="spring") for _ in range(2)]
    taken = await ask("adjust", adjust_id="a2", points=-51, reason="a mistake")
    less = await ask("adjust", adjust_id="a2", points=-50, reason="a mistake")

    assert given_.json()["expires_on"] == "2027-03-31"
    assert [one.json()["balance"] for one in survey] == [50, 50]
    assert (taken.status_code, less.json()["balance"]) == (409, 0)
    assert (await ask("adjust", adjust_id="a3", points=0, reason="x")).status_code == 422
    assert (await ask("adjust", adjust_id="a3", points=1)).status_code == 422
    assert (await ask("spend", spend_id="s", points=-5)).status_code == 422
    strangers = HERE.replace("ann", "zoe")
    body = {"survey_id": "spring"}
    unknown = await http.post(f"{strangers}/survey", json=body, headers=WRITE)
    assert unknown.status_code == 404


async def test_the_oldest_points_go_first_and_the_rest_ends_with_its_month(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    year = timedelta(days=365)
    await details.orders(
        confirmed("o1", 100_00, confirmed_at=NOON - 300 * DAY),  # 5 May 2025: to 31 May 2026
        confirmed("o2", 40_00),  # to 31 March 2027
    )
    await spend(http, 70, "s1")
    found = (await http.get(HERE)).json()
    assert found["expires_next"] == {"points": 30, "on": "2026-05-31"}

    await segmenter.set_time(datetime(2026, 5, 16, 16, tzinfo=UTC))
    await details.tend()
    (soon,) = [one for one in await segmenter.announced(PointsChanged) if one.cause == "expiring"]
    assert (soon.points, soon.balance, soon.expiring) == (0, 70, 30)
    assert soon.expires_on == date(2026, 5, 31)

    await segmenter.set_time(datetime(2026, 5, 31, 15, 59, tzinfo=UTC))
    await details.tend()
    assert await balance(segmenter) == 70
    await segmenter.set_time(datetime(2026, 5, 31, 16, 0, tzinfo=UTC))
    await asyncio.gather(*(details.tend(limit=1) for _ in range(3)))
    await details.tend()
    assert await balance(segmenter) == 40

    await details.orders(back("o1", 100_00))  # its points are spent or gone
    assert await balance(segmenter) == 40
    await segmenter.set_time(NOON + year + 40 * DAY)
    await details.tend()

    assert (await causes(segmenter))[-1] == ("expired", -40)
    assert await balance(segmenter) == 0


async def test_what_ended_before_it_was_heard_of_is_not_given(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(confirmed("o1", confirmed_at=NOON - 500 * DAY, days_ago=510))

    assert await causes(segmenter) == []


async def test_nobody_who_serves_changes_an_entry(segmenter: Segmenter, details: Details) -> None:
    await details.orders(confirmed("o1"))

    for change in ("update points_entry set points = 9", "delete from points_entry"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with segmenter.tx() as conn:
                await conn.execute(text(change))
        with pytest.raises(DBAPIError, match="permission denied"):
            async with shop_tx(segmenter.engine, "segmenter", "tea") as conn:
                await conn.execute(text(change))
    assert await balance(segmenter) == 100


async def test_the_ledger_is_listed_newest_first_in_pages(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(*(confirmed(f"o{n}", n * 100) for n in range(1, 6)))

    first = (await http.get(HERE, params={"limit": 2})).json()
    rest = (await http.get(HERE, params={"limit": 9, "cursor": first["cursor"]})).json()

    entries = first["entries"] + rest["entries"]
    assert [one["number"] for one in entries] == [5, 4, 3, 2, 1]
    assert [one["balance"] for one in entries] == [15, 10, 6, 3, 1]
    assert (first["balance"], rest["cursor"]) == (15, None)
    assert (await http.get(HERE.replace("ann", "zoe"))).status_code == 404


def some_facts(random: Random) -> list[Any]:
    """Return facts about few orders and reviews, as ever more of each becomes known."""
    facts: list[Any] = []
    for n in range(6):
        order_id, who = f"o{n}", random.choice(["ann", "bob"])
        version = random.randint(1, 9)
        paid_at = NOON - timedelta(days=random.randint(1, 500))
        facts.append(
            OrderFacts(
                *("tea", who, order_id),
                paid_at=paid_at,
                total_minor=random.randint(1, 300_00),
                version_us=version,
                currency="CNY",
            )
        )
        if random.random() < 0.8:
            at = NOON - timedelta(days=random.randint(0, 500))
            facts.append(OrderFacts("tea", who, order_id, version + 1, confirmed_at=at))
            facts.append(OrderFacts("tea", who, order_id, version, confirmed_at=at - 45 * DAY))
        if random.random() < 0.4:
            facts.append(OrderFacts("tea", "eve", order_id, version + 2))
        if random.random() < 0.5:
            refund = RefundFacts("r", 1, amount_minor=random.randint(1, 90_00), agreed_at=NOON)
            facts.append(OrderFacts("tea", who, order_id, version, refunds=(refund,)))
    for n in range(4):
        facts += [
            ReviewFacts(
                *("tea", "ann", f"w{n}"), version, reviewed_at=NOON, rating=random.randint(1, 5)
            )
            for version in (1, 2)
        ]
    return facts


@pytest.mark.parametrize("seed", range(6))
async def test_facts_shuffled_and_repeated_leave_the_same_points(
    segmenter: Segmenter, details: Details, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    facts = some_facts(random)

    async def live(told: Sequence[Any]) -> list[dict[str, Any]]:
        for number, fact in enumerate(told):
            if number % 10 == 0:
                details.restart()
            await details.tell(fact)
        await details.tend()
        for who in ("ann", "bob", "eve"):
            await balance(segmenter, who, told[0].shop_id)  # each the sum of its entries
        return await segmenter.rows(SUMS)

    expected = await live(facts)
    assert expected
    count = len(await segmenter.rows("select * from points_entry"))
    assert await live([fact for fact in facts for _ in range(2)]) == expected
    assert len(await segmenter.rows("select * from points_entry")) == count

    shuffled = facts + random.choices(facts, k=10)
    random.shuffle(shuffled)
    moved = [_in(fact, "ink") for fact in shuffled]
    await segmenter.shops(shop("ink"))
    await live(moved)

    there = await segmenter.rows(SUMS.replace("group by", "where shop_id = 'ink' group by"))
    here = await segmenter.rows(SUMS.replace("group by", "where shop_id = 'tea' group by"))
    assert there == here == expected


def _in(fact: Any, shop_id: str) -> Any:
    names = fact.__dataclass_fields__
    return type(fact)(**{**{name: getattr(fact, name) for name in names}, "shop_id": shop_id})
