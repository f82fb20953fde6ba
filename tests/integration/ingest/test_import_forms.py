"""What a file may be, what it may not be, and what is said of it."""

import json
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from openpyxl import Workbook

from integration.ingest.conftest import bearer
from integration.ingest.importing import (
    HEADER,
    PATH,
    at_work,
    ended,
    facts,
    importer,
    lines,
    orders,
    rejects,
    send,
    taken,
)


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


async def test_an_order_of_too_many_lines_is_refused_whole(house: Any) -> None:
    row = "L,c,2025-01-05,S,1,1\n"
    content = f"order id,buyer,date,sku,qty,price\n{row * 501}{row.replace('L', 'M') * 500}"

    done = await taken(house, content)

    assert (done["accepted"], done["rejected"]) == (500, 501)
    [order] = await orders(house)
    assert (order.order_id, len(order.lines or ())) == ("M", 500)


async def test_a_mapping_names_what_no_usual_header_does(house: Any) -> None:
    mapping = json.dumps({"No.": "order_id", "Who": "customer_id", "When": "placed_at"})

    done = await taken(house, "No.,Who,When\nA-1,c-1,2025-01-05\n", mapping=mapping)

    assert done["accepted"] == 1


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
        (b"PAR1" + b"x" * 100 + b"PAR1", "it is no Parquet file that can be read"),
    ],
    ids=["a bomb", "not a workbook", "broken", "without a column", "broken Parquet"],
)
async def test_a_binary_file_that_cannot_be_taken_fails_and_says_why(
    house: Any, content: bytes, why: str
) -> None:
    done = await taken(house, content)

    assert done["state"] == "failed"
    assert why in done["error"]


async def test_parquet_has_exact_amounts_and_instants(house: Any, tmp_path: Path) -> None:
    file = tmp_path / "orders.parquet"
    with duckdb.connect() as database:
        database.from_query(
            "select 20250105000000001 + i as order_id, 'c-1' as customer_id,"
            " timestamp '2025-01-05 18:00:00' as placed_at,"
            " timestamptz '2025-01-05 11:00:00+01:00' as paid_at,"
            " (12.50 + i)::decimal(12, 2) as total from range(1200) t(i)"
        ).write_parquet(str(file))

    done = await taken(house, file.read_bytes())

    assert (done["form"], done["accepted"]) == ("parquet", 1_200)
    found = await orders(house)
    assert (found[0].order_id, found[-1].total_minor) == ("20250105000000001", 121_150)
    assert found[0].placed_at == found[0].paid_at == datetime(2025, 1, 5, 10, 0, tzinfo=UTC)


async def test_an_installation_that_reads_no_parquet_says_so_at_once(
    house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.edges.imports.api.find_spec", lambda _: None)

    refused = await send(house, b"PAR1")

    assert refused.status_code == 422
    assert refused.json()["detail"] == "Parquet is not read here: send it as CSV or XLSX"


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
