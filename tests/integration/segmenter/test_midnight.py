"""The shop's midnight: announced once, also after downtime, crashes and a change of zone."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from contracts.events import Cell, ChangeReason, SegmentChanged
from integration.segmenter.conftest import NOON, Segmenter, paid, shop
from segmenter.app.roll_day import roll_day
from segmenter.edges import timers
from segmenter.edges.store import Outlet
from segmenter.edges.timers import roll_days
from segmenter.edges.turn_store import TurnStore
from support.bench import PARTITIONS
from support.deaths import pass_with_deaths

MIDNIGHT = datetime(2026, 3, 1, 16, tzinfo=UTC)  # in Shanghai


async def changes(segmenter: Segmenter) -> list[SegmentChanged]:
    return [one for one in await segmenter.announced() if isinstance(one, SegmentChanged)]


async def test_nothing_turns_before_midnight(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1", days_ago=7))
    await segmenter.set_time(MIDNIGHT - timedelta(seconds=5))

    assert await segmenter.roll() == 0
    assert await segmenter.cells() == {"ann": "just_bought"}


async def test_a_customer_leaves_a_cell_because_time_passed(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1", days_ago=7))
    await segmenter.set_time(MIDNIGHT)

    await segmenter.roll()
    await segmenter.roll()

    first, second = await changes(segmenter)
    assert first.reason is ChangeReason.EVENT
    assert (second.before, second.after) == (Cell.JUST_BOUGHT, Cell.NEW_HIGH)
    assert (second.reason, second.as_of) == (ChangeReason.TIME, date(2026, 3, 2))
    assert (second.revision, second.recency_days) == (2, 8)


async def test_after_downtime_the_days_are_made_up_for_one_by_one_in_order(
    segmenter: Segmenter,
) -> None:
    await segmenter.orders(paid("o1"), paid("o2", "bob", days_ago=-3))
    await segmenter.set_time(NOON + timedelta(days=100))

    await segmenter.roll()

    told = [(one.customer_id, one.after, one.as_of) for one in await changes(segmenter)]
    assert told == [
        ("ann", Cell.JUST_BOUGHT, date(2026, 3, 1)),
        ("bob", Cell.JUST_BOUGHT, date(2026, 3, 4)),
        ("ann", Cell.NEW_HIGH, date(2026, 3, 9)),
        ("bob", Cell.NEW_HIGH, date(2026, 3, 12)),
        ("ann", Cell.FADING_HIGH, date(2026, 5, 31)),
        ("bob", Cell.FADING_HIGH, date(2026, 6, 3)),
    ]


async def test_a_day_that_a_zone_leaves_out_is_left_out(segmenter: Segmenter) -> None:
    """Samoa had no 30th of December 2011."""
    await segmenter.set_time(datetime(2011, 12, 28, 12, tzinfo=UTC))
    await segmenter.shops(shop("surf", zone="Pacific/Apia"))
    await segmenter.set_time(datetime(2012, 1, 2, 12, tzinfo=UTC))

    opened = []
    while await roll_days(segmenter.engine, partitions=PARTITIONS, limit=9):
        (row,) = await segmenter.rows("select day from shop_day where shop_id = 'surf'")
        opened.append(row["day"].isoformat())

    assert list(dict.fromkeys(opened))[-5:] == [
        "2011-12-29",
        "2011-12-31",
        "2012-01-01",
        "2012-01-02",
        "2012-01-03",
    ]


async def test_a_moved_average_flips_customers_at_midnight_and_not_before(
    segmenter: Segmenter,
) -> None:
    await segmenter.orders(paid("o1", days_ago=20), paid("o2", "bob", total_minor=500_00))
    assert await segmenter.cells() == {"ann": "new_high", "bob": "just_bought"}

    await segmenter.set_time(MIDNIGHT)
    await segmenter.roll()

    assert await segmenter.cells() == {"ann": "new_low", "bob": "just_bought"}
    last = (await changes(segmenter))[-1]
    assert (last.customer_id, last.reason) == ("ann", ChangeReason.AVERAGE)


async def test_an_order_dated_ahead_counts_from_its_day_on(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1", days_ago=-1), paid("o2", days_ago=-1))
    assert await segmenter.cells() == {"ann": "never_bought"}

    await segmenter.set_time(MIDNIGHT)
    await segmenter.roll()

    (change,) = await changes(segmenter)
    assert (change.after, change.frequency) == (Cell.JUST_BOUGHT, 2)


async def test_each_shop_turns_at_its_own_midnight(segmenter: Segmenter) -> None:
    await segmenter.shops(shop("ink", zone="America/New_York"))
    await segmenter.orders(paid("o1", days_ago=7.4), paid("o2", "bob", shop_id="ink", days_ago=7))

    await segmenter.set_time(MIDNIGHT)
    await segmenter.roll()
    assert await segmenter.cells() == {"ann": "new_high", "bob": "just_bought"}

    await segmenter.set_time(datetime(2026, 3, 2, 5, tzinfo=UTC))
    await segmenter.roll()
    assert await segmenter.cells() == {"ann": "new_high", "bob": "new_high"}


async def test_an_event_during_the_pass_is_judged_on_the_new_day_and_announced_once(
    segmenter: Segmenter,
) -> None:
    await segmenter.orders(*(paid(f"o{n}", f"c{n}", days_ago=7) for n in range(4)))
    await segmenter.set_time(MIDNIGHT)
    for _ in range(3):  # the day opens, the scan lists four, the first is settled
        await roll_days(segmenter.engine, partitions=PARTITIONS, limit=1)

    await segmenter.orders(paid("late", "c3", days_ago=8))
    assert (await segmenter.cells())["c3"] == "loyal_high"
    await segmenter.roll(limit=1)

    found = await changes(segmenter)
    assert len(found) == 8
    assert {one.revision for one in found} == {1, 2}
    assert all(one.as_of == date(2026, 3, 2) for one in found[4:])


@pytest.mark.parametrize("dies_in", range(1, 9))
async def test_a_pass_that_dies_anywhere_announces_what_an_undisturbed_one_does(
    segmenter: Segmenter, dies_in: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await segmenter.orders(*(paid(f"o{n}", f"c{n}", days_ago=7) for n in range(5)))
    await segmenter.set_time(MIDNIGHT)
    piece = partial(roll_days, segmenter.engine, partitions=PARTITIONS, limit=1)
    died = await pass_with_deaths(monkeypatch, timers, piece, dies_in=dies_in)

    assert died == 1
    later = (await changes(segmenter))[5:]
    assert sorted(one.customer_id for one in later) == [f"c{n}" for n in range(5)]
    assert {(one.revision, one.reason) for one in later} == {(2, ChangeReason.TIME)}


async def test_two_pods_share_the_shops_and_double_nothing(segmenter: Segmenter) -> None:
    await segmenter.orders(paid("o1", days_ago=7))
    await segmenter.set_time(MIDNIGHT)
    async with segmenter.tx() as conn:
        store = TurnStore(conn, Outlet(MIDNIGHT, PARTITIONS))
        assert await roll_day(store, MIDNIGHT, limit=1) is not None

        assert await roll_days(segmenter.engine, partitions=PARTITIONS, limit=1) == 0

    await segmenter.roll()
    assert len(await changes(segmenter)) == 2


async def test_a_shop_that_moves_to_another_zone_has_all_its_days_derived_anew(
    segmenter: Segmenter,
) -> None:
    evening: dict[str, Any] = {
        "paid_at": datetime(2026, 2, 21, 17, tzinfo=UTC)
    }  # the 22nd in Shanghai
    await segmenter.orders(*(paid(f"o{n}", f"c{n}", **evening) for n in range(5)))
    await segmenter.orders(paid("usd", "c9", currency="USD"))
    assert set((await segmenter.cells()).values()) == {"just_bought", "never_bought"}

    await segmenter.shops(shop(revision=2, zone="America/New_York"))
    await segmenter.roll(limit=2)

    days = await segmenter.rows("select distinct paid_day from customer_order")
    assert {row["paid_day"] for row in days} == {date(2026, 2, 21), None}
    assert (await segmenter.cells())["c0"] == "new_high"

    await segmenter.shops(shop(revision=3, zone="America/New_York", currency="USD"))
    await segmenter.roll(limit=2)

    cells: dict[str, Any] = await segmenter.cells()
    assert cells == {**{f"c{n}": "never_bought" for n in range(5)}, "c9": "just_bought"}
