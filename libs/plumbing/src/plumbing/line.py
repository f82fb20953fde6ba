"""What one pass of the relay sends to one partition, in order, as a few of Kafka's batches."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder

from plumbing.bundle import Item, items_of
from plumbing.records import OutRecord
from plumbing.resources import MAX_BATCH_BYTES, MAX_REQUEST_BYTES

UNCOMPRESSED: Final = 0
ZSTD: Final = 4
MANY: Final = 100  # fewer records hold little to compress, and starting zstd costs more


def compression_of(records: int) -> int:
    """Return how Kafka's batches of so many records in all are compressed."""
    return ZSTD if records >= MANY else UNCOMPRESSED


def append(batch: BatchBuilder, one: Item | OutRecord) -> bool:
    """Add a record to *batch*; False when it is full. An empty one takes whatever comes."""
    headers = list(one.headers)
    added = batch.append(timestamp=None, key=one.key, value=one.value, headers=headers)
    return added is not None


@dataclass(eq=False, slots=True)
class Line:
    """Rows of the outbox for one partition.

    Args:
        topic: Where to.
        part: And to which partition of it.
        rows: In order, each with its records.
    """

    topic: str
    part: int
    rows: Sequence[Any]
    error: BaseException | None = field(default=None, init=False)
    _batches: list[BatchBuilder] = field(default_factory=list, init=False)
    _ends: list[int] = field(default_factory=list, init=False)  # by row: batches up to its last
    _futures: list["asyncio.Future[Any]"] = field(default_factory=list, init=False)

    @property
    def acked(self) -> Sequence[Any]:
        """Return the rows that are acknowledged, up to the first that is not."""
        sound = 0
        while sound < len(self._futures) and _error_of(self._futures[sound]) is None:
            sound += 1
        return [row for row, end in zip(self.rows, self._ends, strict=False) if end <= sound]

    @property
    def sent(self) -> Sequence[Any]:
        """Return the rows of which anything was handed to the producer."""
        return self.rows[: len(self._ends)]

    @property
    def spoils(self) -> bool:
        """Tell whether the producer may have lost its sequence numbers."""
        return self.error is not None and not isinstance(self.error, MessageSizeTooLargeError)

    async def send(self, producer: AIOKafkaProducer) -> None:
        """Hand over all batches and wait for their answers; `error` says what went wrong."""
        self._fill()
        try:
            for batch in self._batches:
                batch.close()
                self._futures.append(
                    await producer.send_batch(batch, self.topic, partition=self.part)
                )
        except (KafkaError, AssertionError) as error:  # asserts that it knows the partition
            self.error = error
        if self._futures:
            await asyncio.wait(self._futures)

    def settle(self) -> None:
        """Take what is not answered by now for failed: its outcome is not known."""
        for future in self._futures:
            self.error = self.error or _error_of(future)
        if self.error is None and len(self._futures) < len(self._batches):
            self.error = TimeoutError()

    def _fill(self) -> None:
        compression = compression_of(sum(row.records for row in self.rows))
        for row in self.rows:
            if row.records == 1 and len(row.value or b"") > MAX_REQUEST_BYTES:
                self.error = MessageSizeTooLargeError(f"it has more than {MAX_REQUEST_BYTES} bytes")
                return  # what is before it goes
            for item in items_of(row):
                self._add(item, compression)
            self._ends.append(len(self._batches))

    def _add(self, item: Item, compression: int) -> None:
        if self._batches and append(self._batches[-1], item):
            return
        self._batches.append(BatchBuilder(MAX_BATCH_BYTES, compression))
        append(self._batches[-1], item)


def _error_of(future: "asyncio.Future[Any]") -> BaseException | None:
    if not future.done():
        return TimeoutError()  # unknown: the same again, under the same id
    return asyncio.CancelledError() if future.cancelled() else future.exception()
