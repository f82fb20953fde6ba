"""What goes wrong depends on the seed alone, and the ledger keeps what was accepted."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import Ledger, Plan

SHARES = {"refused": 0.05, "error": 0.1, "drip": 0.02}


@given(st.integers(), st.lists(st.text(min_size=1), min_size=1, unique=True), st.randoms())
def test_the_order_of_arrival_changes_nothing(seed: int, ids: list[str], random: object) -> None:
    plan = Plan(seed=seed, shares=SHARES)
    forward = {name: plan.mode("", name, 1) for name in ids}

    assert {name: plan.mode("", name, 1) for name in reversed(ids)} == forward


def test_the_shares_come_out_as_planned() -> None:
    plan = Plan(seed=7, shares=SHARES, failed_share=0.2, silent_share=0.1)
    modes = Counter[str | None](plan.mode("", f"m{n}", 1) for n in range(10_000))
    states = Counter(plan.receipt(f"m{n}") for n in range(10_000))

    def as_shares(counts: Counter[str | None]) -> object:
        planned = {kind: count / 10_000 for kind, count in counts.items()}
        return pytest.approx(planned, abs=0.015)

    assert as_shares(modes) == {**SHARES, "ok": 0.83}
    assert as_shares(states) == {"failed": 0.2, None: 0.1, "delivered": 0.7}


def test_another_try_draws_again_and_another_seed_draws_anew() -> None:
    plan, other = Plan(shares={"error": 0.5}), Plan(seed=1, shares={"error": 0.5})

    assert len({plan.mode("", "m", nth) for nth in range(1, 20)}) == 2
    assert any(plan.mode("", f"m{n}", 1) != other.mode("", f"m{n}", 1) for n in range(20))


def test_a_receiver_may_have_a_fate_of_its_own() -> None:
    plan = Plan(shares={"error": 1.0}, by_receiver={"+8613900000001": "refused"})

    assert plan.mode("+8613900000001", "m", 1) == "refused"
    assert plan.mode("+8613900000002", "m", 1) == "error"


@pytest.mark.parametrize(
    "shares", [{"error": 1.1}, {"error": 0.6, "reset": 0.6}, {"error": -0.1, "reset": 0.5}]
)
def test_shares_that_cannot_be_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        Plan(shares=shares)


def test_a_ledger_on_disk_outlives_its_process_and_forgets_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "ledgers" / "sms.jsonl"
    first = Ledger(path)
    first.append({"id": "a", "accepted": True, "text": "您好"})
    first.append({"id": "b", "accepted": False})
    with path.open("ab") as file:
        file.write(b'{"id": "c", "acc')

    second = Ledger(path)
    second.append({"id": "a", "accepted": True})
    second.close()
    first.close()

    assert [entry["id"] for entry in Ledger(path).requests] == ["a", "b", "a"]
    assert Ledger(path).twice() == {"a": 2}
    assert [entry.get("text") for entry in Ledger(path).of("a")] == ["您好", None]
