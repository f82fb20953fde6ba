"""What the simulators are told on their command line."""

from pathlib import Path

import pytest

from simulators import Plan
from simulators.__main__ import arguments, build

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"


def test_the_command_line_makes_the_same_servers(tmp_path: Path) -> None:
    common = ["--share", "error=0.25", "--seed", "3", "--ledger", str(tmp_path / "ledger")]
    sms = build(arguments().parse_args(["sms", "--secret", SECRET, *common]))
    mail = build(arguments().parse_args(["smtp", "--share", "refuse-data=1"]))

    assert sms.plan == Plan(seed=3, shares={"error": 0.25})
    assert mail.plan.mode("a@b.example", "a@b.example", 1) == "refuse-data"
    sms.ledger.close()


@pytest.mark.parametrize("share", ["teapot=0.1", "error", "error=much", "error=2"])
def test_a_share_that_makes_no_sense_is_refused(share: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build(arguments().parse_args(["sms", "--secret", SECRET, "--share", share]))
