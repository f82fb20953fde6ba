"""Files of history: what is in them is taken once, what is not is told, wherever a pod dies."""

import asyncio
import csv
import json
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any

import httpx
import pytest
from openpyxl import Workbook
from sqlalchemy import text

from contracts.events import CustomerErased, CustomerFacts, OrderFacts
from contracts.topics import CUSTOMER_FACTS, SHOPS
from ingest.edges.consumer import Consumer
from ingest.edges.imports.importer import Importer
from ingest.edges.imports.store import ImportStore
from ingest.edges.store import encoded_records
from integration.ingest.conftest import bearer, record, utc_now
from support.eventually import eventually

PATH = "/v1/shops/north/imports"
NO_TIME = "no time: 2024-01-05 13:00:00 is one"
HEADER = "订单号,买家,下单时间,付款时间,实付金额,手机号"


def importer(house: Any, rows_per_s: int = 100_000) -> Importer:
    return Importer(
        engine=house.engine,
        sealer=house.sealer,
        directory=house.ports.directory,
        partitions=4,
        rows_per_s=rows_per_s,
        wake=lambda: None,
    )


@asynccontextmanager
async def at_work(one: Importer) -> AsyncIterator[asyncio.Task[None]]:
    """Run it; who wants it dead cancels the task: no clean end, as by a kill."""
    stop = asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def send(house: Any, content: bytes | str, **said: str) -> httpx.Response:
    raw = content.encode() if isinstance(content, str) else content
    answer: httpx.Response = await house.http.post(
        PATH,
        headers=bearer(),
        files={"file": ("orders.csv", raw)},
        data={"kind": "orders", **said},
    )
    return answer


async def told(house: Any, import_id: str) -> dict[str, Any]:
    answer = await house.http.get(f"{PATH}/{import_id}", headers=bearer())
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ended(house: Any, import_id: str, within_s: float = 30) -> dict[str, Any]:
    async def over() -> dict[str, Any] | None:
        found = await told(house, import_id)
        return None if found["ended_at"] is None else found

    found: dict[str, Any] = await eventually(over, within_s=within_s)
    return found


async def taken(house: Any, content: bytes | str, **said: str) -> dict[str, Any]:
    """Send a file and have it taken in."""
    answer = await send(house, content, **said)
    assert answer.status_code == 202, answer.text
    async with at_work(importer(house)):
        return await ended(house, answer.json()["import_id"])


async def rejects(house: Any, import_id: str) -> list[list[str]]:
    answer = await house.http.get(f"{PATH}/{import_id}/rejects", headers=bearer())
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))


async def facts(house: Any) -> list[tuple[str, Any]]:
    """Return topic and fact of what was taken; the shop itself is announced too."""
    return [one for one in await house.outbox() if one[0] != SHOPS]


async def orders(house: Any) -> list[OrderFacts]:
    return [fact for _, fact in await facts(house) if isinstance(fact, OrderFacts)]


def lines(count: int, first: int = 1) -> str:
    return "".join(
        f"A-{number},c-{number},2025-01-05 18:00,2025-01-05 18:01,12.50,\n"
        for number in range(first, first + count)
    )


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_a_text_may_be_in_utf_8_or_gb18030(house: Any, encoding: str) -> None:
    name = "𠮷野家龘"  # of four bytes in GB18030, some
    content = f"订单号\t买家\t下单时间\t收货人\nA-1\tc-1\t2025-01-05\t{name}\n"

    done = await taken(house, content.encode(encoding))

    assert done["state"] == "done"
    assert (await facts(house))[1][1].name == name


@pytest.mark.parametrize(
    ("content", "said", "field", "why"),
    [
        ("买家\nx\n", {}, "/file", "no column for order_id (订单号); the file's columns are 买家"),
        ("订单号,买家\n", {"mapping": '{"x": "total"}'}, "/file", "columns that the file has not"),
        ("订单号,买家\n", {"mapping": '["x"]'}, "/mapping", "a JSON object of column to field"),
        ("订单号,买家\n", {"kind": "parcels"}, "/kind", "orders or customers"),
        ("订单号,买家\n", {"dry_run": "maybe"}, "/dry_run", "true or false"),
        ("订单号,买家\n", {"drY": "true"}, "/*", "a form has dry_run, kind, mapping and a file"),
        (b"\xff\xfe\x00", {}, "/file", "neither a workbook nor text in UTF-8 or GB18030"),
        (b"PAR1", {}, "/file", "Parquet is not read"),
        ("", {}, "/file", "no file has come"),
        ('"' + "x" * 200_000, {}, "/file", "is a quotation mark left open?"),
    ],
)
async def test_what_cannot_be_taken_is_refused_when_it_is_sent(
    house: Any, content: bytes | str, said: dict[str, str], field: str, why: str
) -> None:
    answer = await send(house, content, **said)

    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert why in answer.json()["detail"]
    assert await house.rows("select * from ingest.import_run") == []
    assert await house.rows("select * from ingest.import_piece") == []


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "application/json"}, b"{}", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"nonsense", 400),
        (
            {"content-type": "multipart/form-data; boundary=x"},
            b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\norder id,buyer\n',
            400,
        ),
        ({"content-type": "multipart/form-data; boundary=x"}, b"x" * 5_000_000, 413),
    ],
)
async def test_a_body_that_is_no_form_is_refused(
    house: Any, headers: dict[str, str], content: bytes, status: int
) -> None:
    answer = await house.http.post(PATH, headers={**bearer(), **headers}, content=content)

    assert answer.status_code == status
    assert await house.rows("select * from ingest.import_run") == []


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
        await eventually(lambda: _has_rows(house, import_id, 500), within_s=30)
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

    assert (await told(house, import_id))["accepted"] == 1


