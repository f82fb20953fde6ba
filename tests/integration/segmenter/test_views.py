"""The API's answers beside an independent computation, and who may see what."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import httpx
import pytest

from contracts.events import CustomerProfile, Gender, OrderFacts, RefundFacts, Region, Traits
from integration.segmenter.conftest import NOON, Segmenter, bearer, paid, shop

ZONE = "America/New_York"

# Written from the definition, not from our code. Times are instants, days are New York's.
REFERENCE = """
with counted as (
  select customer, cast(timezone('America/New_York', paid_at) as date) as day,
         total - coalesce(refunded, 0) as net
  from orders
  where paid_at is not null and not cancelled and total - coalesce(refunded, 0) > 0),
average as (
  select count(*) as n, coalesce(sum(net), 0) as s from counted
  where day between cast($day as date) - 365 and cast($day as date) - 1),
life as (
  select c.customer, date_diff('day', max(k.day), cast($day as date)) as r,
         count(k.day) as f, coalesce(sum(k.net), 0) as m,
         count(k.day) filter (where k.day > cast($day as date) - $window) as wf,
         coalesce(sum(k.net) filter (where k.day > cast($day as date) - $window), 0) as wm,
         date_diff('day', max(k.day) filter (where k.day > cast($day as date) - $window),
                   cast($day as date)) as wr
  from (select distinct customer from orders) c
  left join counted k on k.customer = c.customer and k.day <= cast($day as date)
  group by c.customer)
select customer, r, f, m, wr, wf, wm,
  case when f = 0 then 'never_bought' when r <= 7 then 'just_bought' when r > 365 then 'lost'
       else (case when r <= 90 then if(f = 1, 'new', 'loyal') else if(f = 1, 'fading', 'sleeping')
             end) || if(m * n >= s, '_high', '_low') end as cell
