"""A file of history outlives the process that takes it in: in the log each order is one event."""

import asyncio
import csv
import json
from pathlib import Path

import pytest

from contracts.events import OrderFacts
from contracts.topics import ORDERS
from demo.house import token
from huiliu_cli.client import Session
from huiliu_cli.main import run
from support.canonical import event_ids_of, events_of
from support.eventually import eventually
from support.town import SHOP_ID, Town

COUNT = 3_000
# The shop's own announcement is the first to pass there, the second chunk of the file the third.
BEFORE_COMMIT = "after-outbox:3"


async def test_an_ingest_that_is_killed_in_a_chunk_goes_on_behind_the_last_one(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"A-{n},c-{n},2025-01-05 18:00,2025-01-05 18:01,12.50" for n in range(COUNT)]
    file, rejects = tmp_path / "orders.csv", tmp_path / "rejects.csv"
    header = "订单号,买家,下单时间,付款时间,实付金额"
    file.write_text("\n".join([header, *rows, rows[7]]), "gb18030")
    await town.start("ingest", ingest=BEFORE_COMMIT)
    await town.open_shop()
    dying = town.pods["ingest"]
    session = Session({"HUILIU_INGEST_URL": dying.url, "HUILIU_TOKEN": token(ttl_s=3600)})
    argv = ["import", str(file), "--shop", SHOP_ID, "--kind", "orders", "--json"]

    sent = asyncio.create_task(asyncio.to_thread(run, [*argv, "--rejects", str(rejects)], session))
    assert await dying.ended(within_s=60) == -9
    [before] = await town.rows("select rows, state from ingest.import_run")
    await town.start("ingest")
    status = await sent

    async def arrived() -> bool:
        return len(set(await event_ids_of(town, ORDERS))) >= COUNT

    await eventually(arrived, within_s=30)
    assert (before["rows"], before["state"]) == (500, "running")
    done = json.loads(capsys.readouterr().out)
    assert (status, done["state"], done["accepted"], done["rejected"]) == (0, "done", COUNT, 1)
    with rejects.open(encoding="utf-8-sig", newline="") as written:
        assert [row[0] for row in csv.reader(written)] == ["line", str(COUNT + 2)]
    # The relay may have died between its two steps: the same id again, which everybody merges.
    assert len(set(await event_ids_of(town, ORDERS))) == COUNT
    told = {one.order_id for one in await events_of(town, ORDERS) if isinstance(one, OrderFacts)}
    assert told == {f"A-{n}" for n in range(COUNT)}
