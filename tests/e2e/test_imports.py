"""A file of history outlives the process that takes it in: in the log each order is one event."""

from collections import Counter
from typing import Any

import httpx

from contracts.events import OrderFacts
from contracts.topics import ORDERS
from demo.house import token
from support.canonical import event_ids_of, events_of
from support.eventually import eventually
from support.town import SHOP_ID, Town

COUNT = 3_000
PATH = f"/v1/shops/{SHOP_ID}/imports"
# The shop's own announcement is the first to pass there, the second chunk of the file the third.
BEFORE_COMMIT = "after-outbox:3"


async def test_an_ingest_that_is_killed_in_a_chunk_goes_on_behind_the_last_one(town: Town) -> None:
    rows = (f"A-{n},c-{n},2025-01-05 18:00,2025-01-05 18:01,12.50" for n in range(COUNT))
    content = "\n".join(["订单号,买家,下单时间,付款时间,实付金额", *rows]).encode("gb18030")
    await town.start("ingest", ingest=BEFORE_COMMIT)
    await town.open_shop()
    dying = town.pods["ingest"]

    headers = {"Authorization": f"Bearer {token(ttl_s=3600)}"}
    async with httpx.AsyncClient(base_url=dying.url, headers=headers, trust_env=False) as client:
        sent = await client.post(PATH, files={"file": content}, data={"kind": "orders"})
        assert sent.status_code == 202, sent.text
        import_id = sent.json()["import_id"]
        assert await dying.ended(within_s=60) == -9
        [before] = await town.rows("select rows, state from ingest.import_run")
        await town.start("ingest")

        async def over() -> dict[str, Any] | None:
            found: dict[str, Any] = (await client.get(f"{PATH}/{import_id}")).json()
            return None if found["ended_at"] is None else found

        done = await eventually(over, within_s=90)

    async def arrived() -> bool:
        return len(set(await event_ids_of(town, ORDERS))) >= COUNT

    await eventually(arrived, within_s=30)
    assert (before["rows"], before["state"]) == (500, "running")
    assert (done["state"], done["accepted"], done["rejected"]) == ("done", COUNT, 0)
    # The relay may have died between its two steps: the same id again, which everybody merges.
    assert len(set(await event_ids_of(town, ORDERS))) == COUNT
    told = Counter(one.order_id for one in await events_of(town, ORDERS) if type(one) is OrderFacts)
    assert told.keys() == {f"A-{n}" for n in range(COUNT)}
