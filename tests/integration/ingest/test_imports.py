"""Files of history: what is in them is taken once, what is not is told, wherever a pod dies."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from contracts.events import CustomerErased, CustomerFacts, OrderFacts
from contracts.topics import CUSTOMER_FACTS
from ingest.edges.consumer import Consumer
from ingest.edges.imports.store import ImportStore
from ingest.edges.store import encoded_records
from integration.ingest.conftest import bearer, record, utc_now
from integration.ingest.importing import (
    HEADER,
    PATH,
    at_work,
    ended,
    facts,
    has_rows,
    importer,
    lines,
    orders,
    rejects,
    send,
    taken,
    told,
)
from support.eventually import eventually


async def test_orders_of_a_file_become_facts(house: Any) -> None:
    done = await taken(
        house, f'{HEADER}\nA-1,c-1,2025/1/5 18:00,2025-01-05 18:01,"1,288.50",13800138000\n'
    )

    assert (done["state"], done["rows"], done["accepted"], done["rejected"]) == ("done", 1, 1, 0)
    assert done["columns"]["实付金额"] == "total"
    (order_topic, order), (person_topic, person) = await facts(house)
    assert isinstance(order, OrderFacts)
    assert (order_topic, order.total_minor, order.currency) == ("orders.v1", 128_850, "CNY")
    assert order.placed_at == datetime(2025, 1, 5, 10, 0, tzinfo=UTC)
    assert isinstance(person, CustomerFacts)
    assert (person_topic, person.phone, person.from_order) == (
        "customer-facts.v1",
        "+8613800138000",
        True,
    )
    assert await house.rows("select * from ingest.import_piece") == []


async def test_the_same_file_again_says_nothing_new(house: Any) -> None:
    for _ in range(2):
        await taken(house, f"{HEADER}\n{lines(3)}")

    async with house.worker() as conn:
        ids = await conn.scalars(text("select event_id from outbox where topic = 'orders.v1'"))
    assert sorted(Counter(ids).values()) == [2, 2, 2]


async def test_a_dry_run_names_bad_lines_and_brings_nothing(house: Any) -> None:
    bad = "A-9,c-9,soon,,1,\nA-1,c-1,2025-01-05,,1,\n"
    done = await taken(house, f"{HEADER}\n{lines(2)}{bad}", dry_run="true")

    assert (done["state"], done["accepted"], done["rejected"]) == ("done", 2, 2)
    assert await facts(house) == []
    assert await rejects(house, done["import_id"]) == [
        ["line", "reason", *HEADER.split(",")],
        [
            "4",
            "下单时间: no time: 2024-01-05 13:00:00 is one",
            *["A-9", "c-9", "soon", "", "1", ""],
        ],
        [
            "5",
            "the order came before: its rows must stand together, and be at most 500",
            *["A-1", "c-1", "2025-01-05", "", "1", ""],
        ],
    ]


async def test_a_rejected_row_says_where_the_native_api_would_have_refused_it(house: Any) -> None:
    header = "order id;customer;placed at;sku;qty;unit price"
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    rows = [
        f"{'x' * 200};c;2025-01-05;;;",
        f"B;c;{ahead};;;",
        "C;c;2025-01-05;S-1;0;1",
        "D;c;2025-01-05;S-1;;1",
    ]
    done = await taken(house, "\n".join([header, *rows]))

    reasons = [row[1] for row in (await rejects(house, done["import_id"]))[1:]]
    assert [one.partition(":")[0] for one in reasons] == [
        "order id",
        "placed at",
        "qty",
        "qty",
    ]
    assert reasons[1] == "placed at: a time up to now is expected"


async def test_a_file_above_the_bound_of_other_bodies_comes_in_by_pieces(house: Any) -> None:
    content = f"{HEADER}\n" + lines(48_000)
    assert len(content) > 2 * 1024 * 1024

    answer = await send(house, content)

    assert answer.status_code == 202
    [found] = await house.rows("select count(*) as n from ingest.import_piece")
    assert found["n"] == -(-len(content.encode()) // (256 * 1024))
    assert not any(
        b"A-1," in row["sealed"]
        for row in await house.rows("select sealed from ingest.import_piece")
    )


async def test_who_dies_at_work_leaves_the_rest_to_another_and_no_order_twice(house: Any) -> None:
    count = 1_800
    content = f"{HEADER}\n{lines(count)}A-7,c,2025-01-05,,1,\n"
    import_id = (await send(house, content)).json()["import_id"]

    async with at_work(importer(house, rows_per_s=1_000)) as first:
        await eventually(lambda: has_rows(house, import_id, 500), within_s=30)
        first.cancel()
    before = await told(house, import_id)
    assert 500 <= before["rows"] < count
    assert before["rows"] == len(await orders(house))

    async with at_work(importer(house)):
        done = await ended(house, import_id)

    assert (done["state"], done["accepted"], done["rejected"]) == ("done", count, 1)
    assert Counter(one.order_id for one in await orders(house)) == {
        f"A-{number}": 1 for number in range(1, count + 1)
    }
    # What came before the death is known to have come.
    assert [row[0] for row in (await rejects(house, import_id))[1:]] == [str(count + 2)]


async def test_who_was_frozen_finds_that_another_went_on(house: Any) -> None:
    import_id = (await send(house, f"{HEADER}\n{lines(2)}")).json()["import_id"]
    async with house.worker() as conn:
        stale = await ImportStore(conn, house.sealer).next()
    assert stale is not None
    async with house.worker() as conn:
        assert await ImportStore(conn, house.sealer).advance(stale, 1, 1, [])

    async with house.worker() as conn:
        assert not await ImportStore(conn, house.sealer).advance(stale, 1, 1, [])
        assert not await ImportStore(conn, house.sealer).end(import_id, "failed", "dead", 0)

    found = await told(house, import_id)
    assert (found["accepted"], found["state"]) == (1, "running")


async def test_while_the_outbox_is_full_no_more_is_put_there(house: Any) -> None:
    import_id = (await send(house, f"{HEADER}\n{lines(2_600)}")).json()["import_id"]
    async with at_work(importer(house)):
        await eventually(lambda: has_rows(house, import_id, 2_000), within_s=30)
        full = len(await orders(house))
        await house.run("delete from ingest.outbox")
        done = await ended(house, import_id)

    assert full == 2_000
    assert (done["accepted"], len(await orders(house))) == (2_600, 600)


async def test_an_import_that_is_cancelled_stops_and_forgets_its_file(house: Any) -> None:
    import_id = (await send(house, f"{HEADER}\n{lines(4_000)}")).json()["import_id"]
    async with at_work(importer(house, rows_per_s=1_000)):
        await eventually(lambda: has_rows(house, import_id, 500), within_s=30)
        stopped = await house.http.delete(f"{PATH}/{import_id}", headers=bearer())
        other = (await send(house, f"{HEADER}\n{lines(1, 9_000)}")).json()["import_id"]
        await ended(house, other)

    done = await told(house, import_id)
    assert (stopped.status_code, done["state"]) == (204, "cancelled")
    assert done["rows"] < 4_000
    assert len(await orders(house)) == done["rows"] + 1
    assert await house.rows("select * from ingest.import_piece") == []
    again = await house.http.delete(f"{PATH}/{import_id}", headers=bearer())
    assert (again.status_code, again.json()["type"]) == (409, "urn:huiliu:problem:import-ended")


async def test_customers_of_a_file_become_profiles(house: Any) -> None:
    content = "客户编号,姓名,手机号,生日,性别,短信授权\nc-1,李,13800138000,1990-05-31,女,否\n"

    done = await taken(house, content, kind="customers")

    assert done["accepted"] == 1
    [(topic, person)] = await facts(house)
    assert (topic, person.name, person.from_order) == ("customer-facts.v1", "李", None)
    [consent] = person.consents
    assert (consent.given, consent.source) == (False, "import")


async def test_who_is_erased_is_in_no_rejects_file(house: Any) -> None:
    done = await taken(house, f"{HEADER}\nA-1,c-1,soon,,1,\nA-2,c-2,soon,,1,\n")
    gone = encoded_records([CustomerErased("north", "c-1", utc_now())], 4, utc_now())

    async with house.worker() as conn:
        await Consumer("g", house.sealer, 4, utc_now).on_customer_facts(
            conn, [record(one) for one in gone]
        )

    later = await taken(house, f"{HEADER}\nA-1,c-1,soon,,1,\nA-2,c-2,soon,,1,\n")
    assert gone[0].topic == CUSTOMER_FACTS
    for run in (done, later):
        assert [row[2] for row in (await rejects(house, run["import_id"]))[1:]] == ["A-2"]


async def test_imports_are_listed_the_newest_first_and_another_shops_are_not_found(
    house: Any,
) -> None:
    made = [(await send(house, f"{HEADER}\n")).json()["import_id"] for _ in range(3)]

    first = (await house.http.get(f"{PATH}?limit=2", headers=bearer())).json()
    second = (
        await house.http.get(f"{PATH}?limit=2&cursor={first['cursor']}", headers=bearer())
    ).json()

    listed = [one["import_id"] for one in (*first["imports"], *second["imports"])]
    assert listed == made[::-1]
    assert second["cursor"] is None
    elsewhere = await house.http.get(f"/v1/shops/south/imports/{made[0]}", headers=bearer("south"))
    assert elsewhere.status_code == 404


async def test_uploads_that_broke_off_and_old_rejects_are_forgotten(house: Any) -> None:
    done = await taken(house, f"{HEADER}\nA-1,c-1,soon,,1,\n")
    await house.run("update ingest.import_run set ended_at = ended_at - interval '31 days'")
    async with house.worker() as conn:
        store = ImportStore(conn, house.sealer)
        await store.add("im_old", "north")
        await store.keep_piece("im_old", "north", 0, b"x")
    await house.run(
        "update ingest.import_run set touched_at = touched_at - interval '20 minutes'"
        " where import_id = 'im_old'"
    )

    async with at_work(importer(house)):
        await eventually(lambda: _is_empty(house), within_s=10)

    gone = await house.http.get(f"{PATH}/{done['import_id']}", headers=bearer())
    assert gone.status_code == 404


async def _is_empty(house: Any) -> bool:
    tables = ("import_run", "import_piece", "import_reject")
    found = [await house.rows(f"select 1 from ingest.{one}") for one in tables]  # noqa: S608 - ours
    return not any(found)


async def test_a_reader_that_dies_fails_its_import_and_nothing_else(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    first = (await send(house, f"{HEADER}\n{lines(1)}")).json()["import_id"]
    async with at_work(importer(house)):
        dead = await ended(house, first)
        monkeypatch.undo()
        second = (await send(house, f"{HEADER}\n{lines(1)}")).json()["import_id"]
        done = await ended(house, second)

    assert (dead["state"], dead["error"]) == (
        "failed",
        "its reader died: is it larger than memory?",
    )
    assert done["state"] == "done"
