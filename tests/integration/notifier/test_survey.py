"""The gauges of messages: what is due and not looked at is told from what a gate holds."""

from sqlalchemy import text

from notifier.app.deliver import Ref, pass_gate
from notifier.edges.send_store import SendStore
from notifier.edges.survey import survey
from plumbing.resources import worker_role
from support.bench import PARTITIONS
from support.metrics import shown

from .conftest import SERVICE, House, person, planned


async def _shown(house: House, *names: str) -> tuple[float, ...]:
    await survey(house.engine, worker_role(SERVICE), PARTITIONS)
    return tuple(shown(f"huiliu_notifier_{name}") for name in names)


async def test_a_message_is_late_from_its_turn_until_somebody_looks_at_it(house: House) -> None:
    one = planned(needs_freshness=True)
    await house.feed(person())
    await house.feed(one)
    counted = await _shown(house, "planned_rows", "due_rows", "unsettled_rows")
    assert counted == (1, 1, 0)
    # Due for a minute when it was planned: that is not the sender's fault.
    (late_s,) = await _shown(house, "oldest_due_seconds")
    assert 0 < late_s < 30

    async with house.tx() as conn:
        await conn.execute(text("update message set since = since - interval '50 seconds'"))
    (late_s,) = await _shown(house, "oldest_due_seconds")
    assert 50 <= late_s < 80

    async with house.tx() as conn:  # no news of payments: the gate holds it
        store = SendStore(conn, house.vault, PARTITIONS)
        ref = Ref(one.shop_id, one.customer_id, one.message_id)
        await pass_gate(store, house.texts.render, house.terms, ref)
    assert await _shown(house, "planned_rows", "due_rows", "oldest_due_seconds") == (1, 0, 0)


async def test_the_age_of_the_news_of_payments_is_the_oldest_partitions(house: House) -> None:
    assert await _shown(house, "watermark_age_seconds") == (0,)

    await house.mark_fresh(age_s=70)
    (age_s,) = await _shown(house, "watermark_age_seconds")
    assert 70 <= age_s < 100

    await house.mark_fresh()
    (age_s,) = await _shown(house, "watermark_age_seconds")
    assert age_s < 30
