"""Quintile scores beside a batch count, live since midnight and as of any day."""

from datetime import UTC, datetime, timedelta
from random import Random

import httpx
import pytest

from integration.segmenter.conftest import NOON, Segmenter, paid
from support.batch_rfm import Batch, Bought

MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)  # in Shanghai


async def scores_of(http: httpx.AsyncClient, who: str, **query: str) -> tuple[int, int, int] | None:
    found = (await http.get(f"/v1/shops/tea/customers/{who}", params=query)).json()["scores"]
    return None if found is None else (found["recency"], found["frequency"], found["monetary"])


@pytest.mark.parametrize("seed", range(2))
async def test_scores_equal_a_batch_count(
    segmenter: Segmenter, http: httpx.AsyncClient, seed: int
) -> None:
    print("seed", seed)  # noqa: T201 - shown when it fails
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    facts, bought = [], []
    for number in range(60):
        who, ago, minor = (
            f"c{random.randint(0, 14):02}",
            random.randint(0, 420),
            random.randint(1, 9),
        )
        facts.append(paid(f"o{number}", who, days_ago=ago, total_minor=minor))
        day = (NOON - timedelta(days=ago)).date()
        bought.append(Bought(f"o{number}", who, day, minor))
    await segmenter.orders(*facts)
    batch, people = Batch(bought), {one.customer_id for one in bought}

    for as_of in (NOON.date(), NOON.date() - timedelta(days=33), NOON.date() - timedelta(days=300)):
        wanted = batch.scores(as_of)
        found = {who: await scores_of(http, who, as_of=as_of.isoformat()) for who in people}
        assert found == {who: wanted.get(who) for who in people}

    await segmenter.set_time(MIDNIGHT)
    await segmenter.roll()
    await segmenter.score()
    wanted = batch.scores(MIDNIGHT.date() + timedelta(days=1))
    assert {who: await scores_of(http, who) for who in people} == {
        who: wanted.get(who) for who in people
    }


async def test_under_five_buyers_there_are_no_scores(
    segmenter: Segmenter, http: httpx.AsyncClient
) -> None:
    await segmenter.orders(*(paid(f"o{n}", f"c{n}") for n in range(4)))
    await segmenter.score()

    assert await scores_of(http, "c0") is None
    assert await scores_of(http, "c0", as_of="2026-03-01") is None
    await segmenter.orders(paid("o5", "c5"))
    assert await scores_of(http, "c0", as_of="2026-03-01") == (5, 5, 5)


async def test_a_shop_is_scored_once_a_day_and_not_while_it_is_behind(segmenter: Segmenter) -> None:
    await segmenter.score()
    assert [row["day"] for row in await segmenter.rows("select * from shop_score")] == [NOON.date()]

    await segmenter.set_time(MIDNIGHT)
    await segmenter.score()
    assert [row["day"] for row in await segmenter.rows("select * from shop_score")] == [NOON.date()]

    await segmenter.roll()
    await segmenter.score()
    (row,) = await segmenter.rows("select * from shop_score")
    assert (row["day"].isoformat(), row["buyers"]) == ("2026-03-02", 0)
