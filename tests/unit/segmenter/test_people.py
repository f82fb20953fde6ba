"""Who is one person with whom, whatever the order in which it is said."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events import CustomersMerged, CustomersUnmerged
from segmenter.domain.fitness import unfit_pair
from segmenter.domain.people import Pair, Tie, Word, regroup

AT = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = "abcdef"


def merged(alias_id: str, survivor_id: str, hours: int = 0) -> CustomersMerged:
    return CustomersMerged("tea", alias_id, survivor_id, alias_id, AT + timedelta(hours=hours))


def parted(alias_id: str, survivor_id: str, hours: int = 0) -> CustomersUnmerged:
    return CustomersUnmerged("tea", alias_id, survivor_id, alias_id, AT + timedelta(hours=hours))


def words() -> st.SearchStrategy[list[Word]]:
    pairs = st.lists(st.sampled_from(PEOPLE), min_size=2, max_size=2, unique=True).map(sorted)
    kinds = st.sampled_from([merged, parted])
    word = st.builds(
        lambda kind, pair, at: kind(pair[1], pair[0], at), kinds, pairs, st.integers(0, 5)
    )
    return st.lists(word, max_size=10)


def test_the_smallest_id_survives_and_all_count_under_it() -> None:
    found = regroup({}, [merged("c", "b"), merged("b", "a", 1)])

    assert found.survivors == {"a": "a", "b": "a", "c": "a"}
    assert found.moved == {"b": ("b", "a"), "c": ("c", "a")}


def test_an_undo_restores_both_and_everybody_behind_the_tie_that_is_cut() -> None:
    known = regroup({}, [merged("c", "b"), merged("b", "a", 1)]).ties

    found = regroup(known, [parted("b", "a", 2)])

    assert found.survivors == {"a": None, "b": "b", "c": "b"}
    assert found.moved == {"b": ("a", "b"), "c": ("a", "b")}


def test_the_same_word_again_changes_nothing() -> None:
    known = regroup({}, [merged("b", "a")]).ties

    found = regroup(known, [merged("b", "a")])

    assert (found.ties, found.moved) == ({}, {})


def test_of_two_words_the_later_holds_and_of_one_instant_the_merge() -> None:
    assert not Tie().holds
    assert not Tie(None, AT).holds
    assert Tie(AT, AT).holds
    assert not Tie(AT, AT + timedelta(seconds=1)).holds


@given(words(), st.randoms(use_true_random=False))
def test_words_shuffled_repeated_and_split_make_the_same_persons(
    said: list[Word], random: Random
) -> None:
    whole = regroup({}, said)

    shuffled = said + said[::2]
    random.shuffle(shuffled)
    ties: dict[Pair, Tie] = {}
    for word in shuffled:
        ties |= regroup(ties, [word]).ties

    assert ties == dict(whole.ties)
    assert regroup(ties, []).survivors == whole.survivors


@pytest.mark.parametrize("word", [merged("a", "a"), parted("a\x00", "b")])
def test_a_word_that_can_be_said_of_no_two_customers_is_refused(word: Word) -> None:
    assert unfit_pair(word) is not None


def test_a_word_of_two_customers_is_heeded() -> None:
    assert unfit_pair(merged("b", "a")) is None
