"""Make records durable: Kafka's acknowledgement, or the spool's COMMIT when Kafka is silent.

Who comes while Kafka is late does not wait behind those who do: the spool is asked first. The first
send that fails opens the breaker: from then on everything is spooled at once. Each second the
publisher tries to start a new producer, which asks the brokers for metadata: that is the probe, and
it also replaces a producer that lost its sequence numbers, for which there is no other cure.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final

from aiokafka import AIOKafkaProducer
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import codec
from contracts.events import Watermark
from contracts.topics import ORDERS
from ingest import metrics
from ingest.domain.facts import Fact
from ingest.edges.appender import LOST, Appender, Tell
from ingest.edges.lately import Lately
from ingest.edges.pace import Pace
from ingest.edges.spooler import Spooler
from ingest.edges.store import SOURCE
from ingest.errors import NotDurable
from plumbing import trace
from plumbing.away import is_transient
from plumbing.crashpoint import crashpoint
from plumbing.records import OutRecord, place
from plumbing.resources import open_producer
from plumbing.seal import Sealer
from plumbing.stopping import pause

PROBE_EVERY_S: Final = 1.0
STARTED_WITHIN_S: Final = 5.0
FLUSHED_WITHIN_S: Final = 5.0
LATELY: Final = 25_000  # event ids at least that are known to be durable

_PATHS: Final = {
    path: (metrics.DURABLE.labels(path), metrics.DURABLE_TIME.labels(path))
    for path in ("kafka", "spool")
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    ack_s: float  # what Kafka gets
    durable_s: float  # what Kafka and the spool get together

    @property
    def spool_s(self) -> float:
        """Return what is left to the spool when Kafka took all of its time."""
        return self.durable_s - self.ack_s


@dataclass(slots=True, eq=False)
class _Kafka:
    """A running producer, and how to end it."""

    producer: AIOKafkaProducer
    appender: Appender
    stack: AsyncExitStack


@dataclass(kw_only=True, eq=False)
class Publisher:
    """One per process. `run` keeps a producer; without it everything goes to the spool."""

    engine: AsyncEngine
    servers: str
    sealer: Sealer
    partitions: int
    patience: Patience
    now: Callable[[], datetime]
    pace: Pace = field(default_factory=Pace, init=False)
    _spooler: Spooler = field(init=False)
    _kafka: _Kafka | None = field(default=None, init=False)
    _ending: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _lost: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _lately: Lately = field(default_factory=lambda: Lately(LATELY), init=False)

    def __post_init__(self) -> None:
        self._spooler = Spooler(self.engine, self.sealer)

    @property
    def connected(self) -> bool:
        return self._kafka is not None

    @property
    def is_late(self) -> bool:
        """Tell whether Kafka has not answered for a while, and may yet."""
        return self._kafka is not None and self._kafka.appender.is_late

    def entry(self, fact: Fact) -> OutRecord:
        encoded = codec.encode(fact, source=SOURCE, at=self.now(), traceparent=trace.current())
        return place(encoded, self.partitions)

    def entries(
        self, kind: type[Fact], ready: Iterable[tuple[bytes, bytes]], traceparent: str
    ) -> list[OutRecord]:
        """Return the entries of facts whose keys and messages are bytes already."""
        encoded = codec.encode_ready(
            kind, ready, source=SOURCE, at=self.now(), traceparent=traceparent
        )
        return [place(one, self.partitions) for one in encoded]

    def seen(self, event_id: str) -> bool:
        return event_id in self._lately

    def remember(self, event_ids: Iterable[str]) -> None:
        for event_id in event_ids:
            self._lately.add(event_id)

    async def put(self, entries: Sequence[OutRecord]) -> None:
        """Return when all of *entries* are durable; both ways together take `durable_s` at most.

        Raises:
            NotDurable: Neither way is open. Some may be in the log: the same ids come again.
        """
        began = time.monotonic()
        self.pace.note(len(entries))
        kafka = self._kafka
        late = self.is_late
        if late and await self._try_spool(entries, began, self.patience.spool_s):
            return
        if kafka is not None:
            try:
                await kafka.appender.append(entries)
            except LOST as error:
                self._lose(kafka, error)
            else:
                crashpoint("ingest-before-ack")
                return
        await self._spool_at_last(entries, began, late=late)

    def put_soon(self, entry: OutRecord, tell: Tell) -> bool:
        """Do what `put` does with one entry, without waiting: *tell* is called once, later.

        False, and nothing is done, when Kafka does not answer or is late: `put` knows more ways.
        """
        kafka = self._kafka
        if kafka is None or kafka.appender.is_late:
            return False
        began = time.monotonic()
        self.pace.note(1)

        def settle(error: Exception | None) -> None:
            if error is None:
                crashpoint("ingest-before-ack")
                tell(None)
            elif isinstance(error, LOST):
                self._lose(kafka, error)
                self._apart(self._rescue(entry, began, tell))
            else:
                tell(error)

        kafka.appender.append_soon((entry,), settle)
        return True

    async def _rescue(self, entry: OutRecord, began: float, tell: Tell) -> None:
        try:
            await self._spool_at_last((entry,), began, late=False)
        except Exception as error:  # noqa: BLE001 - who waits must hear of it
            tell(error)
        else:
            tell(None)

    async def _spool_at_last(
        self, entries: Sequence[OutRecord], began: float, *, late: bool
    ) -> None:
        """Spool what Kafka did not take; *late* when the spool was tried before."""
        left_s = self.patience.durable_s - (time.monotonic() - began)
        within_s = left_s if late else max(left_s, self.patience.spool_s)
        if within_s <= 0 or not await self._try_spool(entries, began, within_s):
            metrics.NOT_DURABLE.inc()
            raise NotDurable("neither the log nor the spool answers: send the same again")

    async def try_send(self, records: Sequence[OutRecord]) -> list[bool]:
        """Send to Kafka alone; tell of each record whether it was acknowledged. For the drainer."""
        kafka = self._kafka
        if kafka is None:
            return [False] * len(records)
        futures: list[asyncio.Future[object]] = []
        try:
            async with asyncio.timeout(STARTED_WITHIN_S):
                futures += [await _hand_over(kafka.producer, one) for one in records]
                answers = await asyncio.gather(*futures, return_exceptions=True)
        except LOST as error:
            self._lose(kafka, error)
            return [False] * len(records)
        failed = next((one for one in answers if isinstance(one, BaseException)), None)
        if failed is not None:
            self._lose(kafka, failed)
        return [not isinstance(one, BaseException) for one in answers]

    async def try_watermark(self, at: datetime, parts: Sequence[int]) -> None:
        encoded = codec.encode(Watermark(at), source=SOURCE, at=at, topic=ORDERS)
        marks = [place(encoded, self.partitions, part) for part in parts]
        acknowledged = await self.try_send(marks)
        metrics.WATERMARKS.inc(sum(acknowledged))

    async def run(self, stop: asyncio.Event) -> None:
        """Keep a producer until *stop* is set; then flush and close."""
        while not stop.is_set():
            if self._kafka is None:
                self._kafka = await self._probe()
            self._lost.clear()
            if self._kafka is None:
                await pause(stop, PROBE_EVERY_S)
            else:
                await _first(stop.wait(), self._lost.wait())
        kafka, self._kafka = self._kafka, None
        if kafka is not None:
            self._end(kafka)
        if self._ending:
            await asyncio.wait(self._ending)

    async def _probe(self) -> _Kafka | None:
        stack = AsyncExitStack()
        try:
            async with asyncio.timeout(STARTED_WITHIN_S):
                producer = await stack.enter_async_context(open_producer(self.servers))
        except LOST:
            metrics.KAFKA.kept()
            return None
        metrics.KAFKA.broken()
        log.info("kafka answers")
        return _Kafka(
            producer, Appender(producer, self.patience.ack_s, partial(_note, "kafka")), stack
        )

    def _lose(self, kafka: _Kafka, error: BaseException) -> None:
        if self._kafka is kafka:  # else another request found out before
            self._kafka = None
            self._lost.set()
            metrics.KAFKA.kept()
            metrics.KAFKA_LOST.inc()
            log.warning("kafka does not answer", extra={"error": type(error).__name__})
            self._end(kafka)

    def _end(self, kafka: _Kafka) -> None:
        """Flush and close apart: what still lands has ids that merge."""
        self._apart(_close(kafka))

    def _apart(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _try_spool(self, entries: Sequence[OutRecord], began: float, within_s: float) -> bool:
        """Spool *entries*; False when the database is away or does not answer in time."""
        try:
            await self._spooler.keep(entries, within_s)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            if not is_transient(error) and not isinstance(error, TimeoutError):
                raise
            return False
        crashpoint("ingest-after-spool")
        _note("spool", len(entries), time.monotonic() - began)
        return True


def _note(path: str, records: int, took_s: float) -> None:
    count, duration = _PATHS[path]
    count.inc(records)
    duration.observe(took_s)


async def _hand_over(producer: AIOKafkaProducer, one: OutRecord) -> asyncio.Future[object]:
    future: asyncio.Future[object] = await producer.send(
        one.topic, one.value, one.key, partition=one.part, headers=list(one.headers)
    )
    return future


async def _close(kafka: _Kafka) -> None:
    try:
        async with asyncio.timeout(FLUSHED_WITHIN_S):
            await kafka.stack.aclose()
    except LOST as error:
        log.info("producer left unflushed", extra={"error": type(error).__name__})
        await kafka.producer.client.close()


async def _first(*waits: Coroutine[None, None, bool]) -> None:
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)  # else the loop may end before they do
