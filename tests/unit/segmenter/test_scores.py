"""Scores by four figures equal scores by counting who is better."""

from hypothesis import given
from hypothesis import strategies as st

from segmenter.domain.rfm import Rfm
from segmenter.domain.scores import Cuts, Scores, ShopCuts, scores_of

NOBODY = ShopCuts(9, (1, 2, 3, 4), (4, 3, 2, 1), (9, 7, 5, 3))


def counted(figure: int, figures: list[int]) -> int:
    """Compute a score as features.md defines it; larger figures are better."""
    better = sum(one > figure for one in figures)
    return 5 - 5 * better // len(figures)


def cut(figures: list[int]) -> Cuts:
    worst = [
        min(one for one in figures if counted(one, figures) >= score) for score in (5, 4, 3, 2)
    ]
    return (worst[0], worst[1], worst[2], worst[3])


@given(st.lists(st.tuples(st.integers(0, 364), st.integers(1, 9), st.integers(1, 99)), min_size=5))
def test_scores_equal_a_count_of_who_is_better(buyers: list[tuple[int, int, int]]) -> None:
    days, frequencies, money = ([one[n] for one in buyers] for n in range(3))
    ago = [-one for one in days]
    recency = cut(ago)
    cuts = ShopCuts(
        len(buyers),
        (-recency[0], -recency[1], -recency[2], -recency[3]),
        cut(frequencies),
        cut(money),
    )

    for one in buyers:
        assert scores_of(Rfm(*one), cuts) == Scores(
            counted(-one[0], ago), counted(one[1], frequencies), counted(one[2], money)
        )


def test_who_did_not_buy_in_the_span_has_no_scores_and_nobody_has_where_there_are_none() -> None:
    assert scores_of(Rfm(None, 0, 0), NOBODY) is None
    assert scores_of(Rfm(0, 1, 1), None) is None
    assert scores_of(Rfm(9, 0, 0), NOBODY) == Scores(1, 1, 1)