async def test_while_the_outbox_is_full_no_more_is_put_there(house: Any) -> None:
    import_id = (await send(house, f"{HEADER}\n{lines(2_600)}")).json()["import_id"]
    async with at_work(importer(house)):
        await eventually(lambda: _has_rows(house, import_id, 2_000), within_s=30)
        full = len(await orders(house))
        await house.run("delete from ingest.outbox")
        done = await ended(house, import_id)

    assert full == 2_000
    assert (done["accepted"], len(await orders(house))) == (2_600, 600)


async def test_an_import_that_is_cancelled_stops_and_forgets_its_file(house: Any) -> None:
    import_id = (await send(house, f"{HEADER}\n{lines(4_000)}")).json()["import_id"]
    async with at_work(importer(house, rows_per_s=1_000)):
        await eventually(lambda: _has_rows(house, import_id, 500), within_s=30)
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


async def test_an_order_of_too_many_lines_is_refused_whole(house: Any) -> None:
    row = "L,c,2025-01-05,S,1,1\n"
    content = f"order id,buyer,date,sku,qty,price\n{row * 501}{row.replace('L', 'M') * 500}"

    done = await taken(house, content)

    assert (done["accepted"], done["rejected"]) == (500, 501)
    [order] = await orders(house)
    assert (order.order_id, len(order.lines or ())) == ("M", 500)


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


async def test_a_mapping_names_what_no_usual_header_does(house: Any) -> None:
    mapping = json.dumps({"No.": "order_id", "Who": "customer_id", "When": "placed_at"})

    done = await taken(house, "No.,Who,When\nA-1,c-1,2025-01-05\n", mapping=mapping)

    assert done["accepted"] == 1


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


async def _has_rows(house: Any, import_id: str, least: int) -> bool:
    return bool((await told(house, import_id))["rows"] >= least)


async def _is_empty(house: Any) -> bool:
    tables = ("import_run", "import_piece", "import_reject")
    found = [await house.rows(f"select 1 from ingest.{one}") for one in tables]  # noqa: S608 - ours
    return not any(found)


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    raw = BytesIO()
    book.save(raw)
    return raw.getvalue()


def packed(**parts: bytes) -> bytes:
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(f"xl/{name}.xml", content)
    return raw.getvalue()


async def test_a_workbooks_cells_are_what_they_show(house: Any) -> None:
    placed = datetime(2025, 1, 5, 18, 0)  # noqa: DTZ001 - a spreadsheet knows no zones
    done = await taken(
        house,
        workbook(
            ("订单号", "买家", "下单时间", "实付金额", "数量", "商品编码", "单价"),
            (20250105001, "c-1", placed, 0.1 + 0.2, 2, "S-1", 9.9),
            (None, None, None),
            (1.2345678901234567e17, "c-1", placed, 1),
            ("A-3", "c-1", placed.date(), True),
        ),
    )

    assert (done["form"], done["accepted"], done["rejected"]) == ("xlsx", 1, 2)
    [order] = await orders(house)
    assert (order.order_id, order.total_minor) == ("20250105001", 30)
    assert order.placed_at == datetime(2025, 1, 5, 10, 0, tzinfo=UTC)
    assert [(one.quantity, one.price_minor) for one in order.lines or ()] == [(2, 990)]
    assert [row[:2] for row in (await rejects(house, done["import_id"]))[1:]] == [
        ["4", "订单号: a number that has lost its last digits: make the column text"],
        ["5", "实付金额: not an amount"],
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (packed(sharedStrings=bytes(200_000_000)), "unpacks to too much"),
        (packed(workbook=b"<x/>"), "it is no workbook that can be read"),
        (b"PK\x03\x04" + b"x" * 100, "it is no workbook that can be read"),
        (workbook(("买家",)), "no column for order_id (订单号)"),
    ],
    ids=["a bomb", "not a workbook", "broken", "without a column"],
)
async def test_a_workbook_that_cannot_be_taken_fails_and_says_why(
    house: Any, content: bytes, why: str
) -> None:
    done = await taken(house, content)

    assert done["state"] == "failed"
    assert why in done["error"]


async def test_a_file_that_breaks_says_at_which_line(house: Any) -> None:
    done = await taken(house, f'{HEADER}\n{lines(2)}"A-3{"x" * 200_000}')

    assert (done["state"], done["accepted"]) == ("failed", 0)
    assert done["error"].startswith("line 4: field larger than field limit")


async def test_a_file_that_was_sealed_with_a_lost_key_fails_and_stops_nobody(house: Any) -> None:
    import_id = (await send(house, f"{HEADER}\n{lines(1)}")).json()["import_id"]
    await house.run("update ingest.import_piece set sealed = 'x'")

    async with at_work(importer(house)):
        done = await ended(house, import_id)

    assert (done["state"], done["error"]) == (
        "failed",
        "its file cannot be opened: send it again",
    )


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
