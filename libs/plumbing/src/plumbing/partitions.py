"""What a reader knows of the partitions that the group has given it."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka import ConsumerRebalanceListener, TopicPartition
from typing_extensions import override

from plumbing.offsets import Claim, Fenced

ENDS_WITHIN_S: Final = 10.0

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Hold:
    """One assigned partition. A new assignment makes new ones: identity tells them apart."""

    at: TopicPartition
    claim: Claim | None = None  # without it, records are dropped
    next_offset: int = 0  # where database and reader agree to go on
    struck: bool = False  # this claim has noted its try
    singly_until: int = 0  # below this offset, one record a transaction
    lost: Claim | None = None  # the claim that `give_up` dropped
    acquitted: bool = False  # the last claim ended by no fault of a record
    stopped: str = ""  # why it rests until a person helps
    paused: bool = True  # nothing is read until it is sought again
    busy: bool = False  # somebody works for it: never two transactions on one partition
    rest_until: float = 0.0  # monotonic

    def rest(self, seconds: float) -> None:
        self.paused = True
        self.rest_until = time.monotonic() + seconds

    def give_up(self, *, acquitted: bool, rest_s: float = 0.0) -> None:
        """Drop the claim; what became of the batch tells the row, under a new claim."""
        self.lost = self.claim or self.lost
        self.claim = None
        self.acquitted = acquitted
        self.rest(rest_s)

    def fenced(self, rest_s: float) -> None:
        """Leave it to the new owner, unless it is still assigned to us after *rest_s*."""
        self.claim = self.lost = None
        self.rest(rest_s)

    @property
    def held(self) -> Claim:
        """The claim.

        Raises:
            Fenced: It was taken away while we waited.
        """
        if self.claim is None:
            raise Fenced
        return self.claim

    @property
    def resting(self) -> bool:
        return time.monotonic() < self.rest_until

    @property
    def fields(self) -> dict[str, object]:
        """For logs."""
        return {"topic": self.at.topic, "part": self.at.partition, "offset": self.next_offset}


class Assigned(ConsumerRebalanceListener):
    """Takes notes of rebalances, nothing else: aiokafka swallows what a listener raises.

    Records may come before this has run, so the guard is in the data path: no hold with a claim,
    no handling.
    """

    def __init__(self) -> None:
        self.holds: dict[TopicPartition, Hold] = {}
        self.ever = False
        self.fatal: Exception | None = None
        self.idle = asyncio.Event()  # clear while a transaction runs
        self.idle.set()
        self._running = 0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Note that a transaction runs: `idle` is set again after the last of them."""
        self._running += 1
        self.idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self.idle.set()

    def is_live(self, hold: Hold) -> bool:
        """Tell whether *hold* is of the present assignment; ask again after every await."""
        return self.holds.get(hold.at) is hold

    @override
    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self.holds = {}
        try:  # the running transactions may end: whoever claims next waits for it anyway
            async with asyncio.timeout(ENDS_WITHIN_S):
                await self.idle.wait()
        except TimeoutError:
            log.warning("revoked in the middle of a batch", extra={"partitions": len(revoked)})

    @override
    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        try:
            self.holds = {at: Hold(at) for at in sorted(assigned)}
            self.ever = True
        except Exception as error:  # noqa: BLE001 - aiokafka would swallow it: the loop raises it
            self.fatal = error