from life, average order by customer
"""


def history(random: Random) -> list[dict[str, Any]]:
    """Return orders of two years: some unpaid, cancelled, refunded, several on one day."""
    rows: list[dict[str, Any]] = []
    for number in range(400):
        paid_at = NOON - timedelta(minutes=random.randint(-60 * 24, 60 * 24 * 800))
        if number % 5 == 0 and rows:  # another one on the day of the one before
            paid_at = (rows[-1]["paid_at"] or paid_at) + timedelta(minutes=1)
        total = random.randint(1, 300)
        rows.append(
            {
                "order_id": f"o{number}",
                "customer": f"c{random.randint(0, 40):02}",
                "paid_at": None if random.random() < 0.1 else paid_at,
                "total": total,
                "cancelled": random.random() < 0.1,
                "refunded": random.choice([None, None, None, total, random.randint(1, total)]),
            }
        )
    return rows


def facts_of(row: dict[str, Any]) -> list[OrderFacts]:
    order_id, customer = row["order_id"], row["customer"]
    placed = OrderFacts("tea", customer, order_id, 1, placed_at=NOON, currency="USD")
    facts = [placed, paid(order_id, customer, total_minor=row["total"], currency="USD")]
    facts[1] = OrderFacts(
        "tea",
        customer,
        order_id,
        2,
        paid_at=row["paid_at"],
        currency="USD",
        total_minor=row["total"],
        cancelled_at=NOON if row["cancelled"] else None,
    )
    if row["refunded"]:
        refund = RefundFacts("r", 1, amount_minor=row["refunded"], agreed_at=NOON)
        facts.append(OrderFacts("tea", customer, order_id, 3, refunds=(refund,)))
    return facts


def reference(rows: list[dict[str, Any]], day: date, window: int) -> list[tuple[Any, ...]]:
    with duckdb.connect() as conn:
        conn.execute("set timezone = 'UTC'")
        conn.execute(
            "create table orders (order_id text, customer text, paid_at timestamptz,"
            " total bigint, cancelled boolean, refunded bigint)"
        )
        conn.executemany(
            "insert into orders values (?, ?, ?, ?, ?, ?)", [list(row.values()) for row in rows]
        )
        return conn.execute(REFERENCE, {"day": day.isoformat(), "window": window}).fetchall()


async def all_customers(http: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": 17, **query, **({"cursor": cursor} if cursor else {})}
        answer = (await http.get("/v1/shops/tea/customers", params=params)).json()
        found += answer["customers"]
        cursor = answer["cursor"]
        if cursor is None:
            return found


def as_row(customer: dict[str, Any]) -> tuple[Any, ...]:
    life, window = customer["life"], customer["window"]
    return (
        customer["customer_id"],
        *(life[name] for name in ("recency_days", "frequency", "monetary_minor")),
        *(window[name] for name in ("recency_days", "frequency", "monetary_minor")),
        customer["cell"],
    )


async def test_as_of_any_day_every_customer_equals_an_independent_computation(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    random = Random(11)  # noqa: S311 - repeatable on purpose
    rows = history(random)
    await segmenter.shops(shop(revision=2, zone=ZONE, currency="USD"))
    facts = [fact for row in rows for fact in facts_of(row)]
    random.shuffle(facts)
    for start in range(0, len(facts), 100):
        await segmenter.orders(*facts[start : start + 100])
    today = NOON.astimezone(ZoneInfo(ZONE)).date()

    for ago in (0, 1, 30, 113, 358, 700, 801):
        day, window = today - timedelta(days=ago), random.randint(1, 730)
        wanted = reference(rows, day, window)

        listed = await all_customers(http, as_of=day.isoformat(), window_days=window)
        assert [as_row(one) for one in listed] == wanted

        grid = (await http.get("/v1/shops/tea/grid", params={"as_of": day.isoformat()})).json()
        cells = {one["cell"]: (one["customers"], one["orders"]) for one in grid["cells"]}
        for cell, (customers, orders) in cells.items():
            of_cell = [row for row in wanted if row[7] == cell]
            assert (customers, orders) == (len(of_cell), sum(row[2] for row in of_cell))
        assert grid["customers"] == len(wanted)

        who = random.choice(wanted)
        one = (
            await http.get(
                f"/v1/shops/tea/customers/{who[0]}",
                params={"as_of": day.isoformat(), "window_days": window},
            )
        ).json()
        assert as_row({**one, "window": one["windows"][str(window)]}) == who


async def test_live_answers_are_what_was_announced(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1", days_ago=3), paid("o2", days_ago=40), paid("o3", "bob"))
    await segmenter.profiles(
        CustomerProfile("tea", "cyd", 1, phone="+8613800138000", region=Region("CN", "浙江"))
    )

    one = (await http.get("/v1/shops/tea/customers/ann")).json()
    assert (one["live"], one["cell"], one["revision"]) == (True, "just_bought", 1)
    assert one["life"] == {"recency_days": 3, "frequency": 2, "monetary_minor": 100_00}
    assert one["windows"]["7"] == {"recency_days": 3, "frequency": 1, "monetary_minor": 50_00}
    assert list(one["windows"]) == ["7", "30", "90", "180", "365"]

    cyd = (await http.get("/v1/shops/tea/customers/cyd")).json()
    assert (cyd["cell"], cyd["traits"]["province"]) == ("never_bought", "浙江")
    assert cyd["traits"]["has_mobile"] is True

    grid = (await http.get("/v1/shops/tea/grid")).json()
    assert {c["cell"]: c["customers"] for c in grid["cells"] if c["customers"]} == {
        "just_bought": 2,
        "never_bought": 1,
    }
    assert len(grid["cells"]) == 11

    chosen = await all_customers(http, cell="just_bought")
    assert [one["customer_id"] for one in chosen] == ["ann", "bob"]
    history = (await http.get("/v1/shops/tea/customers/ann/changes", params={"limit": 1})).json()
    assert [one["after"] for one in history["changes"]] == ["just_bought"]
    assert history["cursor"] is None


async def test_a_shop_sees_its_own_customers_and_no_others(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.shops(shop("ink"))
    await segmenter.orders(paid("o1"), paid("o2", "bob", shop_id="ink"))

    assert (await http.get("/v1/shops/ink/grid")).status_code == 403
    assert (await http.get("/v1/shops/tea/customers/bob")).status_code == 404
    assert [one["customer_id"] for one in await all_customers(http)] == ["ann"]
    other = await http.get("/v1/shops/ink/grid", headers=bearer("ink"))
    assert other.json()["customers"] == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/customers/ann?as_of=2026-03-02", 422),
        ("/customers/ann?as_of=0001-01-01", 422),
        ("/customers/ann?as_of=yesterday", 422),
        ("/customers/ann?window_days=0", 422),
        ("/customers/ann?window_days=731", 422),
        ("/customers?cell=rich", 422),
        ("/customers?cell=lost&as_of=2026-02-01", 422),
        ("/customers?limit=0", 422),
        ("/customers?cursor=x", 400),
        ("/customers/%00", 400),
        ("/customers/nobody", 404),
        ("/customers/nobody/changes", 404),
    ],
)
async def test_a_question_without_an_answer_is_refused(
    segmenter: Segmenter, http: httpx.AsyncClient, path: str, status: int
) -> None:
    await segmenter.orders(paid("o1"))

    answer = await http.get(f"/v1/shops/tea{path}")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_shop_is_not_found(http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/shops/nowhere/grid", headers=bearer("nowhere"))

    assert answer.status_code == 404


async def test_reporting_learns_of_a_person_only_what_it_may_and_forgets_the_erased(
    segmenter: Segmenter,
) -> None:
    profile = CustomerProfile(
        "tea", "ann", 1, name="Ann", phone="+8613800138000", gender=Gender.FEMALE
    )
    await segmenter.profiles(profile, profile)
    await segmenter.erase("tea", "ann")
    await segmenter.profiles(profile)

    assert await segmenter.announced() == [
        Traits("tea", "ann", 1, gender="female"),
        Traits("tea", "ann", 2),
    ]
    (row,) = await segmenter.rows("select * from customer_traits")
    assert (row["erased"], row["gender"], row["has_mobile"]) == (True, "", False)


async def test_a_profile_and_an_order_make_one_customer_in_either_order(
    segmenter: Segmenter,
) -> None:
    await segmenter.profiles(CustomerProfile("tea", "ann", 1))
    await segmenter.orders(paid("o1"))
    await segmenter.orders(paid("o2", "bob"))
    await segmenter.profiles(CustomerProfile("tea", "bob", 1))

    rows = await segmenter.rows("select cell, revision, frequency from customer_state")
    assert rows == [{"cell": "just_bought", "revision": 1, "frequency": 1}] * 2


def test_the_reference_knows_days_as_new_york_does() -> None:
    late = datetime(2026, 2, 1, 3, tzinfo=ZoneInfo("UTC"))
    row = {
        "order_id": "o",
        "customer": "c",
        "paid_at": late,
        "total": 5,
        "cancelled": False,
        "refunded": None,
    }

    assert reference([row], date(2026, 1, 31), 1)[0][1:4] == (0, 1, 5)
