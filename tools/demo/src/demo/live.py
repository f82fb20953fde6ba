"""Play a script: business time goes from one planned instant to the next, and waits in between."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from demo.stillness import Observer, still


@dataclass(frozen=True, slots=True)
class Clock:
    """Business time of a house, moved only while nothing is on its way."""

    watch: Observer
    services: tuple[str, ...]
    owed: Callable[[], int]
    within_s: float = 60.0  # real time that each rest may take

    async def rest(self) -> None:
        """Wait until everything that is due has happened."""
        await still(self.watch, self.services, within_s=self.within_s, owed=self.owed)

    async def advance(
        self, to: datetime, on_step: Callable[[datetime], Awaitable[None]] | None = None
    ) -> None:
        """Go to *to*, stopping at each instant for which something is planned before it."""
        await self.arrive(to, on_step)
        await self.rest()

    async def arrive(
        self, to: datetime, on_step: Callable[[datetime], Awaitable[None]] | None = None
    ) -> None:
        """Do as `advance`, without the last rest: the clock goes on while one rests.

        For what must be said at *to* itself, shortly before something is due.
        """
        await self.rest()
        while True:
            planned = await self.watch.next_planned()
            if planned is None or planned > to:
                break
            await self.watch.shift_to(planned)
            await self.rest()
            if on_step is not None:
                await on_step(planned)
        await self.watch.shift_to(to)
