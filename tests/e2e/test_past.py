"""What the care rules would have done in a past that is lived through equals a batch's count."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, time
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from rich.console import Console

from demo.past import past
from demo.show import Stage
from localstack import Stack
from support.batch_olist import OlistBatch
from support.olist_folder import write_folder
from support.town import open_town

SEED: Final = 20170218
SPAN: Final = 30  # days over which the orders are spread
LIVED: Final = 2
# The clock's stops, and what each rule does of what is told there.
_BATCH: Final = """
    with day as (select max(bought) as last, max(bought) - ?::int as eve from wanted),
    stop as (select eve + time '20:55' as begins, last + time '20:55' as ends from day),
    every as (
      select orders.*, total, order_purchase_timestamp::timestamp as placed,
        case when paid.money > 0 then order_approved_at::timestamp end as paid_at,
        case when order_status in ('canceled', 'unavailable') then greatest(
          order_purchase_timestamp::timestamp, order_approved_at::timestamp,
          order_delivered_carrier_date::timestamp) end as gone_at,
        order_delivered_carrier_date::timestamp as left_at,
        order_delivered_customer_date::timestamp as came_at
      from orders left join paid using (order_id) left join (
        select order_id, sum(price::decimal(12, 2) + freight_value::decimal(12, 2)) as total
        from order_items group by 1) using (order_id)),
    due as (
      select *, coalesce(money, total) as amount, placed + interval 30 minute as turn,
        least(paid_at, gone_at) as settled_at,
        case when least(paid_at, gone_at) = paid_at then 'paid' else 'closed' end as reason
      from every left join paid using (order_id), stop
      where placed + interval 30 minute > begins and placed + interval 30 minute <= ends),
    reminder as (
      select *, coalesce(settled_at <= turn, false) as needless,
        turn::time > time '20:55' or turn::time <= time '08:55' as by_night,
        case when turn::time > time '20:55' then turn::date + 1 else turn::date end
          + time '08:55' as morning
      from due)
    select 'unpaid_first', 'planned', '', turn from reminder where not needless and amount > 100
    union all select 'unpaid_first', 'skipped', 'not_in_audience', turn from reminder
      where not needless and amount <= 100
    union all select 'unpaid_first', 'recalled', reason, turn from reminder
      where not needless and amount > 100 and by_night and settled_at <= morning
    union all select 'shipped', 'planned', '', left_at + interval 5 minute from every, stop
      where left_at + interval 30 minute > begins and left_at + interval 30 minute <= ends
      and (came_at is null or came_at > left_at + interval 30 minute)
    union all select 'bad_review', result, '', answered + interval 30 minute
      from (select review_answer_timestamp::timestamp as answered from order_reviews
            where review_score::int <= 3), stop, (values ('planned'), ('task')) as two (result)
      where answered + interval 30 minute > begins and answered + interval 30 minute <= ends"""


@pytest.mark.timeout(180)
async def test_the_rules_decide_in_the_lived_days_as_a_batch_says_they_would_have(
    kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    folder = tmp_path / "olist"
    folder.mkdir()
    write_folder(folder, SEED, SPAN)
    batch = OlistBatch(folder)
    every = batch.rows(_BATCH, LIVED)
    scene = past(folder, LIVED)
    assert scene.starts_at is not None
    shown = StringIO()

    async with open_town(kafka, postgres, tmp_path / "logs", scene.settings) as town:
        await town.watch.begin_at(scene.starts_at)
        await town.start()
        stage = Stage(town.stack, town.house, town.pods, town.api, town.clock, town.sms, town.mail)
        seen = await scene.play(stage, lambda *_: None)
        scene.report(Console(file=shown, width=100), stage, seen)

    decided: list[dict[str, Any]] = seen.summary["decisions"]
    begins = datetime.combine(seen.first_day, time())  # a decision's day is that of its due
    expected = Counter(row[:3] for row in every if row[3] >= begins)
    assert {(one["kind"], one["result"], one["reason"]): one["decisions"] for one in decided} == (
        expected
    )
    assert {result for _, result, _ in expected} == {"planned", "task", "skipped", "recalled"}
    assert _sent(seen.summary["messages"]) == _gone_out(row[:3] for row in every)
    assert (seen.overdue["total"], seen.late["total"]) == (
        len(batch.overdue(seen.last_day)),
        len(batch.late()),
    )
    assert [one["total"] for one in seen.reviews] == [
        len(batch.reviewed(stars)) for stars in (1, 2, 3)
    ]
    for text in ("Late parcels", "Bad reviews", "would have done", "Nobody got a message"):
        assert text in shown.getvalue()


def _gone_out(decisions: Iterable[tuple[str, ...]]) -> dict[str, int]:
    """Return how many messages of each kind go out: those planned and not taken back."""
    found: dict[str, int] = {}
    for kind, result, _ in decisions:
        found[kind] = found.get(kind, 0) + {"planned": 1, "recalled": -1}.get(result, 0)
    return found


def _sent(messages: list[dict[str, Any]]) -> dict[str, int]:
    return {one["kind"]: one["messages"] for one in messages if one["state"] == "delivered"}
