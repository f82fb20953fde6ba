"""Member levels as pure decisions."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from segmenter.domain.levels import (
    DEFAULT,
    Manual,
    Member,
    Merit,
    Notice,
    climb,
    earned,
    join,
    rank,
    review,
    set_manual,
    warn,
)

TODAY = date(2026, 3, 10)
REVIEW = date(2026, 4, 1)
SILVER = Member("silver", date(2026, 1, 5), date(2025, 1, 1), revision=3)
GOLD = replace(SILVER, level_id="gold")
BY_HAND = Manual("gold", date(2026, 6, 1), "contest", datetime(2026, 6, 1, 16, tzinfo=UTC))


@pytest.mark.parametrize(
    ("merit", "place"),
    [
        pytest.param(Merit(), 0, id="nothing"),
        pytest.param(Merit(spend_minor=-5), 0, id="less than nothing"),
        pytest.param(Merit(500_00, orders=1), 1, id="both thresholds, just"),
        pytest.param(Merit(499_99, orders=9), 0, id="a cent too little"),
        pytest.param(Merit(5_000_00, reviews=3), 0, id="9 of 10 of activity"),
        pytest.param(Merit(5_000_00, orders=2, reviews=3, login_days=1), 2, id="activity of gold"),
        pytest.param(Merit(5_000_00, login_days=300), 2, id="logins count 30 at most"),
        pytest.param(Merit(5_000_00, orders=6), 3, id="the highest"),
    ],
)
def test_the_level_is_the_highest_of_which_both_thresholds_hold(merit: Merit, place: int) -> None:
    assert earned(DEFAULT, merit, 100) == place


def test_a_level_that_the_shop_no_longer_has_is_the_lowest() -> None:
    assert [rank(DEFAULT, one) for one in ("basic", "gold", "platinum")] == [0, 2, 0]


def test_who_joins_has_at_once_what_was_earned() -> None:
    assert join(DEFAULT, 1, TODAY) == (
        Member("silver", TODAY, TODAY, revision=1),
        Notice("joined", "", "silver", 1, TODAY),
    )


def test_up_at_once_and_never_down_by_what_somebody_does() -> None:
    assert climb(DEFAULT, SILVER, 3, TODAY) == (
        replace(SILVER, level_id="diamond", since=TODAY, revision=4),
        Notice("level_up", "silver", "diamond", 4, TODAY),
    )
    assert climb(DEFAULT, SILVER, 1, TODAY) == (SILVER, None)
    assert climb(DEFAULT, SILVER, 0, TODAY) == (SILVER, None)


def test_a_review_lowers_by_one_step_whoever_was_told() -> None:
    told = replace(GOLD, warned_for=REVIEW)

    assert review(DEFAULT, told, 0, REVIEW) == (
        replace(GOLD, level_id="silver", since=REVIEW, revision=4),
        Notice("level_down", "gold", "silver", 4, REVIEW),
    )
    assert review(DEFAULT, GOLD, 0, REVIEW) == (GOLD, None)
    assert review(DEFAULT, told, 2, REVIEW) == (GOLD, None)
    assert review(DEFAULT, replace(GOLD, warned_for=TODAY), 0, REVIEW)[1] is None


def test_a_review_lifts_too() -> None:
    member, notice = review(DEFAULT, SILVER, 2, REVIEW)

    assert (member.level_id, notice and notice.kind) == ("gold", "level_up")


def test_a_warning_tells_the_day_and_the_money_that_is_missing() -> None:
    merit = Merit(1_400_00, orders=9)

    member, notice = warn(DEFAULT, GOLD, merit, 100, review_day=REVIEW, today=TODAY)

    assert member == replace(GOLD, revision=4, warned_for=REVIEW)
    assert notice == Notice(
        "level_down_soon", "gold", "gold", 4, TODAY, review_day=REVIEW, missing_minor=600_00
    )
    assert warn(DEFAULT, member, merit, 100, review_day=REVIEW, today=TODAY) == (member, None)


@pytest.mark.parametrize(
    ("member", "merit"),
    [
        pytest.param(GOLD, Merit(2_000_00, orders=3), id="it is still earned"),
        pytest.param(replace(GOLD, manual=BY_HAND), Merit(), id="another level shows that day"),
    ],
)
def test_nobody_is_warned_of_nothing(member: Member, merit: Merit) -> None:
    assert warn(DEFAULT, member, merit, 100, review_day=REVIEW, today=TODAY) == (member, None)


def test_missing_activity_alone_lacks_no_money() -> None:
    _, notice = warn(DEFAULT, GOLD, Merit(9_000_00), 100, review_day=REVIEW, today=TODAY)

    assert notice is not None
    assert notice.missing_minor == 0


def test_a_level_by_hand_is_what_shows_and_what_is_told() -> None:
    shown, up = set_manual(DEFAULT, SILVER, BY_HAND, TODAY)
    assert (shown.shown, shown.level_id) == ("gold", "silver")
    assert up == Notice("level_up", "silver", "gold", 4, TODAY)
    assert set_manual(DEFAULT, shown, BY_HAND, TODAY) == (shown, None)

    climbed, nothing = climb(DEFAULT, shown, 3, TODAY)
    assert (climbed.level_id, climbed.shown, nothing) == ("diamond", "gold", None)

    freed, up = set_manual(DEFAULT, climbed, None, REVIEW)
    assert (freed.shown, up) == ("diamond", Notice("level_up", "gold", "diamond", 5, REVIEW))
    assert set_manual(DEFAULT, shown, None, REVIEW)[1] == Notice(
        "level_down", "gold", "silver", 5, REVIEW
    )
