"""Member levels: up at once, down on the first of a month, one step, and told before."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from contracts.events import CustomerProfile, LevelChanged, OrderFacts, RefundFacts, ReviewFacts
from integration.segmenter.conftest import NOON, Segmenter, bearer, paid, shop
from integration.segmenter.detailed import Details

HERE = "/v1/shops/tea"
DAY = timedelta(days=1)


@pytest.fixture
async def details(segmenter: Segmenter) -> Details:
    made = Details(segmenter=segmenter)
    await made.tend()  # the passes of the shop begin
    return made


def back(order_id: str, amount_minor: int) -> OrderFacts:
    refund = RefundFacts("r1", 2, amount_minor=amount_minor, agreed_at=NOON)
    return OrderFacts("tea", "ann", order_id, 2, refunds=(refund,))


async def told(segmenter: Segmenter) -> list[tuple[Any, ...]]:
    return [
        (one.customer_id, one.kind, one.before, one.after, one.as_of)
        for one in await segmenter.announced(LevelChanged)
    ]


async def level(segmenter: Segmenter) -> str:
    (row,) = await segmenter.rows("select level_id from member")
    return str(row["level_id"])


async def wait_until(details: Details, at: datetime) -> None:
    """Let the days pass one by one, as they do."""
    segmenter = details.segmenter
    while (now := await segmenter.now()) < at:
        await segmenter.set_time(min(at, now + DAY))
        await details.tend(limit=2)


async def test_the_first_order_makes_a_member_and_money_with_activity_lifts_at_once(
    segmenter: Segmenter, details: Details
) -> None:
    today = NOON.date()
    await details.orders(paid("o1", total_minor=499_99))
    await details.orders(paid("o2", total_minor=1))
    await details.orders(paid("o2", total_minor=1), paid("o1", total_minor=499_99))
    await details.orders(paid("o3", total_minor=1_500_00))

    assert await told(segmenter) == [
        ("ann", "joined", "", "basic", today),
        ("ann", "level_up", "basic", "silver", today),
        ("ann", "level_up", "silver", "gold", today),
    ]
    revisions = [one.revision for one in await segmenter.announced(LevelChanged)]
    assert revisions == [1, 2, 3]


async def test_money_alone_is_not_enough_and_reviews_and_logins_are_activity(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1", total_minor=2_000_00))
    assert await level(segmenter) == "silver"

    reviews = [ReviewFacts("tea", "ann", f"w{n}", 1, reviewed_at=NOON, rating=1) for n in range(5)]
    await details.reviews(*reviews)
    for day in range(4):
        at = NOON - day * DAY
        await details.profiles(CustomerProfile("tea", "ann", day + 1, last_login_at=at))
    assert await level(segmenter) == "silver"  # 10 + 15 + 4
    await details.profiles(CustomerProfile("tea", "ann", 9, last_login_at=NOON - 5 * DAY))

    assert await level(segmenter) == "gold"


async def test_who_registers_joins_on_that_day_without_an_order(
    segmenter: Segmenter, details: Details
) -> None:
    await details.profiles(CustomerProfile("tea", "bob", 1))
    await details.profiles(CustomerProfile("tea", "ann", 1, joined_at=NOON - 3 * DAY))
    await details.profiles(CustomerProfile("tea", "ann", 2, joined_at=NOON - 3 * DAY))

    assert await told(segmenter) == [("ann", "joined", "", "basic", (NOON - 3 * DAY).date())]


async def test_old_orders_in_any_order_make_one_member_once(
    segmenter: Segmenter, details: Details
) -> None:
    facts = [paid(f"o{n}", days_ago=n * 100, total_minor=300_00) for n in (9, 5, 2, 7, 3, 1)]
    for fact in [*facts, *reversed(facts)]:
        await details.orders(fact)

    kinds = [one[1:4] for one in await told(segmenter)]
    assert kinds == [("joined", "", "basic"), ("level_up", "basic", "silver")]


async def test_a_refund_lowers_at_the_review_for_which_it_could_be_told_and_one_step(
    segmenter: Segmenter, details: Details
) -> None:
    """On 1 March; the review of 1 April is announced on 2 March."""
    await details.orders(
        paid("o1", total_minor=5_000_00),
        *(paid(f"small{n}", total_minor=1_00) for n in range(5)),
    )
    assert await level(segmenter) == "diamond"
    await details.orders(back("o1", 4_900_00))
    assert await level(segmenter) == "diamond"

    await wait_until(details, datetime(2026, 3, 31, 15, 59, tzinfo=UTC))
    assert (await told(segmenter))[1:] == [
        ("ann", "level_down_soon", "diamond", "diamond", date(2026, 3, 2))
    ]
    soon = (await segmenter.announced(LevelChanged))[1]
    assert (soon.review_day, soon.missing_minor) == (date(2026, 4, 1), 4_895_00)

    await wait_until(details, datetime(2026, 4, 2, tzinfo=UTC))
    assert (await told(segmenter))[2:] == [
        ("ann", "level_down", "diamond", "gold", date(2026, 4, 1)),
        ("ann", "level_down_soon", "gold", "gold", date(2026, 4, 1)),
    ]
    await wait_until(details, datetime(2026, 7, 2, tzinfo=UTC))

    downs = [one[2:] for one in await told(segmenter) if one[1] == "level_down"]
    assert downs == [
        ("diamond", "gold", date(2026, 4, 1)),
        ("gold", "silver", date(2026, 5, 1)),
        ("silver", "basic", date(2026, 6, 1)),
    ]


async def test_a_refund_after_the_warnings_waits_for_the_next_ones(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1", total_minor=600_00))
    await wait_until(details, datetime(2026, 3, 10, tzinfo=UTC))
    await details.orders(back("o1", 500_00))

    await wait_until(details, datetime(2026, 4, 15, tzinfo=UTC))
    assert await level(segmenter) == "silver"
    await wait_until(details, datetime(2026, 5, 2, tzinfo=UTC))

    assert await level(segmenter) == "basic"


async def test_who_earns_the_level_again_keeps_it(segmenter: Segmenter, details: Details) -> None:
    await details.orders(paid("o1", total_minor=600_00))
    await details.orders(back("o1", 500_00))
    await wait_until(details, datetime(2026, 3, 20, tzinfo=UTC))
    await details.orders(paid("o2", total_minor=500_00, paid_at=datetime(2026, 3, 20, tzinfo=UTC)))

    await wait_until(details, datetime(2026, 5, 15, tzinfo=UTC))

    assert await level(segmenter) == "silver"
    assert [one[1] for one in await told(segmenter)] == ["joined", "level_down_soon"]


async def test_an_order_that_goes_out_of_the_window_is_warned_of_and_lowers(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1", days_ago=330, total_minor=600_00))  # 5 April 2025

    await wait_until(details, datetime(2026, 5, 2, tzinfo=UTC))

    assert (await told(segmenter))[1:] == [
        ("ann", "level_down_soon", "silver", "silver", date(2026, 4, 1)),
        ("ann", "level_down", "silver", "basic", date(2026, 5, 1)),
    ]


async def test_a_pass_that_sleeps_through_its_day_lowers_nobody_unwarned(
    segmenter: Segmenter, details: Details
) -> None:
    await details.orders(paid("o1", total_minor=600_00))
    await details.orders(back("o1", 500_00))
    await segmenter.set_time(datetime(2026, 4, 10, tzinfo=UTC))

    await details.tend()
    assert [one[1] for one in await told(segmenter)] == ["joined"]
    await wait_until(details, datetime(2026, 6, 2, tzinfo=UTC))

    assert [one[1] for one in await told(segmenter)] == [
        *("joined", "level_down_soon", "level_down"),
    ]


async def test_a_pass_of_many_pods_and_pages_does_everybody_once(
    segmenter: Segmenter, details: Details
) -> None:
    people = [f"c{n:02}" for n in range(23)]
    for who in people:
        refund = RefundFacts("r1", 2, amount_minor=500_00, agreed_at=NOON)
        await details.orders(paid(f"o-{who}", who, total_minor=600_00))
        await details.orders(OrderFacts("tea", who, f"o-{who}", 2, refunds=(refund,)))
    for at in (datetime(2026, 3, 2, 1, tzinfo=UTC), datetime(2026, 4, 1, 1, tzinfo=UTC)):
        await segmenter.set_time(at)
        await asyncio.gather(*(details.tend(limit=4) for _ in range(3)))
        await details.tend()

    downs = [one[0] for one in await told(segmenter) if one[1] == "level_down"]
    soons = [one[0] for one in await told(segmenter) if one[1] == "level_down_soon"]
    assert sorted(downs) == people
    assert sorted(soons) == people


async def test_a_level_by_hand_shows_to_the_end_of_its_day(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(paid("o1"))
    told_of = {"level_id": "gold", "until": "2026-03-05", "reason": "won our contest"}

    unknown = await http.put(f"{HERE}/customers/bob/level", json=told_of, headers=bearer_of())
    answer = await http.put(f"{HERE}/customers/ann/level", json=told_of, headers=bearer_of())

    assert unknown.status_code == 404
    assert answer.status_code == 200, answer.text
    assert answer.json()["level"]["level_id"] == "gold"
    assert answer.json()["ordinary_level_id"] == "basic"
    await details.orders(paid("o2", total_minor=800_00))  # silver beneath, and nothing is told
    await segmenter.set_time(datetime(2026, 3, 5, 15, 59, tzinfo=UTC))
    await details.tend()
    assert [one[1:4] for one in await told(segmenter)] == [
        ("joined", "", "basic"),
        ("level_up", "basic", "gold"),
    ]
    await segmenter.set_time(datetime(2026, 3, 5, 16, 0, tzinfo=UTC))
    await details.tend()

    assert (await told(segmenter))[2:] == [
        ("ann", "level_down", "gold", "silver", date(2026, 3, 6))
    ]


async def test_a_level_by_hand_can_be_taken_back_and_must_be_one_of_the_shop(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(paid("o1"))
    path = f"{HERE}/customers/ann/level"

    async def put(**more: str) -> int:
        body = {"level_id": "gold", "until": "2026-03-05", "reason": "x", **more}
        return (await http.put(path, json=body, headers=bearer_of())).status_code

    assert await put(level_id="platinum") == 422
    assert await put(until="2026-02-28") == 422
    assert await put(until="2126-02-28") == 422
    assert await put() == 200
    assert (await http.delete(path, headers=bearer_of())).status_code == 204
    assert (await http.delete(path, headers=bearer_of())).status_code == 204
    reader = bearer(scopes=("customers:read",))
    assert (await http.put(path, json={}, headers=reader)).status_code == 403

    assert [one[1] for one in await told(segmenter)] == ["joined", "level_up", "level_down"]


async def test_the_membership_tells_what_the_next_level_lacks(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(paid("o1", total_minor=600_00))

    found = (await http.get(f"{HERE}/customers/ann/membership")).json()

    assert found["level"]["level_id"] == "silver"
    assert (found["spend_minor"], found["activity"], found["orders"]) == (600_00, 10, 1)
    assert found["next"] == {
        "level_id": "gold",
        "missing_minor": 1_400_00,
        "missing_activity": 20,
    }
    assert (await http.get(f"{HERE}/customers/bob/membership")).status_code == 404
    assert (await http.get("/v1/shops/ink/customers/ann/membership")).status_code == 403


async def test_a_shop_sets_levels_of_its_own(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    def body(*levels: tuple[str, int, int]) -> dict[str, Any]:
        return {
            "levels": [
                {"level_id": name, "name_zh": "级", "name_en": name, "spend": s, "activity": a}
                for name, s, a in levels
            ]
        }

    async def put(*levels: tuple[str, int, int]) -> int:
        path, headers = f"{HERE}/levels", bearer_of("shops:write")
        return (await http.put(path, json=body(*levels), headers=headers)).status_code

    defaults = (await http.get(f"{HERE}/levels")).json()["levels"]
    assert [(one["level_id"], one["spend"], one["activity"]) for one in defaults] == [
        ("basic", 0, 0),
        ("silver", 500, 10),
        ("gold", 2_000, 30),
        ("diamond", 5_000, 60),
    ]
    assert await put() == 422
    assert await put(("one", 1, 0)) == 422
    assert await put(("one", 0, 0), ("one", 5, 5)) == 422
    assert await put(("one", 0, 0), ("two", 5, 5), ("three", 5, 5)) == 422
    assert await put(("one", 0, 0), ("two", 5, 5), ("three", 9, 4)) == 422
    assert await put(("one", 0, 0), ("two", 40, 10)) == 200

    await details.orders(paid("o1"))  # 50.00

    assert [one[1:4] for one in await told(segmenter)] == [("joined", "", "two")]


async def test_each_currency_has_its_own_units(segmenter: Segmenter, details: Details) -> None:
    await segmenter.shops(shop("ink", currency="JPY", zone="Asia/Tokyo"))
    await details.orders(paid("o1", shop_id="ink", currency="JPY", total_minor=500))
    await details.orders(paid("o2", "bob", shop_id="ink", currency="CNY", total_minor=500_000))

    rows = await segmenter.rows("select customer_id, level_id from member")
    assert rows == [{"customer_id": "ann", "level_id": "silver"}]


async def test_erasing_somebody_takes_what_was_written_of_them(
    segmenter: Segmenter, details: Details, http: httpx.AsyncClient
) -> None:
    await details.orders(paid("o1"))
    body = {"level_id": "gold", "until": "2026-03-05", "reason": "Mrs Wang's daughter"}
    await http.put(f"{HERE}/customers/ann/level", json=body, headers=bearer_of())

    await details.erase("tea", "ann")

    async with segmenter.tx() as conn:
        rows = await conn.execute(text("select manual_reason from member"))
        assert rows.scalars().all() == [""]


def bearer_of(scope: str = "customers:write") -> dict[str, str]:
    return bearer(scopes=("customers:read", scope))
