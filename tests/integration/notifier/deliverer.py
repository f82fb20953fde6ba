"""A process of its own that delivers, to be killed at a crash point. Not a test."""

import asyncio
import os
import sys
import time

from contracts.events import Channel
from notifier.domain.gate import Terms
from notifier.domain.render import Outlet, Prices
from notifier.edges.gateways import SmsGateway, open_client
from notifier.edges.texts import Texts
from notifier.edges.timers import Deliveries
from notifier.edges.vault import Vault
from plumbing.resources import open_engine
from plumbing.seal import Sealer


async def main() -> None:
    async with open_engine(os.environ["URL"], app="deliverer") as engine, open_client(5) as client:
        gateway = SmsGateway(
            client=client,
            url=os.environ["GATEWAY"],
            secret=os.environ["SECRET"],
            within_s=5,
            unix_time=time.time,
        )
        deliveries = Deliveries(
            engine=engine,
            vault=Vault(Sealer(bytes(range(32)))),
            partitions=4,
            gateways={Channel.SMS: gateway},
            render=Texts().render,
            terms=Terms({Channel.SMS: Outlet("sms", Prices("CNY", 45_000))}),
            on_commit=lambda: None,
        )
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await deliveries.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main())
