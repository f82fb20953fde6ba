"""What came last is known, what came long ago is not."""

from ingest.edges.lately import Lately


def test_the_last_names_are_known_and_memory_is_bounded() -> None:
    lately = Lately(10)
    for number in range(100):
        lately.add(f"n-{number}")
        known = [n for n in range(100) if f"n-{n}" in lately]
        assert known[-1] == number
        assert known == list(range(known[0], number + 1))  # no gap
        assert min(10, number + 1) <= len(known) < 20


def test_a_name_that_comes_again_stays_known_as_if_new() -> None:
    lately = Lately(3)
    for name in ("a", "b", "c", "a", "d", "e"):
        lately.add(name)
    assert "a" in lately
    assert "b" not in lately
