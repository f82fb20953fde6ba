import pytest

from plumbing.crashpoint import NAMES, BadCrashPoint, arm_check, parse


def test_a_fuse_burns_at_the_nth_pass_of_its_name_and_once() -> None:
    fuse = parse("after-fence:3")

    assert fuse is not None
    assert not fuse.passes("before-commit")
    assert [fuse.passes("after-fence") for _ in range(5)] == [False, False, True, False, False]


def test_unset_there_is_no_fuse() -> None:
    assert parse("") is None


@pytest.mark.parametrize(
    "setting", ["after-fence", "after-fence:", "after-fence:0", "after-fence:-1", "nowhere:1", ":1"]
)
def test_a_wrong_setting_is_refused_for_it_would_prove_nothing(setting: str) -> None:
    with pytest.raises(BadCrashPoint, match="HUILIU_CRASH"):
        arm_check(setting)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_name_can_be_set(name: str) -> None:
    arm_check(f"{name}:1")
