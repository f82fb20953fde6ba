"""Before a batch means anything: decode it, wait for those it is about, put the rest away."""

from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from msgspec.structs import replace
from sqlalchemy.ext.asyncio import AsyncConnection

from plumbing.absence import Absence
from plumbing.dead_letters import Dead, park
from plumbing.limits import NotReady
from plumbing.records import Headers, Record
from plumbing.seal import Sealer

Decode: TypeAlias = Callable[[Headers, bytes | None, bytes | None], Any]
Fault: TypeAlias = Callable[[Any], str | None]
Known: TypeAlias = Callable[[set[str]], Awaitable[Container[str]]]
Read: TypeAlias = list[tuple[Record, Any]]


@dataclass(frozen=True, kw_only=True)
class Sieve:
    """One consumer group's way from records to events.

    Args:
        grp: The group, whose dead letters these are.
        decode: Makes an event of headers, value and key.
        unreadable: What *decode* raises for a record that is none.
        sealer: Encrypts dead letters; the `Intake` needs the same.
        owner: Whose an event is: it says so in its field `<owner>_id`, if it is anybody's.
        absence: How long an owner is waited for.
    """

    grp: str
    decode: Decode
    unreadable: type[Exception]
    sealer: Sealer | None = None
    owner: str = ""
    absence: Absence = field(default_factory=Absence)

    async def read(
        self,
        conn: AsyncConnection,
        records: Sequence[Record],
        *,
        known: Known | None = None,
        fault: Fault = lambda _: None,
        bare: bool = False,
    ) -> Read:
        """Return the events with their records, in order; the others become dead letters.

        Args:
            conn: The batch's transaction.
            records: The batch.
            known: Returns which owners are known. Events of others wait until these are, or are
                given up. Without it nobody is waited for.
            fault: Says why an event cannot be handled; None if it can.
            bare: Put letters away without their bytes.

        Raises:
            NotReady: An owner may still become known. Nothing was written.
        """
        events, dead = self._sift(records, fault)
        if known is not None:
            events, strangers = await self._of_known(events, known)
            dead += strangers
        if bare:
            dead = [Dead(replace(one.record, value=None), one.reason) for one in dead]
        await park(conn, self.grp, dead, sealer=self.sealer)
        return events

    def _sift(self, records: Sequence[Record], fault: Fault) -> tuple[Read, list[Dead]]:
        """Return what can be read and handled, in order, and the letters: unreadable ones first."""
        events: Read = []
        unreadable: list[Dead] = []
        faulty: list[Dead] = []
        decode = self.decode
        for record in records:
            try:
                event = decode(record.headers, record.value, record.key)
            except self.unreadable as error:
                unreadable.append(Dead(record, str(error) or type(error).__name__))
                continue
            reason = fault(event)
            if reason is None:
                events.append((record, event))
            else:
                faulty.append(Dead(record, reason))
        return events, unreadable + faulty

    async def _of_known(self, events: Read, known: Known) -> tuple[Read, list[Dead]]:
        name = f"{self.owner}_id"
        owners: set[str] = {getattr(event, name, "") for _, event in events} - {""}
        there = await known(owners) if owners else owners
        missing = {owner for owner in owners if owner not in there}
        if not missing:
            return events, []
        reason = f"unknown {self.owner}"
        if not self.absence.gives_up(missing):
            raise NotReady(reason)
        owned = [(getattr(event, name, ""), record, event) for record, event in events]
        return (
            [(record, event) for owner, record, event in owned if owner not in missing],
            [Dead(record, reason) for owner, record, _ in owned if owner in missing],
        )
