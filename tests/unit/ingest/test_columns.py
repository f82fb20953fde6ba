"""Which column holds what, told by its header or by the shop's staff."""

from typing import Any

import pytest

from ingest.domain.columns import BadColumns, recognise


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("订单号", "order_id"),
        (" 订单编号 ", "order_id"),
        ("Order_ID", "order_id"),
        ("Order Number", "order_id"),
        ("实付金额（元）", "total"),
        ("实付金额(元)", "total"),
        ("手机号", "phone"),
        ("下单时间", "placed_at"),
        ("付款时间", "paid_at"),
    ],
)
def test_usual_headers_are_known_in_both_languages(header: str, field: str) -> None:
    others = ["买家"] if field == "order_id" else ["order id", "买家"]
    columns = recognise([*others, header], "orders", {})

    assert columns.told()[header.strip()] == field
    assert columns.title(field) == header.strip()


def test_what_is_not_known_is_left_out_and_a_short_row_has_empty_cells() -> None:
    columns = recognise(["订单号", "备注", "买家", ""], "orders", None)

    assert columns.told() == {"订单号": "order_id", "买家": "customer_id"}
    assert columns.cell([" A-1 "], "order_id") == "A-1"
    assert columns.cell(["A-1"], "customer_id") == ""
    assert columns.cell(["A-1"], "total") == ""
    assert columns.title("total") == "total"


def test_a_mapping_goes_before_the_usual_names() -> None:
    header = ["no", "who", "实付金额", "net", "phone"]
    said = {"no": "order_id", "who": "customer_id", "net": "total", "phone": ""}

    assert recognise(header, "orders", said).told() == {
        "no": "order_id",
        "who": "customer_id",
        "net": "total",
    }


@pytest.mark.parametrize(
    ("header", "said", "text"),
    [
        (["买家"], {}, "no column for order_id (订单号); the file's columns are 买家"),
        ([], {}, "no column for order_id (订单号), customer_id (买家)"),
        (["订单号", "order id", "买家"], {}, "two columns are order_id: 订单号 and order id"),
        (["订单号", "买家"], {"x": "total"}, "columns that the file has not: x"),
        (["订单号", "买家"], {"买家": "buyer"}, "fields that there are not: buyer"),
        ([f"c{n}" for n in range(30)], {}, "c19, ...: rename one"),
    ],
)
def test_what_is_wrong_with_columns_is_told(header: Any, said: Any, text: str) -> None:
    with pytest.raises(BadColumns) as error:
        recognise(header, "orders", said)

    assert text in str(error.value)
