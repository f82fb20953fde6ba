"""A reminder goes to those who have not paid, and to nobody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import pytest
import pytest_asyncio

from support.town import SHANGHAI, SHOP_ID, Town

pytestmark = pytest.mark.asyncio(loop_scope="module")
AFTER = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody new, with one order, on a morning of the test's own."""

    town: Town
    number: int
    placed_at: datetime

    @property
    def due_at(self) -> datetime:
        return self.placed_at + timedelta(minutes=30)

    @property
    def phone(self) -> str:
        return f"+86138001{self.number:05}"

    @property
    def order_id(self) -> str:
        return f"A-{self.number}"

    def order(self, version: datetime, **facts: Any) -> dict[str, Any]:
        return {
            "kind": "order",
            "order_id": self.order_id,
            "customer_id": f"c-{self.number}",
            "version": version.isoformat(),
            **facts,
        }

    def placed(self) -> dict[str, Any]:
        placed_at = self.placed_at.isoformat()
        return self.order(self.placed_at, placed_at=placed_at, currency="CNY", total=12_900)

    def paid(self, at: datetime) -> dict[str, Any]:
        return self.order(at, paid_at=at.isoformat())

    async def say(self, *facts: dict[str, Any]) -> None:
        await self.town.api.say(SHOP_ID, *facts)
        await self.town.clock.rest()

    def texts(self) -> list[str]:
        ledger: Sequence[Any] = self.town.sms.ledger.requests
        return [entry["text"] for entry in ledger if entry["to"] == self.phone]

    async def known(self) -> list[dict[str, Any]]:
        """Return all that care-triggers and reporting know of the order."""
        return [
            row
            for service in ("care_triggers", "reporting")
            for row in await self.town.rows(
                f"select state -> 'instants' as at from {service}.order_fact where order_id = $1",  # noqa: S608 - ours
                self.order_id,
            )
        ]


@pytest_asyncio.fixture(loop_scope="module")
async def buyer(shared_town: Town, request: pytest.FixtureRequest) -> Buyer:
    today = (await shared_town.watch.now()).astimezone(SHANGHAI).date()
    morning = datetime.combine(today + timedelta(days=1), time(9, 10), SHANGHAI)
    await shared_town.clock.advance(morning)
    number = request.session.items.index(request.node) + 1
    buyer = Buyer(shared_town, number, morning)
    person = {"kind": "customer", "customer_id": f"c-{number}", "version": morning.isoformat()}
    await buyer.say({**person, "phone": buyer.phone})
    return buyer


async def test_an_unpaid_order_is_reminded_of_once(buyer: Buyer) -> None:
    await buyer.say(buyer.placed())
    await buyer.town.clock.advance(buyer.due_at + AFTER)

    assert len(buyer.texts()) == 1
    assert buyer.texts()[0].startswith("【茶语】")


async def test_a_payment_that_comes_before_its_order_leaves_nothing_to_remind_of(
    buyer: Buyer,
) -> None:
    await buyer.say(buyer.paid(buyer.placed_at))
    await buyer.say(buyer.placed())
    timers = await buyer.town.rows("select * from care_triggers.timer")
    await buyer.town.clock.advance(buyer.due_at + AFTER)

    assert timers == []
    assert buyer.texts() == []


async def test_a_payment_ten_seconds_before_the_reminder_is_due_stops_it(buyer: Buyer) -> None:
    await buyer.say(buyer.placed())
    await buyer.town.clock.arrive(buyer.due_at - timedelta(seconds=10))
    await buyer.town.api.say(SHOP_ID, buyer.paid(buyer.due_at - timedelta(seconds=10)))
    await buyer.town.clock.advance(buyer.due_at + AFTER)

    assert buyer.texts() == []


async def test_a_payments_repetition_and_a_late_unpaid_snapshot_change_nothing(
    buyer: Buyer,
) -> None:
    payment = buyer.paid(buyer.placed_at + timedelta(minutes=5))
    await buyer.say(buyer.placed())
    await buyer.town.clock.advance(buyer.placed_at + timedelta(minutes=20))
    await buyer.say(payment)
    before = await buyer.known()

    placed_at = buyer.placed_at.isoformat()
    late = buyer.order(buyer.placed_at + timedelta(minutes=10), placed_at=placed_at, total=12_900)
    await buyer.say(payment, payment, buyer.placed(), late)
    await buyer.town.clock.advance(buyer.due_at + AFTER)

    assert buyer.texts() == []
    assert await buyer.known() == before
    assert len(before) == 2


async def test_a_second_parcel_of_one_order_gets_its_own_message(buyer: Buyer) -> None:
    await buyer.say(buyer.placed(), buyer.paid(buyer.placed_at))
    for waybill in ("YT1", "YT2"):
        parcel = {
            "kind": "shipment",
            "order_id": buyer.order_id,
            "customer_id": f"c-{buyer.number}",
            "carrier": "yuantong",
            "number": waybill,
            "state": "picked_up",
            "at": buyer.placed_at.isoformat(),
        }
        await buyer.say(parcel, parcel)
    await buyer.town.clock.advance(buyer.due_at + AFTER)

    assert [("YT1" in text, "YT2" in text) for text in sorted(buyer.texts())] == [
        (True, False),
        (False, True),
    ]
