"""The tables of SMS arithmetic: what a text costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smsutil import split  # type: ignore[import-untyped]  # an oracle without types

from care.sms import EmptyText, TextTooLong, is_gsm7, pieces, price_micros, units


@pytest.mark.parametrize(
    ("length", "expected"),
    [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (160, 3), (201, 3), (202, 4), (500, 8)],
)
def test_mainland_counts_every_character_latin_ones_too(length: int, expected: int) -> None:
    assert pieces("好" * length, "CN") == expected
    assert pieces("a" * length, "cn") == expected


def test_a_hint_to_opt_out_may_cost_a_second_piece() -> None:
    body = "【店铺】" + "好" * 66

    assert pieces(body, "CN") == 1
    assert pieces(body + "退订回T", "CN") == 2


def test_an_emoji_is_two_units() -> None:
    assert units("a😀好") == 4
    assert pieces("😀" * 35, "CN") == 1
    assert pieces("😀" * 35 + "a", "CN") == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a" * 160, 1, id="160 septets"),
        pytest.param("a" * 161, 2, id="161 septets"),
        pytest.param("a" * 306, 2, id="two full ones"),
        pytest.param("a" * 307, 3, id="one more"),
        pytest.param("€" * 80, 1, id="80 euro signs"),
        pytest.param("€" * 81, 2, id="81 euro signs"),
        pytest.param("€" * 153, 3, id="an escape is not split"),
        pytest.param("好" * 70, 1, id="70 units"),
        pytest.param("好" * 71, 2, id="71 units"),
        pytest.param("好" * 135, 3, id="135 units"),
        pytest.param("😀" * 35, 1, id="35 emoji"),
        pytest.param("😀" * 67, 3, id="a pair is not split"),
    ],
)
def test_elsewhere_a_piece_holds_septets_or_units(text: str, expected: int) -> None:
    assert pieces(text, "US") == expected


def test_what_says_nothing_or_too_much_is_refused() -> None:
    with pytest.raises(EmptyText):
        pieces(" \n", "CN")
    with pytest.raises(TextTooLong):
        pieces("好" * 501, "CN")


@given(st.text(alphabet="ab€^[]{}~|\\好😀\n@", min_size=1, max_size=400).filter(str.strip))
def test_an_independent_counter_agrees(text: str) -> None:
    assert pieces(text, "US") == len(split(text).parts)


def test_the_alphabet_of_seven_bits_ends_at_chinese() -> None:
    assert is_gsm7("Shop: 10% off, Ω and €")
    assert not is_gsm7("10％")


def test_a_price_is_exact() -> None:
    assert price_micros(2_000, 45_000) == 90_000_000
