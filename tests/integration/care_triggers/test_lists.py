"""HTTP: late parcels and reviews, by the shop's days, from what is known now."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from contracts import topics
from contracts.events import ReviewFacts, ShipmentFacts, Shop
from plumbing.migrate import check, upgrade
from support.database import connect

HOME = Path(__file__).parents[3] / "services" / "care-triggers"
SHOP = "/v1/shops/tea"
DAY = date(2026, 3, 10)
ENDS = datetime(2026, 3, 10, 16, tzinfo=UTC)  # midnight in Shanghai
SECOND = timedelta(seconds=1)


def parcel(name: str, **known: Any) -> ShipmentFacts:
    facts = {"handed_over_at": ENDS - timedelta(days=5), "estimated_day": date(2026, 3, 9), **known}
    return ShipmentFacts("tea", "ann", f"o-{name}", name, 1, carrier="yuantong", **facts)


async def listed(http: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """Return all pages, which must hold as many as each of them says."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await http.get(f"{SHOP}/{path}", params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page.get("parcels", []) + page.get("reviews", [])
        if page["next_cursor"] is None:
            assert page["total"] == len(found)
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize(
    ("known", "is_overdue"),
    [
        ({}, True),
        ({"handed_over_at": ENDS - SECOND}, True),
        ({"handed_over_at": ENDS}, False),
        ({"handed_over_at": None}, False),
        ({"signed_at": ENDS - SECOND}, False),
        ({"signed_at": ENDS}, True),
        ({"returned_at": ENDS - SECOND}, False),
        ({"refused_at": ENDS - SECOND, "returned_at": ENDS}, False),
        ({"returned_at": ENDS}, True),
        ({"estimated_day": DAY}, False),
        ({"estimated_day": None}, False),
    ],
    ids=repr,
)
async def test_overdue_is_who_was_on_the_way_past_its_day_when_the_day_ended(
    care: Any, http: httpx.AsyncClient, known: dict[str, Any], is_overdue: bool
) -> None:
    await care.feed(topics.SHIPMENTS, parcel("p", **known))

    found = await listed(http, "parcels/overdue", as_of=DAY.isoformat())

    assert [(one["parcel_id"], one["days_late"]) for one in found] == [("p", 1)] * is_overdue


async def test_a_parcel_whose_order_was_cancelled_is_not_awaited_unless_it_was_restored(
    care: Any, http: httpx.AsyncClient
) -> None:
    early, late = ENDS - timedelta(days=4), ENDS - timedelta(days=3)
    await care.feed(
        topics.ORDERS,
        care.placed(early, "o-gone", cancelled_at=late),
        care.placed(early, "o-back", cancelled_at=early, restored_at=late),
        care.placed(early, "o-late", cancelled_at=late),
    )
    await care.feed(
        topics.SHIPMENTS, parcel("gone"), parcel("back"), parcel("late", signed_at=ENDS)
    )

    overdue = await listed(http, "parcels/overdue", as_of=DAY.isoformat())

    assert [one["parcel_id"] for one in overdue] == ["back"]
    assert await listed(http, "parcels/late") == []


async def test_a_parcel_is_late_from_the_midnight_after_its_estimated_day_on(
    care: Any, http: httpx.AsyncClient
) -> None:
    await care.feed(
        topics.SHIPMENTS,
        parcel("in-time", estimated_day=DAY, signed_at=ENDS - SECOND),
        parcel("late", estimated_day=DAY, signed_at=ENDS),
        parcel("later", estimated_day=DAY, signed_at=ENDS + timedelta(days=3)),
        parcel("not-yet", estimated_day=DAY),
    )

    everyone = await listed(http, "parcels/late", limit=1)
    of_a_day = await listed(http, "parcels/late", from_day="2026-03-11", to_day="2026-03-11")

    assert [(one["parcel_id"], one["days_late"]) for one in everyone] == [("later", 4), ("late", 1)]
    assert [one["parcel_id"] for one in of_a_day] == ["late"]


