"""Cohorts by the month of the first counted order, beside a batch count."""

from collections import defaultdict
from datetime import date, timedelta
from random import Random

import httpx
import pytest

from integration.segmenter.conftest import NOON, Segmenter, bearer, paid, shop

Months = dict[str, list[tuple[int, int, int]]]


def counted(bought: list[tuple[str, date, int]], as_of: date, months: int) -> Months:
    """Count from the definition: month by month, who of each cohort bought how much."""
    bought = [one for one in bought if one[1] <= as_of]
    first: dict[str, date] = {}
    for who, day, _ in sorted(bought, key=lambda one: one[1]):
        first.setdefault(who, day.replace(day=1))
    found: Months = {}
    for back in reversed(range(months)):
        index = as_of.year * 12 + as_of.month - 1 - back
        month = date(index // 12, index % 12 + 1, 1)
        rows = []
        for later in range(index, as_of.year * 12 + as_of.month):
            begins = date(later // 12, later % 12 + 1, 1)
            of_month: dict[str, list[int]] = defaultdict(list)
            for who, day, minor in bought:
                if first[who] == month and day.replace(day=1) == begins:
                    of_month[who].append(minor)
            money = [minor for one in of_month.values() for minor in one]
            rows.append((len(of_month), len(money), sum(money)))
        found[f"{month:%Y-%m}"] = rows
    return found


@pytest.mark.parametrize("seed", range(2))
async def test_cohorts_equal_a_batch_count(
    segmenter: Segmenter, http: httpx.AsyncClient, seed: int
) -> None:
    print("seed", seed)  # noqa: T201 - shown when it fails
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    facts, bought = [], []
    for number in range(80):
        who, ago, minor = f"c{random.randint(0, 20)}", random.randint(0, 500), random.randint(1, 9)
        facts.append(paid(f"o{number}", who, days_ago=ago, total_minor=minor))
        bought.append((who, (NOON - timedelta(days=ago)).date(), minor))
    await segmenter.orders(*facts, paid("later", "c0", days_ago=-1))

    for ago, months in ((0, 12), (40, 5), (200, 60)):
        as_of = NOON.date() - timedelta(days=ago)
        query: dict[str, str | int] = {"as_of": as_of.isoformat(), "months": months}
        answer = (await http.get("/v1/shops/tea/cohorts", params=query)).json()

        found = {
            one["month"]: [
                (m["customers"], m["orders"], m["monetary_minor"]) for m in one["months"]
            ]
            for one in answer["cohorts"]
        }
        assert found == counted(bought, as_of, months)
        for one in answer["cohorts"]:
            assert one["customers"] == one["months"][0]["customers"]
            assert [m["offset"] for m in one["months"]] == list(range(len(one["months"])))


async def test_a_shop_has_its_own_cohorts_and_no_endless_ones(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.shops(shop("ink"))
    await segmenter.orders(paid("o1", shop_id="ink"))

    ours = (await http.get("/v1/shops/tea/cohorts?months=1")).json()["cohorts"]
    theirs = (await http.get("/v1/shops/ink/cohorts?months=1", headers=bearer("ink"))).json()

    assert [one["customers"] for one in ours] == [0]
    assert [one["customers"] for one in theirs["cohorts"]] == [1]
    assert (await http.get("/v1/shops/tea/cohorts?months=61")).status_code == 422


async def test_who_has_an_answer_already_is_told_so(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(paid("o1"))
    path = "/v1/shops/tea/customers/ann"
    first = await http.get(path)
    tag = first.headers["etag"]

    for given in (tag, f'"x", W/{tag}', "*"):
        again = await http.get(path, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)

    await segmenter.orders(paid("o2"))
    changed = await http.get(path, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert "etag" not in (await http.get("/v1/shops/tea/customers/nobody")).headers
