"""What the API says of goods, beside independent computations; what it refuses."""

from datetime import date, timedelta
from random import Random
from typing import Any

import httpx
import pytest

from integration.segmenter.conftest import NOON, Segmenter, bearer, shop
from integration.segmenter.goods import (
    CYCLES,
    REFERENCE,
    TODAY,
    Order,
    oracle,
    pair,
    past,
    product,
    tell,
)

SHOP = "/v1/shops/tea"
CATALOGUE = [
    product("s00", category="tea", style="green", cycle_days=20, stock=9),
    product("s01", category="tea", style="green", stock=0, pairs_with=("s09", "s00")),
    product("s02", category="cup", style="", cycle_days=7),
    product("s03", category="cup", style="", cycle_days=0, pairs_with=("s11", "s04", "gone")),
    product("s05", cycle_days=9, title="Five"),
    product("s06", category="tea", style="green", cycle_days=30),
    product("s11", stock=-1),
    product("s12", title="Twelve", pairs_with=("s05",)),
]
EXPECTED = """
with day as (
  select customer, sku, cast(timezone('Asia/Shanghai', paid_at) as date) as day,
         sum(quantity) filter (where refunded = 0) as quantity,
         max(cast(timezone('Asia/Shanghai', signed_at) as date)) filter (where refunded = 0) as come
  from bought group by all),
latest as (
  select *, row_number() over (partition by customer, sku order by day desc) as place from day)
select coalesce(come, day) + cast(quantity * days as integer) as expected, customer, latest.sku
from latest join cycle using (sku)
where place = 1 and quantity > 0 and not (latest.sku in ('s00', 's01', 's06') and exists (
  select 1 from line where line.customer = latest.customer and line.sku in ('s00', 's01', 's06')
    and line.sku <> latest.sku and line.day > latest.day))
order by all
"""
COHORTS = """
with season as (
  select customer, min(day - item.l) as soonest, sum(quantity) filter (where day < item.h) as early
  from line join item using (sku)
  where day >= item.l and day < item.l + 365 and day <= cast($day as date) group by customer),
life as (
  select customer, bool_and((month(day) = 6 and day(day) <= 20)
    or (month(day), day(day)) between (10, 31) and (11, 11)) as sales
  from line where day <= cast($day as date) group by customer)
select case when soonest < 14 then 'early' when early >= 2 then 'multi' when sales then 'sale_only'
       else 'others' end as cohort, list(customer order by customer)
from season join life using (customer) group by 1
"""


