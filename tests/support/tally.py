"""Adds up counters over all processes that ever lived in a town, the killed ones too."""

import asyncio
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import httpx

from demo.house import Pod, total_of
from support.town import Town

EVERY_S: Final = 0.3


@dataclass(eq=False)
class Tally:
    """`async with Tally(town) as tally:` then `tally.total(name)`.

    What a process counted between the last look and its death is missing: a lower bound.
    """

    town: Town
    _seen: dict[int, str] = field(default_factory=dict)
    _looking: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        self._looking = asyncio.create_task(self._run(), name="tally")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of *name* with these labels, whatever their others."""
        return sum(total_of(text, name, **labels) for text in self._seen.values())

    async def look(self) -> None:
        """Ask every living process now."""
        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
            pods = [pod for pod in self.town.house.pods if pod.alive]
            await asyncio.gather(*(self._ask(client, pod) for pod in pods))

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def _ask(self, client: httpx.AsyncClient, pod: Pod) -> None:
        try:
            answer = await client.get(f"{pod.ops_url}/metrics")
        except httpx.TransportError:
            return  # it starts, is frozen, or has just died
        self._seen[pod.process.pid] = answer.text
