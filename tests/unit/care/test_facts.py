"""Facts merge: any order of arrival and any repetition give one state."""

import dataclasses
import json
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.facts import (
    MONEY,
    OrderState,
    ParcelState,
    ReviewState,
    digest,
    earliest,
    empty_order,
    latest,
    merge_order,
    merge_register,
    merge_review,
    merge_shipment,
    money_from_json,
    money_to_json,
    order_from_json,
    order_to_json,
    parcel_from_json,
    parcel_to_json,
    review_from_json,
    review_to_json,
)
from contracts.events import (
    Checkpoint,
    OrderFacts,
    OrderLine,
    RefundFacts,
    Region,
    ReviewFacts,
    ShipmentFacts,
    ShipmentProblem,
    ShipmentState,
)

T0 = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
T1 = T0 + timedelta(hours=1)
T2 = T0 + timedelta(hours=2)

# Few values, so that versions, instants and ids collide often.
instants = st.none() | st.sampled_from([T0, T1, T2])
versions = st.integers(min_value=1, max_value=3)
amounts = st.none() | st.integers(min_value=0, max_value=3)
flags = st.none() | st.booleans()
lines = st.none() | st.lists(
    st.builds(
        OrderLine, st.sampled_from("ab"), st.just("茶"), st.integers(1, 2), st.integers(0, 2)
    ),
    max_size=2,
).map(tuple)
regions = st.none() | st.sampled_from([Region("CN", "浙江", "杭州"), Region("US")])
refunds = st.builds(
    RefundFacts,
    st.sampled_from(["r1", "r2"]),
    versions,
    amount_minor=amounts,
    opened_at=instants,
    agreed_at=instants,
    goods_due_at=instants,
    refused_at=instants,
    withdrawn_at=instants,
    completed_at=instants,
)
order_facts = st.builds(
    OrderFacts,
    st.just("s"),
    st.sampled_from(["c1", "c2"]),
    st.just("o"),
    versions,
    placed_at=instants,
    deposit_paid_at=instants,
    paid_at=instants,
    signed_at=instants,
    confirmed_at=instants,
    cancelled_at=instants,
    restored_at=instants,
    paid_hint_at=instants,
    currency=st.none() | st.sampled_from(["CNY", "USD"]),
    total_minor=amounts,
    discount_minor=amounts,
    freight_minor=amounts,
    pay_on_delivery=flags,
    is_test=flags,
    is_presale=flags,
    closes_at=instants,
    balance_opens_at=instants,
    balance_closes_at=instants,
    ship_by=instants,
    lines=lines,
    region=regions,
    refunds=st.lists(refunds, max_size=2).map(tuple),
)
shipment_facts = st.builds(
    ShipmentFacts,
    st.just("s"),
    st.just("c"),
    st.just("o"),
    st.just("p"),
    versions,
    carrier=st.none() | st.sampled_from(["sf", "yto"]),
    number=st.none() | st.just("1"),
    parcels_in_order=amounts,
    estimated_day=st.none() | st.sampled_from([date(2026, 3, 4), date(2026, 3, 5)]),
    problem=st.none() | st.sampled_from(ShipmentProblem),
    handed_over_at=instants,
    arrived_in_city_at=instants,
    out_for_delivery_at=instants,
    signed_at=instants,
    returned_at=instants,
    refused_at=instants,
    watch_ended_at=instants,
    checkpoints=st.lists(
        st.builds(Checkpoint, st.sampled_from([T0, T1]), st.sampled_from(ShipmentState)),
        max_size=2,
    ).map(tuple),
)
review_facts = st.builds(
    ReviewFacts,
    st.just("s"),
    st.just("c"),
    st.just("v"),
    versions,
    reviewed_at=instants,
    withdrawn_at=instants,
    order_id=st.none() | st.just("o"),
    sku=st.none() | st.just("a"),
    rating=st.none() | st.integers(1, 5),
)


