"""Rows of files become events of the native API, exactly, or say why not."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ingest.domain.cells import Home
from ingest.domain.columns import Columns, recognise
from ingest.domain.rows import MOST_LINES, Row, Seen, blamed, documents, grouped, note

HOME = Home(ZoneInfo("Asia/Shanghai"), "CNY", "CN", datetime(2026, 1, 5, tzinfo=UTC))
PLACED = "2025-01-05T10:00:00+00:00"


def order(*rows: dict[str, str], home: Home = HOME) -> Any:
    """Return what the rows of order A-1 become; the first one names the columns."""
    header = ["order_id", "customer_id", *rows[0]]
    columns = recognise(header, "orders", {})
    group = [Row(2, ["A-1", "c-1", *row.values()]) for row in rows]
    return documents(group, columns, home, Seen(10))


def customer(**cells: str) -> Any:
    columns = recognise(["customer_id", *cells], "customers", {})
    return documents([Row(2, ["c-1", *cells.values()])], columns, HOME, Seen(10))


def placed(**cells: str) -> Any:
    return order({"placed_at": "2025-01-05 18:00", **cells})


def test_an_order_of_one_row() -> None:
    said = {
        "下单时间": "2025/1/5 18:00",
        "付款时间": "2025-01-05 18:01:02.5",
        "实付金额": "¥1,288.50",
        "优惠": "0",
        "省": "浙江省",
        "城市": "杭州市",
        "收货人": "李",
        "手机号": "138 0013 8000",
    }

    assert order(said) == [
        {
            "kind": "order",
            "order_id": "A-1",
            "customer_id": "c-1",
            "placed_at": PLACED,
            "paid_at": "2025-01-05T10:01:02.500000+00:00",
            "total": 128850,
            "discount": 0,
            "currency": "CNY",
            "region": {"country": "CN", "province": "浙江省", "city": "杭州市"},
            "version": "2025-01-05T10:01:02.500000+00:00",
        },
        {
            "kind": "customer",
            "customer_id": "c-1",
            "version": "2025-01-05T10:01:02.500000+00:00",
            "name": "李",
            "phone": "+8613800138000",
        },
    ]


def test_an_order_with_a_row_for_each_line_and_a_refund() -> None:
    first = {
        "placed_at": "2025-01-05 18:00",
        "sku": "S-1",
        "quantity": "2",
        "price": "9.9",
        "refund_id": "r-1",
        "refund_amount": "5",
        "refunded_at": "2025-01-09",
        "updated_at": "2025-02-01T00:00:00Z",
    }
    second = {**dict.fromkeys(first, ""), "sku": "S-2", "quantity": "1.0", "price": "0.01"}
    third = dict.fromkeys(first, "")

    [made] = order(first, second, third)

    assert made["items"] == [
        {"sku": "S-1", "quantity": 2, "price": 990},
        {"sku": "S-2", "quantity": 1, "price": 1},
    ]
    assert made["refunds"] == [
        {"refund_id": "r-1", "amount": 500, "at": "2025-01-08T16:00:00+00:00"}
    ]
    assert (made["version"], made["currency"]) == ("2025-02-01T00:00:00+00:00", "CNY")


def test_rows_of_one_order_that_differ_are_refused() -> None:
    first = {"placed_at": "2025-01-05", "total": "1"}

    assert order(first, {**first, "total": "2"}) == "total: the rows of one order differ"


@pytest.mark.parametrize(
    ("printed", "at"),
    [
        ("2025-01-05 18:00:00", PLACED),
        ("2025-01-05T18:00", PLACED),
        ("2025/1/5 18:00", PLACED),
        ("2025.1.5 18:00", PLACED),
        ("2025年1月5日 18:00", PLACED),
        ("2025-01-05T10:00:00Z", PLACED),
        ("2025-01-05 11:30:00+01:30", PLACED),
        ("2025-01-05 08:00:00-0200", PLACED),
        ("2025-01-06", "2025-01-05T16:00:00+00:00"),
    ],
)
def test_times_are_the_shops_unless_they_say_otherwise(printed: str, at: str) -> None:
    assert order({"placed_at": printed})[0]["placed_at"] == at


@pytest.mark.parametrize(
    ("field", "cell", "why"),
    [
        ("placed_at", "yesterday", "no time: 2024-01-05 13:00:00 is one"),
        ("placed_at", "2025-02-30", "there is no such time"),
        ("placed_at", "1970-01-01", "a time from 1990 on is expected"),
        ("total", "12.345", "more digits than CNY has"),
        ("total", "1,2", "not an amount"),
        ("total", "1e3", "not an amount"),
        ("quantity", "1.5", "a whole number is expected"),
        ("phone", "12", "no phone number"),
        ("sku", "1.23457E+17", "a number that has lost its last digits: make the column text"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named(field: str, cell: str, why: str) -> None:
    assert order({field: cell}) == f"{field}: {why}"


def test_a_currency_decides_what_an_amount_is() -> None:
    assert placed(total="1200", currency="jpy")[0]["total"] == 1200
    assert placed(total="1", currency="XXX") == "total: unknown currency"


def test_what_a_platform_has_masked_says_nothing() -> None:
    assert len(placed(phone="138****8000", name="李*", address="杭州市***")) == 1


def test_an_order_without_any_time_is_none() -> None:
    assert order({"total": "1"}) == "no time: one is needed, such as placed_at"


def test_reasons_are_told_up_to_a_bound() -> None:
    bad = dict.fromkeys(("placed_at", "paid_at", "signed_at", "total", "freight", "price"), "x")

    assert order(bad).count(";") == 4


def test_a_customer() -> None:
    said = customer(
        姓名="李",
        手机="0086 13800138000",
        邮箱="li@example.com",
        省="浙江省",
        生日="1990-05-31",
        性别="女",
        客户类型="批发",
        注册时间="2024-01-05",
        短信授权="否",
    )

    assert said == [
        {
            "kind": "customer",
            "customer_id": "c-1",
            "name": "李",
            "phone": "+8613800138000",
            "email": "li@example.com",
            "region": {"province": "浙江省", "country": "CN"},
            "birthday": {"month": 5, "day": 31, "year": 1990},
            "gender": "female",
            "customer_class": "wholesale",
            "joined_at": "2024-01-04T16:00:00+00:00",
            "consent": {"sms": False},
            "version": "2026-01-05T00:00:00+00:00",
        }
    ]
    assert customer(birthday="05-31")[0]["birthday"] == {"month": 5, "day": 31}


def test_a_consent_that_is_given_needs_its_time_for_a_later_refusal_must_win() -> None:
    assert customer(sms_consent="yes") == (
        "a consent needs updated_at: the time since which it is given"
    )
    [said] = customer(sms_consent="yes", updated_at="2025-01-05T10:00:00Z")
    assert (said["consent"], said["version"]) == ({"sms": True}, PLACED)


@pytest.mark.parametrize(
    ("field", "cell", "why"),
    [
        ("birthday", "soon", "no day: 1990-05-31 or 05-31 is one"),
        (
            "email_consent",
            "maybe",
            "one of 是, yes, y, true, 1, 同意, 否, no, n,",
        ),
    ],
)
def test_a_cell_of_a_customer_that_cannot_be_read_is_named(field: str, cell: str, why: str) -> None:
    assert customer(**{field: cell}).startswith(f"{field}: {why}")


def columns_of(kind: Any) -> Columns:
    return recognise(["order_id", "customer_id"][kind == "customers" :], kind, {})


def rows(*ids: str) -> list[Row]:
    return [Row(number, [one, "c-1"]) for number, one in enumerate(ids, 2)]


def numbers(ids: list[str], kind: str = "orders") -> list[list[int]]:
    columns = columns_of(kind)
    return [[row.number for row in group] for group in grouped(rows(*ids), columns)]


def test_rows_of_one_order_that_stand_together_are_one() -> None:
    assert numbers(["a", "a", "b", "a", "", ""]) == [[2, 3], [4], [5], [6], [7]]
    assert numbers([]) == []
    assert numbers(["a", "a"], "customers") == [[2], [3]]


def test_an_order_of_too_many_rows_is_refused_whole_wherever_it_is_cut() -> None:
    columns, seen = columns_of("orders"), Seen(10)
    groups = list(grouped(rows(*["a"] * (2 * MOST_LINES)), columns))

    made = [documents(group, columns, HOME, seen) for group in groups]

    assert [len(group) for group in groups] == [MOST_LINES + 1, MOST_LINES - 1]
    assert made == [
        f"an order has at most {MOST_LINES} rows",
        f"the order came before: its rows must stand together, and be at most {MOST_LINES}",
    ]


def test_what_came_before_and_what_has_no_id_is_refused() -> None:
    columns, seen = columns_of("customers"), Seen(10)

    made = [documents([row], columns, HOME, seen) for row in rows("c", "c", "")]

    assert made[1:] == ["the customer came before", "customer_id: it is missing"]
    assert isinstance(made[0], list)


def test_what_was_done_before_a_death_is_remembered_without_being_read() -> None:
    columns, seen = columns_of("orders"), Seen(10)

    note(rows("a"), columns, seen)

    assert isinstance(documents(rows("a"), columns, HOME, seen), str)


def test_of_many_ids_each_is_seen_once_though_places_collide() -> None:
    seen = Seen(1_000)

    assert all(seen.add(f"a-{number}") for number in range(1_000))
    assert not any(seen.add(f"a-{number}") for number in range(1_000))


@pytest.mark.parametrize(
    ("pointer", "title"),
    [("/customer_id", "买家"), ("/items/3/price", "单价"), ("/odd", "odd"), ("", "the row")],
)
def test_the_file_is_blamed_by_its_own_words(pointer: str, title: str) -> None:
    assert blamed(pointer, recognise(["订单号", "买家", "单价"], "orders", {})) == title
