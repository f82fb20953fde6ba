"""Filters in words."""

from typing import Any

import pytest

from contracts.events import AttributeType
from segmenter.domain.audience.parse import parse
from segmenter.domain.audience.words import words


@pytest.mark.parametrize(
    ("given", "en", "zh"),
    [
        (
            {"field": "net_money", "window_days": 90, "gte": 123405, "lt": -5},
            "net money in the last 90 days at least 1234.05 and less than -0.05",
            "净消费最近90天不少于1234.05，且小于-0.05",
        ),
        (
            {"field": "orders", "from_day": "2026-01-01", "eq": 2},
            "orders from 2026-01-01 to … is 2",
            "订单数2026-01-01至…是2",
        ),
        ({"field": "cell", "in": ["lost", "new_low"]}, "cell is one of lost, new_low", None),
        ({"field": "has_mobile", "eq": True}, "has a mobile phone (yes)", "有手机号（是）"),
        ({"field": "age", "is_missing": True}, "age is unknown", "年龄未知"),
        (
            {"field": "birthday", "between": ["12-20", "01-05"]},
            "solar birthday from 12-20 to 01-05",
            "公历生日从12-20到01-05",
        ),
        (
            {"field": "last_payment", "lt": "2026-01-01"},
            "last payment before 2026-01-01",
            "最近付款早于2026-01-01",
        ),
        (
            {"field": "last_payment", "min_days_ago": 7},
            "last payment 7 days ago or earlier",
            None,
        ),
        ({"field": "sample", "percent": 0.5}, "sample by hash 0.5 %", "抽样0.5%"),
        (
            {"field": "items", "sku": ["a", "b"], "gte": 1},
            "items bought a, b at least 1",
            "购买件数a、b不少于1",
        ),
        ({"field": "attribute", "name": "size", "eq": "L"}, "size is L", "size是L"),
        (
            {
                "and": [
                    {"or": [{"field": "age", "gt": 18}, {"field": "country", "eq": "CN"}]},
                    {"not": {"field": "gender", "eq": "male"}},
                    {"and": [{"field": "age", "lt": 60}]},
                ]
            },
            "(age more than 18 or country is CN) and not (gender is male) and age less than 60",
            "（年龄大于18，或国家是CN），且不满足（性别是male），且年龄小于60",
        ),
    ],
)
def test_a_filter_reads_as_a_sentence(given: dict[str, Any], en: str, zh: str | None) -> None:
    chosen = parse(given, (), {"size": AttributeType.CHOICE}).chosen

    assert words(chosen, "en") == en
    assert zh is None or words(chosen, "zh") == zh
