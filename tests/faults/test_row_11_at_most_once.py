"""A message reaches a gateway at most once, however it answers; an unknown outcome is settled."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

import pytest

from contracts.codec import encode
from contracts.events import (
    Channel,
    CustomerProfile,
    DeliveryChanged,
    DeliveryState,
    MessageClass,
    MessagePlanned,
    Rule,
    Shop,
    Text,
    Variable,
)
from contracts.ids import message_id
from contracts.topics import DELIVERIES
from localstack import Stack
from plumbing.records import place
from plumbing.resources import open_producer
from simulators.ledger import Entry
from simulators.plan import Plan
from simulators.sms import Pace, SmsMode
from support.canonical import events_of
from support.eventually import eventually
from support.stream import rest
from support.town import MORNING, PARTITIONS, SHOP, SHOP_ID, Town, open_town
from support.trial import Trial

SHARES: Final[Mapping[str, float]] = {
    SmsMode.REFUSED: 0.05,
    SmsMode.TOO_MANY: 0.05,
    SmsMode.ERROR: 0.05,
    SmsMode.RESET: 0.05,
    SmsMode.HANG: 0.05,
    SmsMode.DRIP: 0.02,
    SmsMode.GARBLED: 0.01,
}
REFUSALS: Final = {SmsMode.REFUSED: "http_422", SmsMode.TOO_MANY: "http_429"}
DARK: Final = SHARES.keys() - REFUSALS.keys()  # accepted, and the sender does not learn it
SILENT: Final = 0.3  # share of what is accepted of which no receipt ever tells
# A minute is a second. The defaults are those of the full form; test_outcomes.py asserts them.
SIXTY_TIMES_FASTER: Final = {
    "HUILIU_REQUEST_TIMEOUT_S": "4",
    "HUILIU_CLAIM_TIMEOUT_S": "12",
    "HUILIU_UNKNOWN_CLOSE_S": "15",
}
SETTLED_WITHIN_S: Final = 900.0
TURN_S: Final = 5.0  # the reconciler looks every second, at either speed
OPENS: Final = MORNING + timedelta(minutes=60)  # texts may leave
UNSETTLED: Final = (DeliveryState.PLANNED, DeliveryState.CLAIMED, DeliveryState.UNKNOWN)
NEVER_REACHED_IT: Final = ("connect_error", "connect_timeout", "pool_timeout")
UNKNOWN_SENDS: Final = "huiliu_unknown_sends_total"

History: TypeAlias = Mapping[str, Sequence[DeliveryChanged]]
RULE: Final = Rule(
    shop_id=SHOP_ID,
    rule_id="shipped",
    version=1,
    kind="shipped",
    on=True,
    message_class=MessageClass.TRANSACTIONAL,
    priority=50,
    channels=(Channel.SMS,),
    attribution_window_s=86_400,
    texts=(Text(Channel.SMS, "zh", "您的包裹已寄出，单号{{ waybill }}。"),),
)


def drawn(random: Random, plan: Plan, number: int) -> list[MessagePlanned]:
    """Draw messages of which each mode meets exactly its share, at the first request."""
    left = Counter({mode: round(share * number) for mode, share in SHARES.items()})
    left[SmsMode.OK] = number - left.total()
    found: list[MessagePlanned] = []
    while len(found) < number:
        one = _planned(len(found), f"{random.getrandbits(64):016x}")
        mode = plan.mode("", one.message_id, 1)
        if left[mode]:
            left[mode] -= 1
            found.append(one)
    return found


def _planned(number: int, once: str) -> MessagePlanned:
    return MessagePlanned(
        shop_id=SHOP_ID,
        customer_id=f"c-{number}",
        message_id=message_id(SHOP_ID, "shipped", once, "1"),
        rule_id=RULE.rule_id,
        rule_version=RULE.version,
        kind=RULE.kind,
        message_class=RULE.message_class,
        priority=RULE.priority,
        channels=RULE.channels,
        due_at=OPENS,
        expires_at=OPENS + timedelta(hours=10),
        once_key=once,
        order_id=f"o-{number}",
        variables=(Variable("waybill", f"YT{number:06}"),),
    )


async def _publish(town: Town, events: Iterable[Any]) -> None:
    async with open_producer(town.stack.kafka_servers) as producer:
        for event in events:
            out = place(encode(event, source="test", at=MORNING), PARTITIONS)
            await producer.send(
                out.topic, out.value, out.key, partition=out.part, headers=list(out.headers)
            )
        await producer.flush()


@dataclass(eq=False)
class Course:
    """What the gateway was asked, and what the notifier made of it."""

    plans: Sequence[MessagePlanned]
    requests: Sequence[Entry]
    states: dict[str, str]
    attempts: list[dict[str, Any]]  # in the order of each message's, those that reached it
    history: History
    asked: Mapping[str, Sequence[Entry]] = field(init=False)

    def __post_init__(self) -> None:
        asked: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.requests:
            asked[entry["id"]].append(entry)
        self.asked = asked

    def accepted_twice(self) -> list[str]:
        """Return the messages that reached their receiver more than once."""
        times = Counter(entry["id"] for entry in self.requests if entry["accepted"])
        return [one for one, number in times.items() if number > 1]

    def asked_again(self) -> list[str]:
        """Return the messages with a request after one that was accepted, known or not."""
        return [
            one
            for one, entries in self.asked.items()
            if any(entry["accepted"] for entry in entries[:-1])
        ]

    def refusals_lost(self) -> list[tuple[str, str]]:
        """Return refusals that were not understood, or after which the message is nowhere."""
        results: dict[str, list[str]] = defaultdict(list)
        for row in self.attempts:
            results[row["message_id"]].append(f"{row['outcome']} {row['detail']}")
        return [
            (one, entry["mode"])
            for one, entries in self.asked.items()
            for nth, entry in enumerate(entries)
            if entry["mode"] in REFUSALS
            and not (
                results[one][nth : nth + 1] == [f"refused {REFUSALS[entry['mode']]}"]
                and (nth + 1 < len(entries) or self.states.get(one) == DeliveryState.REJECTED)
            )
        ]

    def lost(self) -> list[str]:
        """Return the messages that nobody has, and of which it is not said so."""
        reached = {entry["id"] for entry in self.requests if entry["accepted"]}
        return [
            one.message_id
            for one in self.plans
            if one.message_id not in reached
            and self.states.get(one.message_id) != DeliveryState.REJECTED
        ]

    def ended_wrongly(self, plan: Plan) -> list[tuple[str, str, str]]:
        """Return the messages whose end is not what gateway and receipt told."""
        return [
            (one, entries[-1]["mode"], self.states.get(one, "no message"))
            for one, entries in self.asked.items()
            if self.states.get(one) not in _ends(entries[-1]["mode"], plan.receipt(one))
        ]

    def settled_after_s(self) -> dict[str, float]:
        """Return for how long each message was unknown; without end if it still is."""
        found: dict[str, float] = {}
        for one, told in self.history.items():
            since: datetime | None = None
            for event in told:
                assert event.changed_at is not None
                if event.state is DeliveryState.UNKNOWN:
                    since, found[one] = event.changed_at, math.inf
                elif since is not None:
                    found[one] = (event.changed_at - since).total_seconds()
                    since = None
        return found

    def settled_late(self, within_s: float) -> list[tuple[str, float]]:
        return [(one, s) for one, s in self.settled_after_s().items() if s > within_s]


def _ends(mode: str, receipt: str | None) -> Collection[str]:
    """Return how a message may end whose last request was treated by *mode*."""
    if mode in REFUSALS:
        return {DeliveryState.REJECTED}
    if receipt is not None:
        return {receipt}
    if mode in DARK:
        return {DeliveryState.CLOSED_UNKNOWN}
    # An acceptance that came too late for a busy machine is one more unknown outcome.
    return {DeliveryState.SENT, DeliveryState.CLOSED_UNKNOWN}


async def _course(town: Town, plans: Sequence[MessagePlanned]) -> Course:
    history: dict[str, dict[int, DeliveryChanged]] = defaultdict(dict)
    for event in await events_of(town, DELIVERIES):
        if isinstance(event, DeliveryChanged):
            history[event.message_id][event.revision] = event
    rows = await town.rows("select message_id, state from notifier.message")
    attempts = await town.rows(
        "select message_id, outcome, detail from notifier.attempt"
        " where detail <> all($1) order by message_id, attempt_no",
        NEVER_REACHED_IT,
    )
    return Course(
        plans,
        list(town.sms.ledger.requests),
        {row["message_id"]: row["state"] for row in rows},
        attempts,
        {one: [told[n] for n in sorted(told)] for one, told in history.items()},
    )


async def _ended(town: Town, number: int) -> bool:
    """Tell whether all messages are there, none is under way, and no receipt is."""
    [row] = await town.rows("""
        select count(*) as n, count(*) filter (
            where state in ('planned', 'claimed', 'unknown')) as open
        from notifier.message""")
    assert (row["n"], row["open"], town.sms.callbacks.pending) == (number, 0, 0)
    return True


@pytest.mark.row(11)
async def test_a_gateway_that_fails_in_every_way_gets_each_message_once_and_all_are_settled(
    trial: Trial, kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    number = trial.size(1_000, 20_000)
    # Receipts come after the sender has stopped to wait for an answer.
    settings, pace, settled_within_s = trial.size(
        (SIXTY_TIMES_FASTER, Pace(receipt_after_s=6.0), SETTLED_WITHIN_S / 60),
        ({}, Pace(receipt_after_s=30.0), SETTLED_WITHIN_S),
    )
    plan = Plan(trial.seed, shares=SHARES, silent_share=SILENT, failed_share=0.1)
    plans = drawn(trial.random(), plan, number)
    async with open_town(kafka, postgres, tmp_path, settings, pace) as town:
        town.sms.plan = plan
        await town.watch.begin_at(OPENS)
        await town.start("notifier")
        await _publish(town, [Shop(shop_id=SHOP_ID, revision=1, **SHOP), RULE])
        people = [f"+86138{n:08}" for n in range(number)]
        await _publish(
            town, (CustomerProfile(SHOP_ID, f"c-{n}", 1, phone=to) for n, to in enumerate(people))
        )
        await rest(town)
        trial.tell("the receivers are known")
        await _publish(town, plans)
        await eventually(
            lambda: len(town.sms.ledger.requests) >= number, trial.size(120, 3_600), every_s=0.5
        )
        trial.tell(f"{len(town.sms.ledger.requests)} requests made")
        ended = partial(_ended, town, number)
        await eventually(ended, within_s=trial.size(120, 3_600), every_s=0.5)
        await rest(town)
        course = await _course(town, plans)
        unknown_sends = await town.pods["notifier"].metric(UNKNOWN_SENDS)

    _faults(trial, course, unknown_sends, number)
    _judge(trial, course, plan, settled_within_s + TURN_S)
    _control(trial, course, plan, settled_within_s + TURN_S)


def _faults(trial: Trial, course: Course, unknown_sends: float, number: int) -> None:
    met = Counter(entry["mode"] for entry in course.requests)
    for mode, share in SHARES.items():
        trial.fired(mode, met[mode], at_least=round(share * number))
    trial.fired("unknown_sends", unknown_sends, at_least=sum(met[mode] for mode in DARK))
    closed = Counter(course.states.values())[DeliveryState.CLOSED_UNKNOWN]
    settled = course.settled_after_s()
    trial.fired("unknown, closed", closed, at_least=1)
    trial.fired("unknown, settled by a receipt", len(settled) - closed, at_least=1)
    trial.figure("requests", len(course.requests))
    trial.figure("slowest_settled_s", max(settled.values()))


def _judge(trial: Trial, course: Course, plan: Plan, within_s: float) -> None:
    trial.none("accepted twice", course.accepted_twice())
    trial.none("asked again after accepting", course.asked_again())
    trial.none("refusals lost", course.refusals_lost())
    trial.none("messages lost", course.lost())
    trial.none("ended wrongly", course.ended_wrongly(plan))
    trial.none("unknown outcomes settled late", course.settled_late(within_s))


def _control(trial: Trial, course: Course, plan: Plan, within_s: float) -> None:
    """Plant what a notifier that repeats, forgets or waits would leave."""
    requests = course.requests
    dark = next(entry for entry in requests if entry["mode"] in DARK)
    refused = next(entry for entry in requests if entry["mode"] == SmsMode.REFUSED)
    limited = next(
        entry
        for entry in requests
        if entry["mode"] == SmsMode.TOO_MANY and course.asked[entry["id"]][-1]["accepted"]
    )
    again = replace(course, requests=[*requests, dark])
    trial.control("accepted twice", again.accepted_twice())
    refused_again = {**dark, "accepted": False, "mode": SmsMode.REFUSED}
    again = replace(course, requests=[*requests, refused_again])
    trial.control("asked again after accepting", again.asked_again())

    others = [one for one in requests if one["id"] != limited["id"]]
    trial.control("refusals lost", replace(course, requests=[*others, limited]).refusals_lost())
    unknown = {**course.states, refused["id"]: DeliveryState.UNKNOWN}
    trial.control("refusals lost", replace(course, states=unknown).refusals_lost())
    forgotten = {one: state for one, state in course.states.items() if one != refused["id"]}
    trial.control("messages lost", replace(course, states=forgotten).lost())
    trial.control("ended wrongly", replace(course, states=unknown).ended_wrongly(plan))

    one = next(iter(course.settled_after_s()))
    still = [event for event in course.history[one] if event.state in UNSETTLED]
    endless = replace(course, history={**course.history, one: still})
    trial.control("unknown outcomes settled late", endless.settled_late(within_s))
