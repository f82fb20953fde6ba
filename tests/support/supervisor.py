"""Runs a house whose services die at crash points, one after the other, and starts them again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from demo.house import Failed, Pod
from support.eventually import eventually
from support.town import Town

READY_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Crash:
    """Die at the *nth* pass of *point*; `settings` bring the process to where the point is."""

    point: str
    nth: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return {"HUILIU_CRASH": f"{self.point}:{self.nth}", **self.settings}


@dataclass(frozen=True, slots=True)
class Death:
    service: str
    point: str
    code: int


OnDeath: TypeAlias = Callable[[str], Awaitable[None]]


async def nobody_asks(service: str) -> None:
    del service


@asynccontextmanager
async def supervised(
    town: Town, plans: Mapping[str, Sequence[Crash]], on_death: OnDeath = nobody_asks
) -> AsyncIterator["Supervisor"]:
    """Start every service of *plans* with the first crash of its list, and look after them.

    Whenever a process ends, *on_death* is called before the next one starts, which is armed with
    the next crash, or not at all when the list is done. A death that nobody planned ends the body.
    """
    async with asyncio.TaskGroup() as keepers:
        supervisor = Supervisor(town, plans, on_death)
        keeping = [keepers.create_task(supervisor.keep(service)) for service in plans]
        await supervisor.ready()
        yield supervisor
        for one in keeping:
            one.cancel()


@dataclass(eq=False)
class Supervisor:
    """Keeps the services of one town; `deaths` tells whom it lost."""

    town: Town
    plans: Mapping[str, Sequence[Crash]]
    on_death: OnDeath = nobody_asks
    deaths: list[Death] = field(default_factory=list)

    @property
    def planned(self) -> int:
        return sum(map(len, self.plans.values()))

    @property
    def share(self) -> float:
        return len(self.deaths) / self.planned

    async def ready(self) -> None:
        """Wait until all services are up at the same time."""
        await eventually(self._all_ready, within_s=READY_WITHIN_S)

    async def _all_ready(self) -> bool:
        return all([await self._is_ready(service) for service in self.plans])

    async def _is_ready(self, service: str) -> bool:
        pod = self.town.pods.get(service)
        if pod is None or not pod.alive:
            return False
        try:
            await pod.ready()
        except Failed:
            return False  # it died at its crash point meanwhile
        return pod is self.town.pods[service] and pod.alive

    async def keep(self, service: str) -> None:
        """Start *service* again and again; raise `Failed` when it ends unarmed."""
        for crash in self.plans[service]:
            code = await self._until_death(service, crash)
            self.deaths.append(Death(service, crash.point, code))
            await self.on_death(service)
        pod = await self._start(service, {})
        code = await pod.process.wait()
        raise Failed(f"{service} ended with {code}:\n{pod.last_lines()}")

    async def _until_death(self, service: str, crash: Crash) -> int:
        pod = await self._start(service, crash.environ)
        return await pod.process.wait()

    async def _start(self, service: str, extra: Mapping[str, str]) -> Pod:
        pod = await self.town.house.start(service, self.town.ports[service], extra)
        self.town.pods[service] = pod
        return pod
