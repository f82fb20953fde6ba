"""Receipts in the gateways' own words, over HTTP: found, parked, applied, once."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from contracts.events import Channel
from notifier.app.deliver import Claim
from notifier.edges.gateways import SmsGateway
from notifier.edges.survey import survey
from plumbing.resources import worker_role
from simulators.plan import Plan
from simulators.sms import SmsGateway as SmsSimulator
from simulators.sms import SmsMode
from support.bench import PARTITIONS
from support.callers import Post, aliyun_post, sendgrid_post, tencent_post
from support.eventually import eventually
from support.metrics import shown

from .conftest import PHONE, SERVICE, Front, House, person, planned
from .test_gate import gate
from .ways import MAILBOX, UNSIGNED, WAYS, S, by_aliyun, every_gateway, heard, sending, sent


@every_gateway
@pytest.mark.parametrize("state", [S.DELIVERED, S.FAILED])
async def test_a_receipt_under_our_id_moves_the_message_once(
    house: House, front: Front, sms: SmsSimulator, sms_gateway: SmsGateway, name: str, state: S
) -> None:
    way = WAYS[name]
    one, _ = await sent(house, sms_gateway, way)
    other = S.FAILED if state is S.DELIVERED else S.DELIVERED

    posts = [way.tell(told, one.message_id, None) for told in (state, state, other)]
    answers = [heard(await front.post(post)) for post in posts]

    assert answers == [way.answer] * 3
    assert await house.state(one) == (state, way.code if state is S.FAILED else "")
    assert [told for _, told, _ in await house.states(one)] == ["claimed", "sent", state]
    assert len(sms.ledger.requests) == (way.channel is Channel.SMS)


@every_gateway
async def test_without_our_id_theirs_and_the_receiver_tell_the_message(
    house: House, front: Front, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    one, theirs = await sent(house, sms_gateway, way)

    # Another system's id in the place of ours.
    assert heard(await front.post(way.tell("delivered", "trace-7", theirs))) == way.answer

    assert (await house.state(one))[0] is S.DELIVERED
    assert await house.rows("select 1 as one from gateway_receipt") == []


async def test_one_id_of_a_batch_and_the_number_tell_whose_message_it_is(
    house: House, front: Front, sms_gateway: SmsGateway
) -> None:
    phones = ("+8613800138001", "+8613800138002")
    first, second = [
        (await sent(house, sms_gateway, WAYS["aliyun"], once=phone[-1], phone=phone))[0]
        for phone in phones
    ]
    async with house.tx() as conn:
        await conn.exec_driver_sql("update message set provider_id = '667^0'")

    await front.post(by_aliyun("failed", None, "667^0", to=phones[1]))
    await front.post(by_aliyun("delivered", None, "667^0", to="+8613800138003"))

    assert [(await house.state(one))[0] for one in (first, second)] == [S.SENT, S.FAILED]


@pytest.mark.parametrize("name", UNSIGNED)
async def test_what_nobody_signed_must_name_the_receiver_of_our_id_too(
    house: House, front: Front, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    one, _ = await sent(house, sms_gateway, way)
    tell: Any = way.tell

    answer = await front.post(tell("failed", one.message_id, None, to="+8613800138003"))

    assert heard(answer) == way.answer
    assert (await house.state(one))[0] is S.SENT


@every_gateway
async def test_a_receipt_of_an_unknown_message_waits_for_it_a_day(
    house: House, front: Front, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    one = planned("p1", "c-p1", channels=(way.channel,))

    for _ in range(2):
        assert heard(await front.post(way.tell("delivered", one.message_id, None))) == way.answer
    assert len(await house.rows("select 1 as one from gateway_receipt")) == 1
    await front.post(way.tell("failed", "m-of-nobody", None))
    await sent(house, sms_gateway, way, once="other")
    await house.feed(person("c-p1"))
    await house.feed(one)
    async with sending(house, sms_gateway):
        await house.comes_to(one, S.DELIVERED)

    async with house.tx() as conn:
        await conn.exec_driver_sql(
            "update gateway_receipt set received_at = received_at - interval '24 hours'"
        )
    assert await house.sweep() == 0
    assert await house.rows("select 1 as one from gateway_receipt") == []


@every_gateway
async def test_a_receipt_under_their_id_waits_for_the_answer_that_names_it(
    house: House, front: Front, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    one, theirs = await sent(house, sms_gateway, way)
    async with house.tx() as conn:  # as before the COMMIT of the answer
        await conn.exec_driver_sql("update message set provider_id = null")
    await front.post(way.tell("delivered", None, theirs))
    assert (await house.state(one))[0] is S.SENT
    assert await house.sweep() == 0
    async with house.tx() as conn:
        await conn.exec_driver_sql(f"update message set provider_id = '{theirs}'")  # noqa: S608

    assert await house.sweep() == 1

    assert (await house.state(one))[0] is S.DELIVERED


@pytest.mark.parametrize("name", ["twilio", "aliyun", "tencent"])
async def test_a_receipt_before_the_answer_counts_at_once_if_signed_and_else_after_it(
    house: House, front: Front, sms: SmsSimulator, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    sms.plan = Plan(by_receiver={PHONE: SmsMode.HANG})
    one = planned()
    await house.feed(person())
    await house.feed(one)

    async with house.delivering({Channel.SMS: sms_gateway}):
        await eventually(lambda: len(sms.ledger.requests) == 1)
        await front.post(way.tell("delivered", one.message_id, None))
        assert (await house.state(one))[0] is (S.DELIVERED if way.is_signed else S.CLAIMED)
        await house.comes_to(one, S.DELIVERED)

    states = [state for _, state, _ in await house.states(one)]
    assert states == ["claimed", "delivered"]
    assert len(sms.ledger.requests) == 1


async def test_what_nobody_signed_is_left_waiting_while_a_request_is_under_way(
    house: House, front: Front
) -> None:
    one = planned()
    await house.feed(person())
    await house.feed(one)
    claim = await gate(house, one)
    assert isinstance(claim, Claim)
    await front.post(by_aliyun("delivered", one.message_id, None))

    async with house.tx() as conn:
        store = house.receipt_store(conn)
        assert await store.take_waiting([claim.message]) == []
        answered = replace(claim.message, state=S.UNKNOWN)
        ((message_id, waited),) = await store.take_waiting([answered])

    assert (message_id, waited.state, waited.is_signed) == (one.message_id, S.DELIVERED, False)


async def test_a_claim_whose_process_died_is_ended_by_the_unsigned_receipt_that_waited(
    house: House, front: Front
) -> None:
    one = planned()
    await house.feed(person())
    await house.feed(one)
    await gate(house, one)
    await front.post(by_aliyun("delivered", one.message_id, None))
    async with house.tx() as conn:  # it took its time to come back
        await conn.exec_driver_sql(
            "update gateway_receipt set received_at = received_at - interval '5 hours'"
        )

    assert await house.sweep(claim_timeout_s=0) == 1

    assert (await house.state(one))[0] is S.DELIVERED


@pytest.mark.parametrize("name", ["twilio", "aliyun", "tencent"])
async def test_a_late_receipt_replaces_unknown_and_one_that_is_signed_a_closed_one_too(
    house: House, front: Front, sms: SmsSimulator, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    sms.plan = Plan(by_receiver={PHONE: SmsMode.ERROR})
    first, second = planned("a"), planned("b")
    await house.feed(person())
    await house.feed(first, second)
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(first, S.UNKNOWN)
        await house.comes_to(second, S.UNKNOWN)

        await front.post(way.tell("delivered", first.message_id, None))
        await house.sweep(unknown_close_s=0)
        await front.post(way.tell("delivered", second.message_id, None))

    closed = S.DELIVERED if way.is_signed else S.CLOSED_UNKNOWN
    assert [(await house.state(one))[0] for one in (first, second)] == [S.DELIVERED, closed]
    assert len(sms.ledger.requests) == 2


@pytest.mark.parametrize("name", ["twilio", "aliyun", "tencent"])
async def test_no_receipt_makes_a_message_go_out_again_or_that_was_not_sent_sent(
    house: House, front: Front, sms: SmsSimulator, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    sms.plan = Plan(by_receiver={PHONE: SmsMode.REFUSED})
    one = planned()
    await house.feed(person())
    await house.feed(one)
    async with house.delivering({Channel.SMS: sms_gateway}):
        await house.comes_to(one, S.REJECTED)
        sms.plan = Plan()
        await front.post(way.tell("failed", one.message_id, None))

    # A signature proves that the gateway had it after all.
    expected = (S.FAILED, way.code) if way.is_signed else (S.REJECTED, "http_422")
    assert await house.state(one) == expected
    assert len(sms.ledger.requests) == 1


@pytest.mark.parametrize("name", ["sendgrid", "aliyun", "tencent"])
async def test_one_bad_event_of_a_post_does_not_lose_the_others(
    house: House, front: Front, sms_gateway: SmsGateway, name: str
) -> None:
    way = WAYS[name]
    one, _ = await sent(house, sms_gateway, way)
    (good,) = json.loads(way.tell("delivered", one.message_id, None).body)
    # Texts that a database, a clock or a dialling plan may choke on.
    odd = {"event": "bounce", "smtp-id": "x", "email": "\U0001f600", "timestamp": 10**30}
    odd |= {"phone_number": "1" * 5000, "mobile": "9" * 5000, "nationcode": "0", "success": True}
    bad = [None, 7, {}, [good], odd]
    make: Any = {"sendgrid": sendgrid_post, "aliyun": aliyun_post, "tencent": tencent_post}[name]
    unreadable = _counted(name, "unreadable")

    answer = await front.post(make([*bad, good, *bad]))

    assert heard(answer) == way.answer
    assert (await house.state(one))[0] is S.DELIVERED
    assert _counted(name, "unreadable") >= unreadable + 8


async def test_a_batch_moves_all_its_messages_each_by_the_last_word(
    house: House, front: Front, sms_gateway: SmsGateway
) -> None:
    ones = [(await sent(house, sms_gateway, WAYS["sendgrid"], once=f"b{n}"))[0] for n in range(3)]
    events = [
        {"event": kind, "email": MAILBOX, "huiliu_message_id": one.message_id}
        for one in ones
        for kind in ("processed", "delivered", "dropped", "open")
    ]

    await front.post(sendgrid_post(events))

    for one in ones:
        assert [state for _, state, _ in await house.states(one)] == [
            *("claimed", "sent", "delivered"),
        ]


async def test_posts_that_cross_each_other_and_the_sends_are_all_taken(
    house: House, front: Front, sms: SmsSimulator, sms_gateway: SmsGateway
) -> None:
    """Batches in opposite orders, the sends they are about and the sweep: nobody waits for ever."""
    ones = [planned(f"x{n}", f"c{n}") for n in range(30)]
    await house.feed(*(person(f"c{n}") for n in range(30)))
    form: Any = {"phone_number": PHONE.removeprefix("+86"), "success": True}
    batch = [form | {"out_id": one.message_id} for one in ones]
    statuses: list[int] = []

    async def post(events: list[Any]) -> None:
        statuses.append((await front.post(aliyun_post(events))).status_code)

    async with house.delivering({Channel.SMS: sms_gateway}, in_flight=10):
        async with asyncio.TaskGroup() as go:
            go.create_task(house.feed(*ones))
            for n in range(12):
                go.create_task(post(batch[::-1] if n % 2 else batch))
                go.create_task(house.sweep())

        async def delivered() -> bool:
            await house.sweep()  # as each second: for what crossed the COMMIT it belongs to
            return {(await house.state(one))[0] for one in ones} == {S.DELIVERED}

        await eventually(delivered)

    assert statuses == [200] * 12
    assert sms.ledger.twice() == {}


async def test_reports_are_counted_by_gateway_and_result_and_the_oldest_that_waits_is_shown(
    house: House, front: Front
) -> None:
    before = [_counted("aliyun", result) for result in ("waiting", "forged", "unreadable")]
    good = by_aliyun("delivered", "m-of-nobody", None)

    await front.post(good)
    await front.post(Post(good.kind, good.body, {"x-forwarded-for": "198.51.100.1"}))
    await front.post(aliyun_post(b"x"))
    async with house.tx() as conn:
        await conn.exec_driver_sql(
            "update gateway_receipt set received_at = received_at - interval '1 hour'"
        )
    await survey(house.engine, worker_role(SERVICE), PARTITIONS)

    after = [_counted("aliyun", result) for result in ("waiting", "forged", "unreadable")]
    assert after == [count + 1 for count in before]
    assert 3600 <= shown("huiliu_notifier_parked_receipt_age_seconds") < 3660


def _counted(gateway: str, result: str) -> float:
    labels = {"gateway": gateway, "result": result}
    return shown("huiliu_notifier_gateway_news_total", **labels)
