from plumbing.absence import Absence


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_what_was_missed_a_moment_ago_may_still_come() -> None:
    assert not Absence(patience_s=30).gives_up(["north"])


def test_patience_ends_only_when_all_have_been_missed_for_long_enough() -> None:
    clock = Clock()
    absence = Absence(30, clock)
    for clock.now_s in range(30):
        assert not absence.gives_up(["north"])

    clock.now_s = 30
    assert not absence.gives_up(["north", "south"])
    assert absence.gives_up(["north"])
    for clock.now_s in range(31, 61):
        absence.gives_up(["south"])
    assert absence.gives_up(["north", "south"])


def test_time_in_which_nobody_looked_is_no_patience() -> None:
    clock = Clock()
    absence = Absence(30, clock)
    absence.gives_up(["north"])

    clock.now_s = 3600

    assert not absence.gives_up(["north"])


def test_without_patience_it_gives_up_at_once_but_only_on_what_is_missing() -> None:
    absence = Absence(patience_s=0)

    assert absence.gives_up(["north"])
    assert not absence.gives_up([])
