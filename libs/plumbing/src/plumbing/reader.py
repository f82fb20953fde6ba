"""aiokafka's consumer with its traps fenced off."""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
)

from plumbing.partitions import Assigned, Hold
from plumbing.records import Record
from plumbing.stopping import pause, wait_s

STARTS_WITHIN_S: Final = 30.0
STOPS_WITHIN_S: Final = 5.0
RETRY_S: Final = 0.1
MAX_RECORD_BYTES: Final = 4 * 1024 * 1024  # above every topic's limit: what is larger is skipped
MAX_FETCH_BYTES: Final = 16 * 1024 * 1024

log = logging.getLogger(__name__)


class LogLost(Exception):
    """The log does not have what the database says comes next."""

    def __init__(self, at: TopicPartition, offset: int) -> None:
        super().__init__(f"{at.topic}/{at.partition} at {offset}")
        self.at = at
        self.offset = offset


class Reader:
    """Reads for one group. Never commits to Kafka; nothing is read before it was sought."""

    def __init__(self, consumer: AIOKafkaConsumer, assigned: Assigned, stop: asyncio.Event) -> None:
        self._consumer = consumer
        self._assigned = assigned
        self._stop = stop
        self._served: set[TopicPartition] = set()  # in this round

    async def poll(
        self,
        timeout_ms: int,
        max_records: int,
        *,
        of: Collection[Hold] = (),
        until: asyncio.Event | None = None,
    ) -> Mapping[Hold, list[Record]]:
        """Return records by partition, in order; none when there are none, or *stop* was set.

        Partitions take turns: who got some waits until nobody else has any.

        Args:
            timeout_ms: How long to wait for the first one.
            max_records: Of all partitions together.
            of: Only of these; of all when empty.
            until: Ends the waiting as *stop* does.

        Raises:
            LogLost: One partition's position is gone; the others are not touched.
        """
        try:
            found = await self._in_turn(timeout_ms, max_records, of, until or self._stop)
        except NoOffsetForPartitionError:
            await pause(self._stop, RETRY_S)  # assigned a moment ago, and not sought yet
            return {}
        except OffsetOutOfRangeError as error:
            at, offset = next(iter(error.args[0].items()))
            raise LogLost(at, offset) from error
        except RecordTooLargeError as error:
            raise LogLost(error.args[1], error.args[2]) from error
        except KafkaError as error:
            if not error.retriable:
                raise
            await pause(self._stop, RETRY_S)
            return {}
        holds = self._assigned.holds
        return {
            holds[at]: [_record(one) for one in records]
            for at, records in found.items()
            if at in holds
        }

    async def first_offset(self, at: TopicPartition) -> int:
        """Return where the log of *at* begins."""
        offsets: dict[TopicPartition, int] = await self._consumer.beginning_offsets([at])
        return offsets[at]

    def go_on(self, hold: Hold) -> None:
        """Read *hold* from its next offset. What was fetched before is dropped."""
        if self._is_assigned(hold):
            self._consumer.seek(hold.at, hold.next_offset)
            self._consumer.resume(hold.at)
            hold.paused = False

    def rest(self, hold: Hold) -> None:
        """Read no more of *hold* until `go_on`."""
        hold.paused = True
        if self._is_assigned(hold):
            self._consumer.pause(hold.at)

    async def one(self, hold: Hold, timeout_ms: int) -> Record | None:
        """Return the next record of *hold* alone, which then rests; None if none came."""
        self.go_on(hold)
        try:
            found = await self._consumer.getmany(hold.at, timeout_ms=timeout_ms, max_records=1)
        finally:
            self.rest(hold)
        records = found.get(hold.at)
        return _record(records[0]) if records else None

    def _is_assigned(self, hold: Hold) -> bool:
        return self._assigned.is_live(hold) and hold.at in self._consumer.assignment()

    async def _in_turn(
        self, timeout_ms: int, max_records: int, of: Collection[Hold], until: asyncio.Event
    ) -> dict[TopicPartition, list[Any]]:
        """The client gives all that it fetched of one partition, thousands, before any of the next.

        Far behind, the last of many would stand still for minutes.
        """
        asked = {hold.at for hold in of} or set(self._consumer.assignment())
        others = asked - self._served
        found: dict[TopicPartition, list[Any]] = {}
        if others and len(others) < len(asked):
            found = await self._getmany(0, max_records, others, until)
        if not found:
            self._served.clear()
            found = await self._getmany(timeout_ms, max_records, asked, until)
        self._served |= found.keys()
        return found

    async def _getmany(
        self,
        timeout_ms: int,
        max_records: int,
        of: Collection[TopicPartition],
        until: asyncio.Event,
    ) -> dict[TopicPartition, list[Any]]:
        """During a rebalance getmany() waits without limit: *stop* must still be heard."""
        ends = [asyncio.ensure_future(event.wait()) for event in {self._stop, until}]
        fetch = asyncio.ensure_future(
            self._consumer.getmany(*of, timeout_ms=timeout_ms, max_records=max_records)
        )
        try:
            await asyncio.wait({*ends, fetch}, return_when=asyncio.FIRST_COMPLETED)
            return fetch.result() if fetch.done() else {}
        finally:
            for end in ends:
                end.cancel()
            fetch.cancel()


@asynccontextmanager
async def open_reader(
    servers: str,
    grp: str,
    topics: Collection[str],
    *,
    assigned: Assigned,
    stop: asyncio.Event,
    session_timeout_ms: int,
) -> AsyncIterator[Reader | None]:
    """Build and start a consumer, in one step: built long before, its start hangs.

    Waits as long as Kafka is away; yields None when *stop* came first.
    """
    consumer = await _started(servers, grp, topics, assigned, stop, session_timeout_ms)
    if consumer is None:
        yield None
        return
    try:
        yield Reader(consumer, assigned, stop)
    finally:
        await _stopped(consumer)


async def _started(
    servers: str,
    grp: str,
    topics: Collection[str],
    assigned: Assigned,
    stop: asyncio.Event,
    session_timeout_ms: int,
) -> AIOKafkaConsumer | None:
    attempt = 0
    while not stop.is_set():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id=grp,
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=min(3000, session_timeout_ms // 4),
            fetch_max_wait_ms=100,
            fetch_max_bytes=MAX_FETCH_BYTES,
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
            metadata_max_age_ms=30_000,
        )
        consumer.subscribe(sorted(topics), listener=assigned)
        try:
            async with asyncio.timeout(STARTS_WITHIN_S):
                await consumer.start()
        except (KafkaError, OSError) as error:  # TimeoutError is an OSError
            await _stopped(consumer)
            attempt += 1
            log.warning("Kafka away", extra={"error": type(error).__name__, "attempt": attempt})
            await pause(stop, wait_s(attempt))
        except BaseException:
            await _stopped(consumer)
            raise
        else:
            return consumer
    return None


async def _stopped(consumer: AIOKafkaConsumer) -> None:
    """Leave the group, but not at any price: without Kafka, its timeout removes us as well."""
    try:
        async with asyncio.timeout(STOPS_WITHIN_S):
            await consumer.stop()
    except (KafkaError, OSError) as error:
        log.warning("left the group without goodbye", extra={"error": type(error).__name__})


def _record(one: Any) -> Record:
    return Record(
        one.topic, one.partition, one.offset, one.key, one.value, tuple(one.headers), one.timestamp
    )
