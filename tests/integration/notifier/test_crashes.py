"""SIGKILL at each point of the send path: never a second request for a message."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from contracts.events import Channel, DeliveryState
from notifier.edges.gateways import SmsGateway
from simulators.sms import SmsGateway as SmsSimulator

from .conftest import SECRET, House, person, planned

DELIVERER = Path(__file__).with_name("deliverer.py")


async def deliver_and_die(house: House, sms: SmsSimulator, point: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        DELIVERER,
        stdout=asyncio.subprocess.DEVNULL,
        env=os.environ
        | {
            "URL": house.db.url("notifier"),
            "GATEWAY": sms.url,
            "SECRET": SECRET,
            "HUILIU_CRASH": f"{point}:1",
        },
    )
    async with asyncio.timeout(30):
        assert await process.wait() == -signal.SIGKILL  # the fault did fire


@pytest.mark.parametrize(
    ("point", "requests"),
    [("send-after-claim", 0), ("send-after-request", 1), ("send-after-answer", 1)],
)
async def test_a_process_that_dies_on_the_way_never_sends_twice(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway, point: str, requests: int
) -> None:
    one = planned()
    await house.feed(person())
    await house.feed(one)

    await deliver_and_die(house, sms, point)

    assert len(sms.ledger.requests) == requests
    assert (await house.state(one))[0] is DeliveryState.CLAIMED
    async with house.delivering({Channel.SMS: sms_gateway}):  # the next process
        other = planned("other")
        await house.feed(other)
        await house.comes_to(other, DeliveryState.SENT)
        assert await house.sweep() == 0  # its claim is young: the answer may be on its way
        assert await house.sweep(claim_timeout_s=0) == 1
        third = planned("third")
        await house.feed(third)
        await house.comes_to(third, DeliveryState.SENT)

    assert await house.state(one) == (DeliveryState.UNKNOWN, "no_answer_recorded")
    assert len(sms.ledger.of(one.message_id)) == requests
