"""A trial that broke nothing proves nothing, and says so."""

import pytest

from support.trial import Trial


@pytest.fixture
def one() -> Trial:
    return Trial(3, "test_it", "short", 3)


def test_a_trial_holds_once_a_fault_fired_and_a_check_found_nothing(one: Trial) -> None:
    one.fired("sigkills", 45, at_least=45)
    one.none("lost", [])

    assert one.verdict == "held"
    assert one.report()["faults"] == {"sigkills": {"seen": 45, "needed": 45}}


def test_without_a_fault_it_does_not_hold(one: Trial) -> None:
    one.none("lost", [])

    assert one.verdict == "no fault fired"


def test_without_a_check_it_does_not_hold(one: Trial) -> None:
    one.fired("sigkills", 45, at_least=45)

    assert one.verdict == "nothing checked"


def test_a_fault_that_fired_too_rarely_ends_it(one: Trial) -> None:
    with pytest.raises(AssertionError, match="44 of 45"):
        one.fired("sigkills", 44, at_least=45)


def test_a_breach_ends_it_and_stays_in_its_report(one: Trial) -> None:
    one.fired("sigkills", 45, at_least=45)

    with pytest.raises(AssertionError, match=r"2 lost: 'a', 'b'"):
        one.none("lost", ["a", "b"])
    assert one.verdict == "broken"
    assert one.report()["breaches"] == {"lost": 2}
