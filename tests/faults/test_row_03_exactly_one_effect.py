"""A stream during which processes die at every named place leaves what it leaves without deaths."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import asyncpg
import pytest

from contracts.events import DeliveryChanged, DeliveryState
from contracts.topics import DELIVERIES
from demo.house import SERVICES, login
from localstack import Stack
from plumbing.crashpoint import NAMES
from simulators.ledger import Entry
from simulators.sms import Pace
from support.canonical import Record, events_of, record
from support.database import as_database, connect
from support.eventually import by_then, eventually
from support.load import segmented
from support.script import insist, settled
from support.stream import Stream, close_day, rest
from support.supervisor import Crash, Death, Supervisor
from support.town import Town, open_town
from support.trial import ROOT, Trial

# Claims and unknown outcomes settle in seconds, but not because the machine is busy.
BRISK: Final = {
    "HUILIU_REQUEST_TIMEOUT_S": "5",
    "HUILIU_CLAIM_TIMEOUT_S": "8",
    "HUILIU_UNKNOWN_CLOSE_S": "20",
}
TRAVELS: Final = Pace(receipt_after_s=2.0)
# So little time for Kafka that the spool is needed.
HASTE: Final = {"HUILIU_KAFKA_ACK_S": "0.0001"}

BATCHES: Final = ("after-claim", "after-fence", "before-commit", "after-commit")
OUTBOX: Final = ("after-outbox", "relay-after-publish", "relay-after-delete")
# Who passes where while the stream flows.
PASSES: Final[Mapping[str, Sequence[str]]] = {
    "ingest": ("ingest-before-ack", "ingest-after-spool", *BATCHES),
    "segmenter": ("after-merge", *BATCHES, *OUTBOX),
    "care-triggers": (
        *("timer-after-take", "timer-before-commit", "after-merge", *BATCHES, *OUTBOX),
    ),
    "notifier": ("send-after-claim", "send-after-request", "send-after-answer", *BATCHES),
    "reporting": ("after-merge", *BATCHES),
}
# The last pass at which one may die; fewer where few pass.
LATEST: Final = {"after-claim": 4, "relay-after-publish": 4, "relay-after-delete": 4}
LATEST_OF: Final = {"timer-": 3, "send-": 4, "ingest-": 4}
LATEST_BATCH: Final = 12
STRIKES_LEFT: Final = 2  # a third death at one record would stop its partition
AHEAD: Final = 0.05  # how far the stream may be before the deaths at its beginning
HELD_BACK: Final = 0.9  # from here on the stream waits longer for them
DECISIONS: Final = "care_triggers.decision"
TELLS_EVERY_S: Final = 10.0


def plans(random: Random, times: int) -> dict[str, list[Crash]]:
    """Draw *times* deaths at each place, shared evenly by those who pass there."""
    drawn: dict[str, list[Crash]] = {service: [] for service in SERVICES}
    by_choice = sorted(NAMES, key=lambda name: (len(_passers(name)), name))
    for name in by_choice:
        for _ in range(times):
            service = min(_passers(name), key=lambda one: len(drawn[one]))
            settings = HASTE if name == "ingest-after-spool" else {}
            drawn[service].append(Crash(name, random.randint(1, _latest(name)), settings))
    for crashes in drawn.values():
        random.shuffle(crashes)
    return drawn


def _passers(name: str) -> list[str]:
    return [service for service in SERVICES if name in PASSES[service]]


def _latest(name: str) -> int:
    few = [number for head, number in LATEST_OF.items() if name.startswith(head)]
    return LATEST.get(name, few[0] if few else LATEST_BATCH)


class Rotation:
    """Services that die and are started again while the stream flows."""

    def __init__(self, town: Town, crashes: Mapping[str, Sequence[Crash]]) -> None:
        self.town = town
        self.interrupted: set[str] = set()  # messages that were claimed when a notifier died
        self.recoveries = 0
        self.said = 0.0  # the share of the stream that was pushed
        self.supervisor = Supervisor(town, crashes, self._on_death)

    @property
    def share(self) -> float:
        return self.supervisor.share

    def is_at(self, share: float) -> bool:
        return self.share >= share

    async def _on_death(self, service: str) -> None:
        if service != "ingest":  # without it nothing is pushed
            await by_then(lambda: self.said >= self.share - AHEAD, 5)
        conn = await connect(as_database(self.town.house.admin_url, self.town.house.database))
        try:
            if service == "notifier":
                claimed = "select message_id from notifier.message where state = 'claimed'"
                self.interrupted |= {row["message_id"] for row in await conn.fetch(claimed)}
            if await _strikes(conn, service) >= STRIKES_LEFT:
                await self._recover(conn, service)
        finally:
            await conn.close()

    async def _recover(self, conn: asyncpg.Connection, service: str) -> None:
        """Let one without a fuse get past where others died."""
        self.recoveries += 1
        pod = await self.town.house.start(service, self.town.ports[service])
        self.town.pods[service] = pod

        async def past() -> bool:
            return await _strikes(conn, service) == 0

        await eventually(past, within_s=120)
        assert await pod.stop() == 0


async def _strikes(conn: asyncpg.Connection, service: str) -> int:
    """Return how many processes have died at the place where most did, and nobody got past."""
    query = f"""
        select coalesce(max(tries), 0) from {login(service)}.consumer_partition
        where tried_offset = next_offset"""  # noqa: S608 - ours
    return int(await conn.fetchval(query))


async def _flow(trial: Trial, rotation: Rotation, stream: Stream) -> None:
    """Push the stream at the pace of the deaths, so that each finds something on its way."""
    batches, told_at = stream.batches(), 0.0
    for number, batch in enumerate(batches):
        await insist(rotation.town, *batch)
        said = rotation.said = (number + 1) / len(batches)
        patience_s = 10.0 if said > HELD_BACK else 3.0
        # Less and less ahead, so that the last deaths too find something on its way.
        await by_then(partial(rotation.is_at, said - AHEAD * (1 - said)), patience_s)
        if time.monotonic() - told_at > TELLS_EVERY_S:
            told_at = time.monotonic()
            deaths = len(rotation.supervisor.deaths)
            trial.tell(f"{number + 1} of {len(batches)} batches, {deaths} deaths")


async def _golden(
    trial: Trial, stream: Stream, kafka: Stack, postgres: str, folder: Path
) -> tuple[Record, set[str]]:
    """Return what the run without faults leaves, and which messages were in doubt in it."""
    async with open_town(kafka, postgres, folder, BRISK, TRAVELS) as town:
        await town.start()
        await stream.introduce(town)
        trial.tell("the run without faults flows")
        for batch in stream.batches():
            await insist(town, *batch)
        await close_day(town)
        await settled(town, within_s=120)
        await rest(town)
        return await record(town), await _doubtful(town)


async def _doubtful(town: Town) -> set[str]:
    """Return the messages that were unknown for some time, or whose receipt overtook the answer."""
    states: dict[str, set[DeliveryState]] = defaultdict(set)
    for event in await events_of(town, DELIVERIES):
        if isinstance(event, DeliveryChanged):
            states[event.message_id].add(event.state)
    unknown = {DeliveryState.UNKNOWN, DeliveryState.CLOSED_UNKNOWN}
    return {one for one, seen in states.items() if seen & unknown or DeliveryState.SENT not in seen}


def lost(expected: Mapping[str, object], found: Mapping[str, object]) -> set[str]:
    return expected.keys() - found.keys()


def twice(
    expected: Mapping[str, tuple[int, int]], found: Mapping[str, tuple[int, int]]
) -> set[str]:
    return {who for who, what in found.items() if what != expected.get(who)}


def untold(waybills: set[str], sent: Sequence[Entry], excused: int) -> list[str]:
    """Return the parcels without a text, if they are more than the excused ones."""
    texts = " ".join(entry["text"] for entry in sent)
    missing = sorted(one for one in waybills if one not in texts)
    return missing if len(missing) > excused else []


def other_ends(deaths: Sequence[Death]) -> list[Death]:
    return [death for death in deaths if death.code != -9]


def differing_texts(one: Sequence[str], other: Sequence[str]) -> set[str]:
    return set(one) ^ set(other)


def differences(one: Record, other: Record) -> list[str]:
    """Return the lines of which one record has more than the other."""
    return [
        f"{name} {sign} {line}"
        for name, (left, right) in _parts(one, other)
        for sign, more in (("-", left - right), ("+", right - left))
        for line in more.elements()
    ]


def _without_facts(found: Record) -> Record:
    """Return it without what a decision knew: that is whatever had arrived when it was made."""
    cut = [line.partition(", '{")[0] for line in found.tables[DECISIONS]]
    return Record({**found.tables, DECISIONS: sorted(cut)}, found.events, found.sent)


def _parts(one: Record, other: Record) -> Iterator[tuple[str, tuple[Counter[str], Counter[str]]]]:
    for a, b in ((one.tables, other.tables), (one.events, other.events)):
        for name in a.keys() | b.keys():
            yield name, (Counter(a.get(name, [])), Counter(b.get(name, [])))
    yield "sent", (Counter(one.sent), Counter(other.sent))


@pytest.mark.row(3)
async def test_deaths_at_every_crash_point_leave_what_a_run_without_faults_leaves(
    trial: Trial, kafka: Stack, postgres: str, tmp_path: Path
) -> None:
    times = trial.size(3, 20)
    stream = Stream(trial.seed, *trial.size((3_336, 25), (33_336, 50)))
    golden, doubtful = await _golden(trial, stream, kafka, postgres, tmp_path / "golden")
    async with open_town(kafka, postgres, tmp_path / "town", BRISK, TRAVELS) as town:
        await town.start()
        await stream.introduce(town)
        for pod in town.pods.values():
            assert await pod.stop() == 0
        rotation = Rotation(town, plans(trial.random(), times))
        await _ordeal(trial, rotation, stream)
        await _judge(trial, rotation, stream, golden, doubtful)


async def _ordeal(trial: Trial, rotation: Rotation, stream: Stream) -> None:
    town, supervisor = rotation.town, rotation.supervisor
    began = time.monotonic()
    async with asyncio.TaskGroup() as keepers:
        keeping = [keepers.create_task(supervisor.keep(service)) for service in SERVICES]
        await eventually(lambda: len(town.pods) == len(SERVICES))
        trial.tell("the run with deaths flows")
        await _flow(trial, rotation, stream)
        await by_then(lambda: rotation.share >= 1.0, 120)
        _prove(trial, rotation)
        await supervisor.ready()
        await close_day(town)
        await settled(town, within_s=120)
        await rest(town)
        for one in keeping:
            one.cancel()
    trial.figure("facts", stream.facts)
    trial.figure("recoveries", rotation.recoveries)
    trial.figure("stream_and_deaths_s", time.monotonic() - began)


def _prove(trial: Trial, rotation: Rotation) -> None:
    deaths = rotation.supervisor.deaths
    killed = Counter(death.point for death in deaths if death.code == -9)
    times = rotation.supervisor.planned // len(NAMES)
    trial.none("ends but by SIGKILL", other_ends(deaths))
    trial.control("ends but by SIGKILL", other_ends([*deaths, Death("ingest", "none", 1)]))
    trial.fired("sigkills", killed.total(), at_least=rotation.supervisor.planned)
    trial.fired("crash points", sum(killed[n] >= times for n in NAMES), at_least=len(NAMES))


async def _judge(
    trial: Trial, rotation: Rotation, stream: Stream, golden: Record, doubtful: set[str]
) -> None:
    town = rotation.town
    left = await record(town)
    accepted = town.sms.ledger.accepted
    in_ledger = {entry["id"] for entry in accepted}
    rows = await town.rows("select message_id from notifier.message where state <> 'delivered'")
    unsettled = {row["message_id"] for row in rows}
    never_sent = (unsettled & rotation.interrupted) - in_ledger
    # The gateway told their receipts while no notifier was there to hear, and gave up.
    unheard = unsettled & in_ledger
    courses = rotation.interrupted | unheard | doubtful | await _doubtful(town)

    found = await segmented(town)
    trial.figure("texts", len(accepted))
    trial.figure("messages interrupted", len(rotation.interrupted))
    trial.figure("messages closed as unknown, never sent", len(never_sent))
    trial.figure("messages sent whose receipt was never heard", len(unheard))
    trial.none("lost", lost(stream.paid(), found))
    trial.none("twice", twice(stream.paid(), found))
    trial.none("texts sent twice", town.sms.ledger.twice())
    trial.none("parcels without a text", untold(stream.waybills(), accepted, len(never_sent)))
    ours, theirs = (
        _without_facts(one.apart_from(outcomes=never_sent | unheard, courses=courses))
        for one in (golden, left)
    )
    differing = differences(ours, theirs)
    sent = [one.apart_from(outcomes=never_sent, courses=()).sent for one in (golden, left)]
    if differing:  # too many to be read in a message
        told = ROOT / ".local" / "row-03-differences.txt"
        told.write_text("\n".join(sorted(differing)), "utf-8")
        trial.tell(f"differences from golden: see {told}")
    trial.none("differences from golden", differing)
    trial.none("texts that differ from golden", differing_texts(*sent))
    trial.control("texts that differ from golden", differing_texts(sent[0], sent[1][1:]))
    assert sum(map(len, golden.tables.values())) > stream.facts
    await _control(trial, town, stream, left, len(never_sent))


async def _control(trial: Trial, town: Town, stream: Stream, left: Record, never_sent: int) -> None:
    """Plant what must never be in the finished run: each checker names it."""
    state = "segmenter.customer_state"
    await town.watch.db.execute(f"update {state} set frequency = 2 where customer_id = 'c-1'")  # noqa: S608 - ours
    await town.watch.db.execute(f"delete from {state} where customer_id = 'c-2'")  # noqa: S608 - ours
    found = await segmented(town)
    trial.control("lost", lost(stream.paid(), found) & {"c-2"})
    trial.control("twice", twice(stream.paid(), found) & {"c-1"})

    ledger = town.sms.ledger
    first = next(entry for entry in ledger.accepted if "YT" in entry["text"])
    ledger.append(first)
    trial.control("texts sent twice", ledger.twice())
    others = [entry for entry in ledger.accepted if entry["id"] != first["id"]]
    trial.control("parcels without a text", untold(stream.waybills(), others, never_sent))

    fewer = {**left.events, DELIVERIES: left.events[DELIVERIES][1:]}
    one_less = Record(left.tables, fewer, left.sent)
    trial.control("differences from golden", differences(left, one_less))
