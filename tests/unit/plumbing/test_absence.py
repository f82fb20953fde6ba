"""What is missing is waited for from when it was first missed."""

from plumbing.absence import Absence


def test_what_was_just_missed_is_waited_for() -> None:
    assert not Absence(patience_s=30).gives_up(["north"])


def test_patience_ends_only_when_all_have_been_missed_for_long_enough() -> None:
    absence = Absence(patience_s=0)

    assert absence.gives_up(["north", "south"])
    assert not Absence(patience_s=0).gives_up([])
