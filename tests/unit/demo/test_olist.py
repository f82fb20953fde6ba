"""A folder in the Olist layout: what is read, what is told, and what is said of a wrong one."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from demo.olist import COLUMNS, CUSTOMERS, ORDERS, PAYMENTS, REVIEWS, BadFolder, Paid, facts, read
from support.olist_folder import write_folder

ORDER = {
    "order_id": "o1",
    "customer_id": "k1",
    "order_status": "delivered",
    "order_purchase_timestamp": "2018-02-17 23:30:00",
    "order_approved_at": "2018-02-19 10:00:00",
    "order_delivered_carrier_date": "2018-02-18 09:00:00",
    "order_delivered_customer_date": "2018-02-25 12:00:00",
    "order_estimated_delivery_date": "2018-02-24 00:00:00",
}
ROWS: dict[str, list[dict[str, Any]]] = {
    ORDERS: [ORDER],
    "olist_order_items_dataset.csv": [
        {"order_id": "o1", "product_id": "p", "price": "10.00", "freight_value": "1.50"},
        {"order_id": "o1", "product_id": "p", "price": "10.00", "freight_value": "1.50"},
    ],
    PAYMENTS: [
        {"order_id": "o1", "payment_value": "20.01"},
        {"order_id": "o1", "payment_value": "2.99"},
    ],
    REVIEWS: [
        {
            "review_id": "r1",
            "order_id": "o1",
            "review_score": "2",
            "review_comment_message": "  tarde,\ndemais ",
            "review_creation_date": "2018-02-26 00:00:00",
            "review_answer_timestamp": "2018-02-27 08:00:00",
        }
    ],
    CUSTOMERS: [
        {
            "customer_id": "k1",
            "customer_unique_id": "ana",
            "customer_city": "manaus",
            "customer_state": "AM",
        }
    ],
}


def write(folder: Path, **changed: Any) -> Path:
    """Write the folder; *changed* are columns of its one order."""
    rows = {**ROWS, ORDERS: [{**ORDER, **changed}]}
    for name, columns in COLUMNS.items():
        lines = [",".join(f'"{row[column]}"' for column in columns) for row in rows[name]]
        (folder / name).write_text("\n".join([",".join(columns), *lines]), "utf-8")
    return folder


def told(folder: Path, paid: Paid = Paid.WHEN_APPROVED) -> list[dict[str, Any]]:
    found = [one.fact for one in facts(read(folder), paid)]
    return [{k: v for k, v in fact.items() if k != "customer_id"} for fact in found]


def test_each_instant_becomes_a_fact_in_the_order_in_which_it_happened(tmp_path: Path) -> None:
    parcel = {
        "kind": "shipment",
        "order_id": "o1",
        "number": "o1",
        "estimated_day": "2018-02-24",
    }
    # That night clocks in Sao Paulo went back: 23:30 came twice, first in summer time.
    placed = "2018-02-17T23:30:00-02:00"

    assert told(write(tmp_path)) == [
        {
            "kind": "order",
            "order_id": "o1",
            "version": placed,
            "placed_at": placed,
            "currency": "BRL",
            "total": 2300,
            "items": [{"sku": "p", "quantity": 2, "price": 1000}],
            "region": {"country": "BR", "province": "AM", "city": "manaus"},
        },
        {**parcel, "state": "picked_up", "at": "2018-02-18T09:00:00-03:00"},
        {
            "kind": "order",
            "order_id": "o1",
            "version": "2018-02-19T10:00:00-03:00",
            "paid_at": "2018-02-19T10:00:00-03:00",
        },
        {**parcel, "state": "delivered", "at": "2018-02-25T12:00:00-03:00"},
        {
            "kind": "review",
            "review_id": "r1-o1",
            "order_id": "o1",
            "rating": 2,
            "text": "tarde,\ndemais",
            "at": "2018-02-27T08:00:00-03:00",
        },
    ]


def test_everybody_is_called_by_the_id_that_stays_the_same_from_order_to_order(
    tmp_path: Path,
) -> None:
    assert {one.fact["customer_id"] for one in facts(read(write(tmp_path)))} == {"ana"}


@pytest.mark.parametrize(
    ("changed", "paid", "at"),
    [
        ({}, Paid.WHEN_APPROVED, ["2018-02-19T10:00:00-03:00"]),
        ({"order_approved_at": ""}, Paid.WHEN_APPROVED, []),
        ({"order_approved_at": ""}, Paid.AT_PURCHASE, ["2018-02-17T23:30:00-02:00"]),
        ({"order_id": "without-payment"}, Paid.AT_PURCHASE, []),
    ],
)
def test_an_order_is_paid_when_it_was_approved_or_for_comparing_at_its_purchase(
    tmp_path: Path, changed: dict[str, str], paid: Paid, at: list[str]
) -> None:
    folder = write(tmp_path, **changed)
    (folder / REVIEWS).write_text(",".join(COLUMNS[REVIEWS]), "utf-8")

    assert [one["paid_at"] for one in told(folder, paid) if "paid_at" in one] == at


@pytest.mark.parametrize("status", ["canceled", "unavailable"])
def test_who_was_cancelled_was_so_at_the_last_instant_that_is_known(
    tmp_path: Path, status: str
) -> None:
    folder = write(tmp_path, order_status=status, order_delivered_customer_date="")

    [one] = [one for one in told(folder) if "cancelled_at" in one]
    assert one["cancelled_at"] == one["version"] == "2018-02-19T10:00:00-03:00"


def test_a_made_up_folder_is_the_same_for_the_same_seed_and_tells_no_fact_twice(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        write_folder(folder, seed=1)

    found = told(one)

    assert found == told(other)
    assert max(Counter(map(repr, found)).values()) == 1


def test_a_folder_that_is_missing_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(BadFolder, match=r"is no folder\. Expected .*olist_orders_dataset\.csv"):
        read(tmp_path / "nowhere")


def test_all_files_that_are_missing_are_named(tmp_path: Path) -> None:
    write(tmp_path)
    for name in (PAYMENTS, REVIEWS):
        (tmp_path / name).unlink()

    with pytest.raises(BadFolder, match=f"lacks {PAYMENTS}, {REVIEWS}"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (ORDERS, "order_id,customer_id", "lacks the columns order_status, order_purchase"),
        (ORDERS, ",".join(COLUMNS[ORDERS]), "holds no order"),
        (ORDERS, "", "lacks the columns order_id"),
        (PAYMENTS, "order_id,payment_value\no1,1e3x", "line 2: payment_value is '1e3x'; expected"),
        (PAYMENTS, "order_id,payment_value\no1,0.001", "expected an amount like 99.90"),
        (PAYMENTS, "order_id,payment_value\no1", "payment_value is ''"),
        (CUSTOMERS, ",".join(COLUMNS[CUSTOMERS]), "customer_id is 'k1'; expected an id that"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_what_is_expected(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    write(tmp_path)
    (tmp_path / name).write_text(text, "utf-8")

    with pytest.raises(BadFolder) as raised:
        read(tmp_path)

    assert name in str(raised.value)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("order_purchase_timestamp", "", "expected a local time"),
        ("order_purchase_timestamp", "2018-13-01", "expected a local time"),
        ("order_approved_at", "2018-02-17T23:30:00Z", "expected a local time"),
    ],
)
def test_an_instant_that_is_none_is_shown_with_its_line(
    tmp_path: Path, column: str, value: str, said: str
) -> None:
    with pytest.raises(BadFolder, match=f"line 2: {column} is '{value}'; {said}"):
        read(write(tmp_path, **{column: value}))
