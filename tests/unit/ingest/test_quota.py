"""Quotas: an even inflow, all of a batch or none, and the wait that is really enough."""

import random

import pytest

from ingest.domain.quota import Bucket, ask, quota_of


def test_a_shop_may_post_its_whole_quota_at_once_and_then_as_it_flows_in() -> None:
    first = ask(None, 60, 60, 100.0)
    second = ask(first.bucket, 1, 60, 100.5)
    third = ask(second.bucket, 1, 60, 101.0)

    assert (first.granted, first.left, first.full_s) == (True, 0, 60)
    assert (second.granted, second.wait_s) == (False, 1)
    assert third.granted


def test_what_was_refused_took_nothing() -> None:
    full = ask(None, 50, 60, 0.0)

    refused = ask(full.bucket, 20, 60, 0.0)

    assert (refused.granted, refused.left, refused.wait_s) == (False, 10, 10)
    assert ask(refused.bucket, 10, 60, 0.0).granted


def test_a_batch_above_the_quota_waits_for_all_of_it() -> None:
    grant = ask(None, 500, 60, 0.0)

    assert (grant.granted, grant.left) == (True, 0)
    assert ask(grant.bucket, 500, 60, 59.0).wait_s == 1


def test_a_lower_quota_counts_at_once() -> None:
    assert ask(Bucket(1000, 0.0), 1, 60, 0.0).left == 59


@pytest.mark.parametrize("seed", range(5))
def test_who_waits_as_long_as_told_gets_in_and_nobody_gets_more_than_the_quota(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's seed
    per_minute, now, bucket, taken = dice.randint(1, 1000), 0.0, None, 0
    for _ in range(200):
        events = dice.randint(1, per_minute)
        grant = ask(bucket, events, per_minute, now)
        if not grant.granted:
            now += grant.wait_s
            grant = ask(grant.bucket, events, per_minute, now)
        assert grant.granted
        bucket, taken = grant.bucket, taken + events
        now += dice.random()
    assert taken <= per_minute * (1 + now / 60) + 1


@pytest.mark.parametrize(
    ("spelled", "quota"), [(None, 7), ("0", 0), ("1", 1), ("1000000000", 1_000_000_000)]
)
def test_a_shop_says_its_quota_or_has_the_default(spelled: str | None, quota: int) -> None:
    assert quota_of(spelled, 7) == quota


@pytest.mark.parametrize("spelled", ["", "-1", "1.5", "１", "many", "1000000001", "9" * 30])
def test_what_is_no_quota_is_refused(spelled: str) -> None:
    with pytest.raises(ValueError, match="events_per_minute"):
        quota_of(spelled, 7)