def order_of(facts: list[OrderFacts]) -> OrderState:
    state = None
    for one in facts:
        state = merge_order(state, one)
    assert state is not None
    return state


def parcel_of(facts: list[ShipmentFacts]) -> ParcelState:
    state = None
    for one in facts:
        state = merge_shipment(state, one)
    assert state is not None
    return state


def review_of(facts: list[ReviewFacts]) -> ReviewState:
    state = None
    for one in facts:
        state = merge_review(state, one)
    assert state is not None
    return state


def shuffled(facts: list[Any], random: Random) -> list[Any]:
    again = facts + facts[: len(facts) // 2 + 1]
    random.shuffle(again)
    return again


@given(st.lists(order_facts, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_order_facts_shuffled_and_repeated_give_the_same_order(
    facts: list[OrderFacts], random: Random
) -> None:
    state = order_of(facts)

    assert order_of(shuffled(facts, random)) == state
    assert all(merge_order(state, one) is state for one in facts)


@given(st.lists(shipment_facts, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_shipment_facts_shuffled_and_repeated_give_the_same_parcel(
    facts: list[ShipmentFacts], random: Random
) -> None:
    state = parcel_of(facts)

    assert parcel_of(shuffled(facts, random)) == state
    assert all(merge_shipment(state, one) is state for one in facts)
    assert parcel_from_json(json.loads(json.dumps(parcel_to_json(state)))) == state


@given(st.lists(review_facts, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_review_facts_shuffled_and_repeated_give_the_same_review(
    facts: list[ReviewFacts], random: Random
) -> None:
    state = review_of(facts)

    assert review_of(shuffled(facts, random)) == state
    assert all(merge_review(state, one) is state for one in facts)
    assert review_from_json(json.loads(json.dumps(review_to_json(state)))) == state


@given(st.lists(order_facts, min_size=1, max_size=4))
def test_an_order_survives_json_and_goes_on_merging(facts: list[OrderFacts]) -> None:
    state = order_of(facts[:1])
    stored = order_from_json(json.loads(json.dumps(order_to_json(state))))

    assert stored == state
    for one in facts[1:]:
        stored = merge_order(stored, one)
    assert stored == order_of(facts)


@given(order_facts)
def test_a_lone_fact_and_the_order_that_it_makes_are_stored_alike(fact: OrderFacts) -> None:
    state = merge_order(None, fact, MONEY)
    stored = json.loads(json.dumps(money_to_json(fact)))

    assert json.loads(json.dumps(money_to_json(state))) == stored
    assert money_from_json("s", "o", stored) == state


@given(st.lists(order_facts, min_size=1, max_size=4))
def test_the_money_of_an_order_survives_json(facts: list[OrderFacts]) -> None:
    state = None
    for one in facts:
        state = merge_order(state, one, MONEY)
    assert state is not None

    stored = json.loads(json.dumps(money_to_json(state)))

    assert money_from_json("s", "o", stored) == state


def test_an_order_that_was_stored_field_by_field_is_read_as_ever() -> None:
    state = order_of([OrderFacts("s", "c", "o", 1, paid_at=T1, total_minor=5)])

    assert money_from_json("s", "o", order_to_json(state)) == state


def test_a_state_is_not_changed_by_merging_more_into_it() -> None:
    refund = RefundFacts("r", 1, amount_minor=1)
    state = order_of([OrderFacts("s", "c", "o", 1, placed_at=T1, refunds=(refund,))])
    before = json.dumps(order_to_json(state))

    later = dataclasses.replace(refund, version_us=2, amount_minor=2)
    merge_order(state, OrderFacts("s", "c2", "o", 2, placed_at=T0, refunds=(later,)))

    assert json.dumps(order_to_json(state)) == before


def test_an_order_tells_what_its_facts_told() -> None:
    line, region = OrderLine("S-1", "茶", 2, 9_900), Region("CN", "浙江", "杭州")
    refund = RefundFacts(
        "r", 7, 100, opened_at=T0, agreed_at=T1, goods_due_at=T2, refused_at=T0, withdrawn_at=T0
    )
    facts = OrderFacts(
        "s", "c", "o", 7, T0, T0, T1, T2, T2, T0, T1, T0, "CNY", 19_800, 10, 20, True, False,
        True, T1, T0, T2, T2, (line,), region, (refund,),
    )  # fmt: skip

    state = order_of([facts])

    for field in dataclasses.fields(OrderFacts):
        if field.name not in ("version_us", "refunds"):
            assert getattr(state, field.name) == getattr(facts, field.name), field.name
    held = state.refunds[0]
    for field in dataclasses.fields(RefundFacts):
        if field.name != "version_us":
            assert getattr(held, field.name) == getattr(refund, field.name), field.name


def test_a_parcel_and_a_review_tell_what_their_facts_told() -> None:
    points = (Checkpoint(T0, ShipmentState.PICKED_UP), Checkpoint(T1, ShipmentState.DELIVERED))
    shipped = ShipmentFacts(
        "s", "c", "o", "p", 7, "sf", "SF1", 2, date(2026, 3, 4), ShipmentProblem.HELD,
        T0, T0, T1, T1, T2, T2, T2, points,
    )  # fmt: skip
    reviewed = ReviewFacts("s", "c", "v", 7, T0, T1, "o", "S-1", 2)

    parcel, review = parcel_of([shipped]), review_of([reviewed])

    for field in dataclasses.fields(ShipmentFacts):
        if field.name not in ("version_us", "source_ref"):  # the latter finds parcels, no more
            assert getattr(parcel, field.name) == getattr(shipped, field.name), field.name
    assert parcel.last_checkpoint == points[1]
    for field in dataclasses.fields(ReviewFacts):
        if field.name != "version_us":
            assert getattr(review, field.name) == getattr(reviewed, field.name), field.name


def test_what_nobody_told_is_unknown() -> None:
    order = order_of([OrderFacts("s", "c", "o", 1)])
    parcel = parcel_of([ShipmentFacts("s", "c", "o", "p", 1)])
    review = review_of([ReviewFacts("s", "c", "v", 1)])

    assert (order.currency, order.total_minor, order.lines, order.region) == (None, None, (), None)
    assert (order.net_minor, order.refunds, order.is_fully_refunded) == (0, (), False)
    assert (parcel.carrier, parcel.estimated_day, parcel.parcels_in_order) == (None, None, None)
    assert (parcel.problem, parcel.last_checkpoint) == (ShipmentProblem.NONE, None)
    assert (review.rating, review.sku, review.is_withdrawn, review.is_bad) == (
        None,
        None,
        False,
        False,
    )
    assert empty_order("s", "o").refunded_minor == 0


def test_a_late_unpaid_snapshot_takes_no_payment_away() -> None:
    paid = OrderFacts("s", "c", "o", 5, paid_at=T1, currency="CNY", total_minor=100)

    state = order_of([paid, OrderFacts("s", "c", "o", 9, placed_at=T0)])

    assert state.paid_at == T1
    assert state.is_counted("CNY")


@pytest.mark.parametrize(
    ("cancelled_at", "restored_at", "expected"),
    [
        pytest.param(None, None, False, id="never cancelled"),
        pytest.param(T0, None, True, id="cancelled"),
        pytest.param(None, T0, False, id="only restored"),
        pytest.param(T0, T1, False, id="restored later"),
        pytest.param(T1, T0, True, id="cancelled again"),
        pytest.param(T1, T1, False, id="both at once: it stands"),
    ],
)
def test_of_cancelling_and_restoring_the_later_holds(
    cancelled_at: datetime | None, restored_at: datetime | None, expected: bool
) -> None:
    facts = OrderFacts("s", "c", "o", 1, cancelled_at=cancelled_at, restored_at=restored_at)

    assert order_of([facts]).cancelled is expected


@pytest.mark.parametrize(
    ("refund", "refunded_minor"),
    [
        pytest.param(RefundFacts("r", 1, 30), 0, id="a claim of which nothing is decided"),
        pytest.param(RefundFacts("r", 1, 30, opened_at=T0), 0, id="opened"),
        pytest.param(RefundFacts("r", 1, 30, agreed_at=T0), 30, id="agreed"),
        pytest.param(RefundFacts("r", 1, 30, completed_at=T0), 30, id="completed"),
        pytest.param(RefundFacts("r", 1, None, completed_at=T0), 0, id="of unknown amount"),
        pytest.param(RefundFacts("r", 1, 30, agreed_at=T0, withdrawn_at=T1), 0, id="withdrawn"),
        pytest.param(RefundFacts("r", 1, 30, agreed_at=T0, refused_at=T1), 0, id="refused later"),
        pytest.param(RefundFacts("r", 1, 30, agreed_at=T1, refused_at=T0), 30, id="agreed later"),
        pytest.param(RefundFacts("r", 1, 30, refused_at=T0), 0, id="refused"),
    ],
)
def test_a_refund_takes_money_once_agreed_or_completed(
    refund: RefundFacts, refunded_minor: int
) -> None:
    state = order_of([OrderFacts("s", "c", "o", 1, total_minor=100, refunds=(refund,))])

    assert state.refunded_minor == refunded_minor
    assert state.net_minor == 100 - refunded_minor


PAID = OrderFacts("s", "c", "o", 1, paid_at=T0, currency="CNY", total_minor=100)
WHOLE = RefundFacts("r", 1, 100, completed_at=T2)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, True, id="paid"),
        pytest.param({"paid_at": None, "deposit_paid_at": T0}, False, id="deposit only"),
        pytest.param({"cancelled_at": T1}, False, id="cancelled"),
        pytest.param({"is_test": True}, False, id="a test"),
        pytest.param({"currency": "USD"}, False, id="another currency"),
        pytest.param({"currency": None}, False, id="an unknown currency"),
        pytest.param({"total_minor": 0}, False, id="nothing paid"),
        pytest.param({"refunds": (WHOLE,)}, False, id="fully refunded"),
    ],
)
def test_an_order_counts_when_paid_in_full_and_kept(
    changes: dict[str, Any], expected: bool
) -> None:
    state = order_of([dataclasses.replace(PAID, **changes)])

    assert state.is_counted("CNY") is expected
    assert state.is_fully_refunded is ("refunds" in changes)


def test_of_two_values_of_one_version_the_larger_digest_wins() -> None:
    larger, smaller = sorted(["CNY", "USD"], key=digest, reverse=True)
    a, b = (1, larger), (1, smaller)

    assert merge_register(a, b) == merge_register(b, a) == a
    assert merge_register(a, (2, smaller)) == (2, smaller)
    assert merge_register(None, b) == merge_register(b, None) == b
    assert merge_register(None, None) is None


def test_earliest_and_latest_know_what_is_missing() -> None:
    assert earliest(T1, T0) == T0
    assert latest(T1, T0) == T1
    assert earliest(None, T0) == earliest(T0, None) == latest(None, T0) == latest(T0, None) == T0
    assert earliest(None, None) is None
    assert latest(None, None) is None


@pytest.mark.parametrize(("rating", "bad"), [(1, True), (3, True), (4, False)])
def test_three_and_fewer_stars_are_bad_until_withdrawn(rating: int, bad: bool) -> None:
    standing = ReviewFacts("s", "c", "v", 1, reviewed_at=T0, rating=rating)

    assert review_of([standing]).is_bad is bad
    assert not review_of([standing, ReviewFacts("s", "c", "v", 2, withdrawn_at=T1)]).is_bad