async def test_pages_show_each_overdue_parcel_once_the_longest_overdue_first(
    care: Any, http: httpx.AsyncClient
) -> None:
    days = {f"p{n}": DAY - timedelta(days=2 + n // 2) for n in range(7)}
    await care.feed(
        topics.SHIPMENTS, *(parcel(name, estimated_day=day) for name, day in days.items())
    )

    found = await listed(http, "parcels/overdue", as_of=DAY.isoformat(), limit=2)

    assert [one["parcel_id"] for one in found] == sorted(days, key=lambda one: (days[one], one))


async def test_reviews_are_listed_by_their_stars_while_they_stand(
    care: Any, http: httpx.AsyncClient
) -> None:
    rated = {"r1": 1, "r2": 2, "r3": 3, "r4": 4}
    await care.feed(
        topics.REVIEWS,
        *(
            ReviewFacts("tea", "ann", name, 1, reviewed_at=ENDS - stars * SECOND, rating=stars)
            for name, stars in rated.items()
        ),
        ReviewFacts("tea", "bob", "r5", 1, reviewed_at=ENDS, rating=1, order_id="o-5"),
        ReviewFacts("tea", "bob", "r6", 1, reviewed_at=ENDS, rating=1),
    )
    better = ReviewFacts("tea", "ann", "r2", 2, reviewed_at=ENDS, rating=5)
    taken_back = ReviewFacts("tea", "bob", "r6", 2, reviewed_at=ENDS, withdrawn_at=ENDS)
    await care.feed(topics.REVIEWS, better, taken_back)

    bad = await listed(http, "reviews", limit=1)
    worst = await listed(http, "reviews", most_stars=1, to_day=DAY.isoformat())

    assert [(one["review_id"], one["order_id"]) for one in bad] == [
        ("r5", "o-5"),
        ("r1", None),
        ("r3", None),
    ]
    assert [one["review_id"] for one in worst] == ["r1"]


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("parcels/overdue?as_of=9999-12-31", 422),
        ("parcels/overdue?as_of=0001-01-01", 422),
        ("parcels/late?from_day=2026-03-02&to_day=2026-03-01", 422),
        ("parcels/late?to_day=2999-01-01", 422),
        ("reviews?most_stars=6", 422),
        ("parcels/overdue?cursor=Wzk5OTk5OTk5OTksIngiXQ", 400),
    ],
)
async def test_a_question_without_an_answer_is_refused(
    care: Any, http: httpx.AsyncClient, asked: str, status: int
) -> None:
    assert (await http.get(f"{SHOP}/{asked}")).status_code == status


async def test_another_shops_parcels_and_reviews_are_not_shown(
    care: Any, http: httpx.AsyncClient
) -> None:
    await care.feed(topics.SHOPS, Shop("cup", 1, "Cup", "UTC", "USD", "US", "en", "Cup"))
    bad = ReviewFacts("cup", "bob", "r9", 1, reviewed_at=ENDS, rating=1)
    await care.feed(topics.REVIEWS, bad)

    assert await listed(http, "reviews") == []
    for path in ("parcels/overdue", "parcels/late", "reviews"):
        assert (await http.get(f"/v1/shops/cup/{path}")).status_code == 403


async def test_rows_from_before_the_lists_are_filled_from_their_state(care: Any) -> None:
    signed = ENDS + timedelta(microseconds=1)
    await care.feed(
        topics.SHIPMENTS, parcel("p", signed_at=signed, refused_at=ENDS, returned_at=signed)
    )
    await care.feed(
        topics.REVIEWS,
        ReviewFacts("tea", "ann", "r1", 1, reviewed_at=ENDS, rating=2),
        ReviewFacts("tea", "ann", "r2", 1, reviewed_at=ENDS, rating=2, withdrawn_at=ENDS),
    )
    parcels, reviews = "select * from parcel_fact", "select * from review_fact order by review_id"
    before = [await care.rows(parcels), await care.rows(reviews)]
    admin = await connect(care.db.admin_url)
    await admin.execute("set search_path = care_triggers")
    for name in ("handed_over_at", "signed_at", "turned_back_at", "estimated_day"):
        await admin.execute(f"alter table parcel_fact drop column {name}")
    for name in ("reviewed_at", "rating"):
        await admin.execute(f"alter table review_fact drop column {name}")
    await admin.execute("alter table outbox drop column records")
    await admin.execute("update alembic_version set version_num = '0001'")
    await admin.close()

    upgrade(HOME, care.db.owner_url("care-triggers"))

    assert [await care.rows(parcels), await care.rows(reviews)] == before
    assert check(HOME, care.db.owner_url("care-triggers")) == []
