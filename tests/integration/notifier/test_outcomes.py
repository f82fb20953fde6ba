"""From the gateway's answer to the end: unknown is settled or closed, and never sent again."""

import asyncio
from dataclasses import replace

import pytest
from pydantic import SecretStr

from contracts.events import Channel, DeliveryState, MessageClass, MessagePlanned
from notifier import metrics
from notifier.edges.gateways import SmsGateway
from notifier.settings import Settings, SmsSettings
from simulators.plan import Plan
from simulators.sms import SmsGateway as SmsSimulator
from simulators.sms import SmsMode
from support.eventually import eventually

from .conftest import PHONE, SECRET, House, consent, person, planned

UNKNOWN = [SmsMode.ERROR, SmsMode.RESET, SmsMode.HANG, SmsMode.DRIP, SmsMode.GARBLED]


async def ready(house: House) -> None:
    await house.feed(person(consents=(consent(),)))


@pytest.mark.parametrize("mode", UNKNOWN)
async def test_an_unknown_outcome_is_never_sent_again_and_closed_in_the_end(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway, mode: SmsMode
) -> None:
    sms.plan = Plan(by_receiver={PHONE: mode})
    unknown = metrics.UNKNOWN_SENDS._value.get()  # noqa: SLF001 - the counter's own
    one = planned()
    await ready(house)
    await house.feed(one)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(one, DeliveryState.UNKNOWN)
        assert await house.sweep() == 0
        assert await house.sweep(unknown_close_s=0) == 1

    assert await house.state(one) == (DeliveryState.CLOSED_UNKNOWN, "unknown_outcome")
    assert len(sms.ledger.requests) == 1
    assert metrics.UNKNOWN_SENDS._value.get() == unknown + 1  # noqa: SLF001 - no public way to ask
    assert (await house.message(one))["price_micros"] == 45_000  # it may have cost that
    states = [state for _, state, _ in await house.states(one)]
    assert states == ["claimed", "unknown", "closed_unknown"]


async def test_a_definite_refusal_ends_the_message_and_gives_its_place_back(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    sms.plan = Plan(by_receiver={PHONE: SmsMode.REFUSED})
    first = planned("a", message_class=MessageClass.MARKETING)
    second = planned("b", message_class=MessageClass.MARKETING, variables=first.variables)
    await ready(house)
    await house.feed(first)

    async with house.delivering({Channel.SMS: sms_gateway}):
        row = await house.comes_to(first, DeliveryState.REJECTED)
        sms.plan = Plan()
        await house.feed(second)  # not capped, and no repeat: the first was never sent
        await house.comes_to(second, DeliveryState.SENT)

    assert (row["reason"], row["price_micros"], row["sent_at"]) == ("http_422", None, None)
    assert len(sms.ledger.accepted) == 1


async def test_too_many_requests_is_tried_again_with_a_new_attempt(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    sms.plan = Plan(by_receiver={PHONE: SmsMode.TOO_MANY})
    one = planned()
    await ready(house)
    await house.feed(one)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: len(sms.ledger.requests) == 1)
        sms.plan = Plan()
        await house.comes_to(one, DeliveryState.SENT)

    tried = await house.rows("select attempt_no, outcome, detail from attempt order by 1")
    assert [tuple(row.values()) for row in tried] == [
        (1, "refused", "http_429"),
        (2, "accepted", ""),
    ]
    assert len(sms.ledger.accepted) == 1


async def test_a_gateway_that_is_away_loses_nothing(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    nobody = replace(sms_gateway, url="http://127.0.0.1:1/")
    one = planned()
    await ready(house)
    await house.feed(one)

    async with house.delivering({Channel.SMS: nobody}):
        await eventually(lambda: _reason(house, one, "connect_error"))
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(one, DeliveryState.SENT)

    assert len(sms.ledger.accepted) == 1


async def _reason(house: House, one: MessagePlanned, reason: str) -> bool:
    return bool((await house.message(one))["reason"] == reason)


async def test_a_claim_whose_process_died_is_unknown_after_a_minute(house: House) -> None:
    one = planned()
    await ready(house)
    await house.feed(one)
    async with house.tx() as conn:
        await conn.exec_driver_sql(
            "update message set state = 'claimed', attempt_no = 1,"
            " since = clock_timestamp() - interval '59 seconds'"
        )
    assert await house.sweep() == 0

    async with house.tx() as conn:
        await conn.exec_driver_sql(
            "update message set since = clock_timestamp() - interval '61 seconds'"
        )

    assert await house.sweep() == 1
    assert await house.state(one) == (DeliveryState.UNKNOWN, "no_answer_recorded")


async def test_a_stopped_process_ends_what_it_began(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    sms.plan = Plan(by_receiver={PHONE: SmsMode.HANG})
    one = planned()
    await ready(house)
    await house.feed(one)
    stop = asyncio.Event()
    running = asyncio.create_task(house.deliveries({Channel.SMS: sms_gateway}).run(stop))
    await eventually(lambda: len(sms.ledger.requests) == 1)

    stop.set()
    await running

    assert (await house.state(one))[0] is DeliveryState.UNKNOWN


async def test_a_database_that_goes_away_for_a_moment_stops_nothing(
    house: House, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    plans = [planned(f"p{n}") for n in range(20)]
    await ready(house)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.feed(*plans[:10])
        await house.cut_connections()
        await eventually(lambda: len(sms.ledger.accepted) >= 5, within_s=15)
        await house.cut_connections()
        await house.feed(*plans[10:])
        await eventually(lambda: _none_planned(house), within_s=15)
    await house.sweep(claim_timeout_s=0)

    assert sms.ledger.twice() == {}
    sent = await house.rows("select state from message where state not in ('sent', 'unknown')")
    assert sent == []


async def _none_planned(house: House) -> bool:
    return await house.rows("select 1 as one from message where state = 'planned'") == []


def test_the_times_are_those_that_are_promised() -> None:
    settings = Settings(
        environment="test",
        database_url=SecretStr("postgresql+asyncpg://x:y@h/d"),
        kafka_servers="h:1",
        token_secret=SecretStr("x" * 40),
        data_key=SecretStr("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        sms=SmsSettings(url="http://h/", secret=SecretStr(SECRET)),
    )

    assert settings.in_flight == 50
    assert settings.request_timeout_s == 20
    assert settings.claim_timeout_s == 60
    assert settings.unknown_close_s == 15 * 60
    assert settings.poll_s == 0.2
    assert settings.spread_s == 30 * 60
    assert list(settings.terms().outlets) == [Channel.SMS]