async def ask(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(SHOP + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pages(http: httpx.AsyncClient, path: str, name: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        answer = await ask(http, path, limit=7, **query, **more)
        found += answer[name]
        cursor = answer["cursor"]
        if cursor is None:
            return found


def days_ago(days: int) -> Any:
    return NOON - timedelta(days=days)


def couples(count: int, first: str = "a", second: str = "b") -> list[Order]:
    """Return *count* who bought both in one order, and as many who bought something else."""
    orders: list[Order] = []
    for n in range(count):
        lines = ((first, 1), (second, 1))
        orders.append(Order(f"{first}{second}{n}", f"{first}{second}{n}", days_ago(50), lines))
        orders.append(Order(f"{first}z{n}", f"{first}z{n}", days_ago(50), (("z", 1),)))
    return orders


def naive(
    orders: list[Order], customer: str, pairs: list[tuple[Any, ...]]
) -> list[tuple[str, str]]:
    """Return the suggestions for *customer* by a walk over everything."""
    paid = [one for one in orders if one.customer == customer and one.paid_at is not None]
    bought = {sku for one in paid if one.counts for sku, _ in one.lines}
    back = {sku for one in paid if one.refunded_minor for sku, _ in one.lines}
    known = {one.sku: one for one in CATALOGUE}
    best: dict[str, tuple[float, str]] = {}
    named = [(one.sku, other, 1.0) for one in CATALOGUE for other in one.pairs_with]
    proved = [(a, b, -both / n) for a, season, b, n, _, both, _ in pairs if not season]
    for because, other, rank in [*proved, *((a, b, rank) for a, b, rank in named if b in known)]:
        item = known.get(other)
        owned = other in bought and not (item and item.cycle_days)
        sold_out = item is not None and item.stock is not None and item.stock <= 0
        if because in bought and other not in back and not owned and not sold_out:
            best[other] = min(best.get(other, (2.0, "")), (rank, because))
    ranked = sorted((rank, sku, because) for sku, (rank, because) in best.items())
    return [(sku, because) for _, sku, because in ranked][:10]


@pytest.mark.parametrize("seed", range(2))
async def test_every_customers_suggestions_equal_those_of_a_walk_over_everything(
    segmenter: Segmenter, http: httpx.AsyncClient, seed: int
) -> None:
    orders = past(Random(seed))  # noqa: S311 - repeatable on purpose
    await tell(segmenter, orders, *CATALOGUE)
    await pair(segmenter)
    pairs = oracle(orders).execute(REFERENCE, {"day": TODAY}).fetchall()
    some = 0

    for customer in sorted({one.customer for one in orders})[:40]:
        answer = await ask(http, f"/customers/{customer}/suggestions")
        found = [(one["sku"], one["because"]) for one in answer["suggestions"]]
        assert found == naive(orders, customer, pairs)
        some += len(found)

    assert some > 20


@pytest.mark.parametrize("seed", range(2))
async def test_expected_purchases_equal_an_independent_computation(
    segmenter: Segmenter, http: httpx.AsyncClient, seed: int
) -> None:
    orders = past(Random(seed))  # noqa: S311 - repeatable on purpose
    await tell(segmenter, orders, *CATALOGUE)
    await pair(segmenter)
    conn = oracle(orders)
    cycles = {sku: days for sku, _, days in conn.execute(CYCLES, {"day": TODAY}).fetchall()}
    cycles |= {one.sku: one.cycle_days for one in CATALOGUE if one.cycle_days}
    conn.execute("create table cycle (sku text, days bigint)")
    conn.executemany("insert into cycle values (?, ?)", list(cycles.items()))
    expected = conn.execute(EXPECTED).fetchall()
    opens, until = date(2025, 6, 1), date(2026, 5, 1)

    found = await pages(http, "/expected", "expected", **{"from": opens}, until=until)

    assert [
        (date.fromisoformat(one["expected_day"]), one["customer_id"], one["sku"]) for one in found
    ] == [row for row in expected if opens <= row[0] < until]
    assert len(found) > 50
    assert {one["basis"] for one in found} == {"catalogue", "repeat_buyers"}
    mine = await ask(http, "/customers/c07/expected")
    assert [(date.fromisoformat(one["expected_day"]), one["sku"]) for one in mine] == [
        (day, sku) for day, customer, sku in expected if customer == "c07"
    ]


@pytest.mark.parametrize("seed", range(2))
async def test_the_cohorts_of_last_season_equal_an_independent_computation(
    segmenter: Segmenter, http: httpx.AsyncClient, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    launch = date(2025, 2, 20)
    items = [
        (
            f"s{n:02}",
            launch + timedelta(days=random.randint(0, 40)),
            date(2025, 6, random.randint(1, 28)),
        )
        for n in range(8)
    ]
    catalogue = [
        product(sku, style="new", season="spring", launch_day=launch_day, hot_sale_day=hot)
        for sku, launch_day, hot in items
    ]
    others = [
        product("s08", style="new", launch_day=date(2026, 2, 1)),
        product("s09", style="new"),
        product("s10", style="old", launch_day=launch),
    ]
    orders = past(random, customers=200)
    bargain = [
        Order(f"b{n}", f"bargain{n}", NOON.replace(2025, 11, 1 + n), (("s01", 3),))
        for n in range(9)
    ]
    await tell(segmenter, [*orders, *bargain], *catalogue, *others)
    conn = oracle([*orders, *bargain])
    conn.execute("create table item (sku text, l date, h date)")
    conn.executemany("insert into item values (?, ?, ?)", items)
    expected = dict(conn.execute(COHORTS, {"day": TODAY}).fetchall())

    answer = await ask(http, "/cohorts/same-season", style="new")

    assert answer["items"] == 8
    assert {name: answer[name] for name in expected} == {
        name: len(customers) for name, customers in expected.items()
    }
    assert expected.keys() == {"early", "multi", "sale_only", "others"}
    assert answer["buyers"] == sum(len(customers) for customers in expected.values())
    for cohort in ("early", "multi", "sale_only"):
        listed = await pages(
            http, "/cohorts/same-season", "customers", style="new", season="spring", cohort=cohort
        )
        assert listed == expected[cohort]


async def test_related_items_come_by_confidence_then_by_the_catalogue(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    both = [*couples(6), *couples(8, "a", "c"), *couples(8, "a", "bb"), *couples(9, "a", "out")]
    catalogue = [
        product("a", pairs_with=("out", "b", "n", "nowhere", "a")),
        product("c", title="Cup"),
        product("n", title="New"),
        product("out", stock=0),
        product("b", stock=1),
    ]
    await tell(segmenter, both, *catalogue)
    await pair(segmenter)

    answer = await ask(http, "/products/a/related")

    found = [(one["sku"], one["title"], one["basis"]) for one in answer["suggestions"]]
    assert found == [
        ("bb", "", "bought_together"),
        ("c", "Cup", "bought_together"),
        ("b", "", "bought_together"),
        ("n", "New", "catalogue"),
    ]
    assert answer["pairs_of"] == "2026-03-01"
    assert answer["suggestions"][2]["figures"] == {
        "buyers": 31,
        "buyers_of_other": 6,
        "buyers_of_both": 6,
        "buyers_of_any": 40,
        "support": 6 / 40,
        "confidence": 6 / 31,
        "lift": 40 / 31,
    }
    assert answer["suggestions"][3]["figures"] is None
    assert len((await ask(http, "/products/a/related", limit=1))["suggestions"]) == 1
    winter = await ask(http, "/products/a/related", season="winter")
    assert [one["sku"] for one in winter["suggestions"]] == ["bb", "c", "b", "n"]
    summer = await ask(http, "/products/a/related", season="summer")
    assert [one["sku"] for one in summer["suggestions"]] == ["b", "n"]


async def test_a_purchase_counts_from_its_arrival_and_a_new_one_begins_anew(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    tea = product("tea", cycle_days=10, title="Tea", stock=0)
    first = Order("1", "ann", days_ago(30), (("tea", 2),), signed_at=days_ago(27))
    await tell(segmenter, [first], tea)
    (one,) = await ask(http, "/customers/ann/expected")
    assert one == {
        "customer_id": "ann",
        "sku": "tea",
        "title": "Tea",
        "in_stock": False,
        "expected_day": "2026-02-22",
        "last_day": "2026-01-30",
        "signed_day": "2026-02-02",
        "quantity": 2,
        "cycle_days": 10,
        "basis": "catalogue",
    }

    await tell(segmenter, [Order("2", "ann", days_ago(5), (("tea", 3),))])
    (one,) = await ask(http, "/customers/ann/expected")
    assert (one["expected_day"], one["signed_day"]) == ("2026-03-26", None)

    await tell(segmenter, [Order("3", "ann", days_ago(1), (("tea", 1),), refunded_minor=1000)])
    assert await ask(http, "/customers/ann/expected") == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/products/nothing/related", 404),
        ("/products/tea/related?limit=11", 422),
        ("/products/tea/related?season=monsoon", 422),
        ("/customers/nobody/suggestions", 404),
        ("/customers/nobody/expected", 404),
        ("/expected?from=2026-03-01", 422),
        ("/expected?from=2026-03-01&until=2026-03-01", 422),
        ("/expected?from=2026-03-01&until=2027-03-03", 422),
        ("/expected?from=0001-01-01&until=9999-12-31", 422),
        ("/expected?from=2026-03-01&until=2026-03-02&cursor=WzEsIiIsIiIsMV0", 400),
        ("/expected?from=2026-03-01&until=2026-03-02&cursor=WzAsIiIsIiJd", 422),
        ("/cohorts/same-season", 422),
        ("/cohorts/same-season?season=winter", 422),
        ("/cohorts/same-season?sku=tea", 422),
        ("/cohorts/same-season?sku=tea&hot_sale_day=2025-06-01", 422),
        ("/cohorts/same-season?sku=tea&launch_day=2025-06-01&hot_sale_day=2025-05-01", 422),
        ("/cohorts/same-season?sku=tea&launch_day=0001-01-01", 422),
        ("/cohorts/same-season?sku=tea&launch_day=9999-12-31", 422),
        ("/cohorts/same-season?sku=tea&launch_day=2025-06-01&sale=2025-06-31..2025-07-01", 422),
        ("/cohorts/same-season?sku=tea&launch_day=2025-06-01&sale=2025-07-02..2025-07-01", 422),
        ("/cohorts/same-season?sku=tea&launch_day=2025-06-01&sale=june", 422),
        ("/cohorts/same-season?sku=tea&launch_day=2025-06-01&cohort=late", 422),
    ],
)
async def test_a_question_without_an_answer_is_refused_with_a_reason(
    segmenter: Segmenter, http: httpx.AsyncClient, path: str, status: int
) -> None:
    await tell(segmenter, [], product("tea"))

    answer = await http.get(SHOP + path)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_sales_and_days_of_the_question_replace_those_that_are_known(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    orders = [
        Order("1", "ann", days_ago(100), (("tea", 1),)),
        Order("2", "bob", days_ago(80), (("tea", 2),)),
        Order("3", "cat", days_ago(50), (("tea", 1),)),
        Order("4", "dan", days_ago(50), (("tea", 1),)),
        Order("5", "dan", days_ago(600), (("cup", 1),)),
    ]
    await tell(segmenter, orders)
    asked = {"sku": "tea", "launch_day": "2025-11-20", "hot_sale_day": "2025-12-20"}

    plain = await ask(http, "/cohorts/same-season", **asked)
    own = await ask(
        http,
        "/cohorts/same-season",
        **asked,
        sale=["2026-01-10..2026-01-10", "2025-01-01..2025-01-01"],
        cohort="sale_only",
    )

    shares = ("early", "multi", "sale_only", "others")
    assert [plain[name] for name in shares] == [1, 1, 0, 2]
    assert [own[name] for name in shares] == [1, 1, 1, 1]
    assert own["customers"] == ["cat"]


async def test_another_shops_goods_are_not_seen(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.shops(shop("ink"))
    await tell(segmenter, couples(6), product("a", cycle_days=9))
    await pair(segmenter)
    ink = bearer("ink")

    item = await http.get("/v1/shops/ink/products/a/related", headers=ink)
    due = {"from": "2026-01-01", "until": "2026-06-01"}
    expected = await http.get("/v1/shops/ink/expected", headers=ink, params=due)
    foreign = await http.get(SHOP + "/products/a/related", headers=ink)

    assert item.status_code == 404
    assert expected.json()["expected"] == []
    assert foreign.status_code == 403
