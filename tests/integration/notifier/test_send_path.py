"""From a plan to the gateway's ledger, in real Postgres."""

from contracts.events import Channel, DeliveryState
from notifier.edges.gateways import SmsGateway
from simulators.sms import SmsGateway as SmsSimulator

from .conftest import House, person, planned


async def test_a_due_message_is_sent_once_and_told(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    await house.feed(person())
    one = planned()
    await house.feed(one)
    await house.feed(one)  # a plan repeated by the relay is the same message

    async with house.delivering({Channel.SMS: sms_gateway}):
        row = await house.comes_to(one, DeliveryState.SENT)

    (sent,) = sms.ledger.requests
    assert sent["text"] == "【茶舍】您的包裹已交给顺丰，单号SFp1。"
    assert (row["pieces"], row["price_micros"], row["currency"]) == (1, 45_000, "CNY")
    assert row["provider_id"] == sent["provider_id"]
    assert [state for _, state, _ in await house.states(one)] == ["claimed", "sent"]
