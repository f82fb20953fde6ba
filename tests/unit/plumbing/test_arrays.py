"""Columns as array literals."""

from datetime import date

from plumbing import arrays


def test_texts_are_quoted_and_what_quotes_is_escaped() -> None:
    assert arrays.texts(['a,"b"', "c\\d", "", "NULL"]) == '{"a,\\"b\\"","c\\\\d","","NULL"}'


def test_numbers_and_days_need_no_quotes() -> None:
    assert arrays.plain([1, None, date(2026, 3, 1), True]) == "{1,NULL,2026-03-01,True}"
