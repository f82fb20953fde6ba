"""Several pods of one service, each of which dies as often as it is told to, and comes again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import httpx

from demo.house import Failed, Pod
from support.eventually import by_then, eventually
from support.supervisor import Crash, Death
from support.town import Town

# In place of a crash point: by an ordinary SIGKILL, once the pod has settled *nth* timers.
ANYWHERE: Final = "anywhere"
SETTLED: Final = "huiliu_care_timers_settled_total"


@dataclass(eq=False)
class Keepers:
    """Keeps pods of care-triggers; `deaths` tells in which order they died."""

    town: Town
    plans: Mapping[str, Sequence[Crash]]
    deaths: list[Death] = field(default_factory=list)
    pods: dict[str, Pod] = field(default_factory=dict)

    @property
    def planned(self) -> int:
        return sum(map(len, self.plans.values()))

    @property
    def share(self) -> float:
        return len(self.deaths) / self.planned

    async def up_to(self, share: float, within_s: float) -> None:
        """Wait for this share of the deaths, but not longer than *within_s*."""
        await by_then(lambda: self.share >= share, within_s)

    async def ready(self) -> None:
        """Wait until every pod is past its last death, and up."""
        await eventually(lambda: self.share >= 1, within_s=120)
        await eventually(lambda: all(pod.alive for pod in self.pods.values()), within_s=60)
        await asyncio.gather(*(pod.ready() for pod in self.pods.values()))

    async def keep(self, name: str) -> None:
        """Start the pod called *name* again and again; raise `Failed` when it ends unarmed."""
        for crash in self.plans[name]:
            code = await self._until_death(name, crash)
            self.deaths.append(Death(name, crash.point, code))
        pod = await self._start(name, {})
        code = await pod.process.wait()
        raise Failed(f"{name} ended with {code}:\n{pod.last_lines()}")

    async def _until_death(self, name: str, crash: Crash) -> int:
        if crash.point != ANYWHERE:
            pod = await self._start(name, crash.environ)
            return await pod.process.wait()
        pod = await self._start(name, {})
        await eventually(partial(_has_settled, pod, crash.nth), within_s=120)
        pod.kill()
        return await pod.process.wait()

    async def _start(self, name: str, extra: Mapping[str, str]) -> Pod:
        pod = await self.town.house.start("care-triggers", extra={"HUILIU_POD": name, **extra})
        self.pods[name] = self.town.pods["care-triggers"] = pod
        return pod


async def _has_settled(pod: Pod, number: int) -> bool:
    try:
        return await pod.metric(SETTLED) >= number
    except httpx.TransportError:
        return False  # it does not listen yet


@asynccontextmanager
async def kept(town: Town, plans: Mapping[str, Sequence[Crash]]) -> AsyncIterator[Keepers]:
    """Keep a pod for each of *plans*; a death that nobody planned ends the body."""
    keepers = Keepers(town, plans)
    async with asyncio.TaskGroup() as group:
        keeping = [group.create_task(keepers.keep(name)) for name in plans]
        yield keepers
        for one in keeping:
            one.cancel()
