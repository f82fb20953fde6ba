"""A day on which processes are killed at every named place ends as the day without any fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest
import pytest_asyncio

from contracts.events import DeliveryChanged, DeliveryState
from contracts.topics import DELIVERIES
from plumbing.crashpoint import NAMES
from support.canonical import OUTCOMES, Record, events_of, record
from support.database import as_database, connect
from support.script import Push, insist, play
from support.supervisor import Crash, Supervisor, supervised
from support.town import Town

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# So little time for Kafka that the spool is needed.
HASTE: Final = {"HUILIU_KAFKA_ACK_S": "0.0001"}
# At most two in a row before a COMMIT: three deaths at one record stop its partition.
PLANS: Final[Mapping[str, Sequence[Crash]]] = {
    "ingest": (
        Crash("relay-after-delete", 2),
        Crash("ingest-before-ack"),
        Crash("ingest-after-spool", settings=HASTE),
    ),
    "segmenter": (
        Crash("after-claim"),
        Crash("after-merge", 2),
        Crash("relay-after-publish"),
        Crash("before-commit", 3),
    ),
    "care-triggers": (
        Crash("after-outbox", 3),
        Crash("after-commit", 4),
        Crash("timer-after-take"),
        Crash("timer-before-commit"),
    ),
    "notifier": (
        Crash("send-after-claim"),
        Crash("send-after-request"),
        Crash("send-after-answer"),
    ),
    "reporting": (Crash("after-fence", 4), Crash("before-commit", 2), Crash("after-commit", 3)),
}
UNSETTLED: Final = {
    DeliveryState.CLAIMED,
    DeliveryState.UNKNOWN,
    DeliveryState.CLOSED_UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Ordeal:
    """The day with kills."""

    town: Town
    supervisor: Supervisor
    record: Record
    interrupted: frozenset[str]  # messages that were claimed when a notifier died
    courses: Mapping[str, set[DeliveryState]]

    @property
    def ledger(self) -> set[str]:
        return {entry["id"] for entry in self.town.sms.ledger.accepted}

    @property
    def silent(self) -> frozenset[str]:
        """Messages whose process died between the claim and the request."""
        return self.interrupted - self.ledger


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ordeal(brisk_town: Town) -> Ordeal:
    town = brisk_town
    interrupted: set[str] = set()

    async def on_death(service: str) -> None:
        if service == "notifier":
            interrupted.update(await _claimed(town))

    async with supervised(town, PLANS, on_death) as supervisor:

        async def say(push: Push) -> None:
            await supervisor.ready()
            await insist(town, *push.facts)

        await town.open_shop()
        await town.clock.rest()
        await play(town, say)
        return Ordeal(
            town,
            supervisor,
            await record(town),
            frozenset(interrupted),
            await _courses(town),
        )


async def _claimed(town: Town) -> set[str]:
    conn = await connect(as_database(town.house.admin_url, town.house.database))
    try:
        rows = await conn.fetch("select message_id from notifier.message where state = 'claimed'")
        return {row["message_id"] for row in rows}
    finally:
        await conn.close()


async def _courses(town: Town) -> dict[str, set[DeliveryState]]:
    """Return the states that each message was announced in, its waits aside."""
    courses: dict[str, set[DeliveryState]] = {}
    for event in await events_of(town, DELIVERIES):
        if isinstance(event, DeliveryChanged) and event.state is not DeliveryState.PLANNED:
            courses.setdefault(event.message_id, set()).add(event.state)
    return courses


async def test_every_crash_point_ended_a_process_by_sigkill(ordeal: Ordeal) -> None:
    deaths = ordeal.supervisor.deaths
    planned = {(service, crash.point) for service, plan in PLANS.items() for crash in plan}

    assert {(death.service, death.point) for death in deaths} == planned
    assert {death.code for death in deaths} == {-9}
    assert {death.point for death in deaths} == NAMES


@pytest.mark.parametrize("part", ["tables", "events"])
async def test_what_is_left_equals_the_run_without_faults(
    golden: Record, ordeal: Ordeal, part: str
) -> None:
    apart = partial(Record.apart_from, outcomes=ordeal.silent, courses=ordeal.interrupted)
    expected, found = getattr(apart(golden), part), getattr(apart(ordeal.record), part)

    assert list(expected) == list(found)
    for name, lines in expected.items():
        assert found[name] == lines, name
    assert sum(map(len, expected.values())) > 100


async def test_no_message_reached_the_gateway_twice_and_none_was_lost(
    golden: Record, ordeal: Ordeal
) -> None:
    assert ordeal.town.sms.ledger.twice() == {}
    assert ordeal.record.sent == golden.apart_from(outcomes=ordeal.silent, courses=()).sent


async def test_a_message_whose_claim_died_before_its_request_is_closed_as_unknown(
    ordeal: Ordeal,
) -> None:
    assert ordeal.silent, "no process died between claim and request"
    for table in OUTCOMES:
        query = f"select message_id, state from {table} where message_id = any($1)"  # noqa: S608 - ours
        rows = await ordeal.town.rows(query, sorted(ordeal.silent))
        assert {row["message_id"] for row in rows} == ordeal.silent
        assert {row["state"] for row in rows} == {"closed_unknown"}
    for one in ordeal.silent:
        assert ordeal.courses[one] == UNSETTLED


async def test_a_message_whose_request_was_made_is_settled_by_its_receipt(ordeal: Ordeal) -> None:
    settled = ordeal.interrupted & ordeal.ledger

    assert settled, "no process died between request and answer"
    for one in settled:
        assert {DeliveryState.CLAIMED, DeliveryState.DELIVERED} <= ordeal.courses[one]
