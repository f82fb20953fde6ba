"""Several pods of one service, each of which dies as often as it is told to, and comes again."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import httpx
from typing_extensions import override

from demo.house import Pod
from support.eventually import by_then, eventually
from support.supervisor import Crash, Supervisor
from support.town import Town

# In place of a crash point: by an ordinary SIGKILL, once the pod has settled *nth* timers.
ANYWHERE: Final = "anywhere"
SETTLED: Final = "huiliu_care_timers_settled_total"


@dataclass(eq=False)
class Keepers(Supervisor):
    """Keeps pods of care-triggers, by name; `deaths` tells in which order they died."""

    pods: dict[str, Pod] = field(default_factory=dict)

    async def up_to(self, share: float, within_s: float) -> None:
        """Wait for this share of the deaths, but not longer than *within_s*."""
        await by_then(lambda: self.share >= share, within_s)

    @override
    async def ready(self) -> None:
        """Wait until every pod is past its last death, and up."""
        await eventually(lambda: self.share >= 1, within_s=120)
        await eventually(lambda: all(pod.alive for pod in self.pods.values()), within_s=60)
        await asyncio.gather(*(pod.ready() for pod in self.pods.values()))

    @override
    async def _until_death(self, name: str, crash: Crash) -> int:
        if crash.point != ANYWHERE:
            return await super()._until_death(name, crash)
        pod = await self._start(name, {})
        await eventually(partial(_has_settled, pod, crash.nth), within_s=120)
        pod.kill()
        return await pod.process.wait()

    @override
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
