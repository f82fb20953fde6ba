"""Gather what requests want kept at the same time into one append a partition.

While one append is on its way, the next gathers: no request waits for a timer, and under load one
round trip to the broker serves them all.
"""

import asyncio
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from plumbing.line import append, compression_of
from plumbing.records import OutRecord
from plumbing.resources import MAX_BATCH_BYTES

LATE: Final = 0.25  # of the longest wait
LOST: Final = (KafkaError, TimeoutError, OSError)

Tell: TypeAlias = Callable[[Exception | None], None]


@dataclass(slots=True, eq=False)
class _Group:
    began: float = 0.0  # the loop's time at which the first of them came
    due: float = 0.0  # and at which it has waited long enough
    records: list[OutRecord] = field(default_factory=list)
    waiters: list[Tell] = field(default_factory=list)


class Appender:
    """One per producer. Its first failure is its last: what gathers behind it fails as well.

    Args:
        producer: Started.
        ack_s: How long a request waits for the brokers at most.
        note: Called for each append that the brokers have acknowledged, before those who wait for
            it hear so: how many records, and how many seconds the first of them took.
    """

    def __init__(
        self, producer: AIOKafkaProducer, ack_s: float, note: Callable[[int, float], None]
    ) -> None:
        self._producer = producer
        self._ack_s = ack_s
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._group = _Group()
        self._sending: _Group | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    @property
    def is_late(self) -> bool:
        """Tell whether somebody has waited for a good part of what the brokers get."""
        sending = self._sending
        return sending is not None and self._loop.time() > sending.due - (1 - LATE) * self._ack_s

    async def append(self, records: Sequence[OutRecord]) -> None:
        """Return when all of *records* are acknowledged.

        Raises:
            KafkaError, TimeoutError, OSError: They are not; some may still land.
        """
        waiter = self._loop.create_future()
        self.append_soon(records, partial(_settle, waiter))
        await waiter

    def append_soon(self, records: Sequence[OutRecord], tell: Tell) -> None:
        """Do the same without waiting: *tell* is called once, later, with what went wrong if so."""
        if self._error is not None:
            self._loop.call_soon(tell, copy.copy(self._error))
            return
        group = self._group
        if not group.waiters:
            group.began = self._loop.time()
            group.due = group.began + self._ack_s
        group.records += records
        group.waiters.append(tell)
        if self._task is None:
            self._task = self._loop.create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._group.waiters:
                await asyncio.sleep(0)  # those whose requests came in with this one join it
                group, self._group = self._group, _Group()
                self._sending = group
                try:
                    async with asyncio.timeout_at(group.due):
                        await self._send(group.records)
                except Exception as error:  # noqa: BLE001 - each who waits must hear of it
                    self._fail(group, error)
                    return
                self._tell(group)
        finally:
            self._sending = self._task = None

    def _tell(self, group: _Group) -> None:
        self._note(len(group.records), self._loop.time() - group.began)
        for tell in group.waiters:
            try:
                tell(None)
            except Exception as error:  # noqa: BLE001 - it does not concern the others
                self._loop.call_exception_handler({"message": "told in vain", "exception": error})

    def _fail(self, group: _Group, error: Exception) -> None:
        self._error = error
        behind, self._group = self._group, _Group()
        for tell in (*group.waiters, *behind.waiters):
            self._loop.call_soon(tell, copy.copy(error))

    async def _send(self, records: Sequence[OutRecord]) -> None:
        """Submit all before the first await that waits: the producer then sends one request."""
        compression = compression_of(len(records))
        open_batches: dict[tuple[str, int], BatchBuilder] = {}
        full: list[tuple[tuple[str, int], BatchBuilder]] = []
        for one in records:
            place = (one.topic, one.part)
            batch = open_batches.get(place)
            if batch is None or not append(batch, one):
                if batch is not None:
                    full.append((place, batch))
                batch = open_batches[place] = BatchBuilder(MAX_BATCH_BYTES, compression)
                if not append(batch, one):
                    raise ValueError("a record does not fit an empty batch")
        answers = []
        for (topic, part), batch in (*full, *open_batches.items()):
            batch.close()
            answers.append(await self._producer.send_batch(batch, topic, partition=part))
        await asyncio.gather(*answers)


def _settle(waiter: asyncio.Future[None], error: Exception | None) -> None:
    if waiter.done():  # it was cancelled
        return
    if error is None:
        waiter.set_result(None)
    else:
        waiter.set_exception(error)
