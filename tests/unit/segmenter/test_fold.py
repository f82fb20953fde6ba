"""Batches of order facts: any order of arrival, any repetition, any split gives one state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from care.facts import OrderState, merge_order
from contracts.events import Cell, OrderFacts, RefundFacts, SegmentChanged
from segmenter.domain.average import Average
from segmenter.domain.fold import Held, OrderKey, absorb, advance, incomplete
from segmenter.domain.rfm import DaySum, Purchase, purchase_of
from segmenter.domain.standing import UNSEEN, CustomerKey, ShopDay, Standing, move
from support.booked import booked

DAY = date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOPS = {
    "tea": ShopDay("tea", "Asia/Shanghai", "CNY", DAY, Average(3, 100)),
    "ink": ShopDay("ink", "America/New_York", "USD", DAY, Average()),
}


@dataclass
class Kept:
    """What storage would keep between batches."""

    orders: dict[OrderKey, Held] = field(default_factory=dict)
    standings: dict[CustomerKey, Standing] = field(default_factory=dict)
    changes: list[SegmentChanged] = field(default_factory=list)

    def apply(self, facts: Sequence[OrderFacts]) -> None:
        absorbed = absorb(self.orders, facts, SHOPS)
        needed = incomplete(absorbed, self.standings, SHOPS)
        outcome = advance(
            absorbed.paths, self.standings, {who: self.sums(who) for who in needed}, SHOPS
        )
        self.orders |= absorbed.orders
        self.standings |= outcome.standings
        self.changes += outcome.changes

    def sums(self, customer: CustomerKey) -> list[DaySum]:
        found: dict[date, list[int]] = {}
        for (shop_id, _), held in self.orders.items():
            if (shop_id, held.order.customer_id) == customer and held.purchase is not None:
                found.setdefault(held.purchase.day, []).append(held.purchase.net_minor)
        return [DaySum(day, len(money), sum(money)) for day, money in found.items()]


def moments(days: int) -> st.SearchStrategy[datetime]:
    return st.integers(-5, days).map(lambda ago: NOON - timedelta(days=ago, hours=ago % 24))


refunds = st.builds(
    RefundFacts,
    refund_id=st.sampled_from(["r1", "r2"]),
    version_us=st.integers(1, 4),
    amount_minor=st.none() | st.integers(1, 60),
    agreed_at=st.none() | moments(5),
    withdrawn_at=st.none() | moments(5),
)
facts = st.builds(
    OrderFacts,
    shop_id=st.sampled_from(["tea", "ink"]),
    customer_id=st.sampled_from(["ann", "bob"]),
    order_id=st.sampled_from(["o1", "o2", "o3"]),
    version_us=st.integers(1, 4),
    paid_at=st.none() | moments(400),
    cancelled_at=st.none() | moments(5),
    restored_at=st.none() | moments(5),
    currency=st.sampled_from([None, "CNY", "USD"]),
    total_minor=st.none() | st.integers(0, 100),
    is_test=st.sampled_from([None, None, False, True]),
    refunds=st.lists(refunds, max_size=2).map(tuple),
)
streams = st.lists(facts, max_size=14)


def recomputed(stream: Iterable[OrderFacts]) -> dict[CustomerKey, Standing]:
    """Compute the standings from scratch, by the plainest way there is."""
    orders: dict[OrderKey, OrderState] = {}
    bought: dict[CustomerKey, list[Purchase]] = {}
    for fact in stream:
        key = (fact.shop_id, fact.order_id)
        orders[key] = merge_order(orders.get(key), fact)
        bought.setdefault((fact.shop_id, fact.customer_id), [])
    for (shop_id, _), order in orders.items():
        shop = SHOPS[shop_id]
        purchase = purchase_of(order, zone=shop.zone, currency=shop.currency)
        if purchase is not None:
            bought[shop_id, order.customer_id].append(purchase)
    return {
        who: without_revision(move(who, UNSEEN, booked(all_of).tally(DAY), SHOPS[who[0]])[0])
        for who, all_of in bought.items()
    }


def without_revision(standing: Standing) -> Standing:
    return standing._replace(revision=0)


def split(stream: Sequence[OrderFacts], random: Random) -> list[Sequence[OrderFacts]]:
    cuts = sorted(random.randint(0, len(stream)) for _ in range(3))
    edges = [0, *cuts, len(stream)]
    return [stream[a:b] for a, b in pairwise(edges)]


@given(streams, st.randoms(use_true_random=False))
def test_facts_shuffled_repeated_and_split_give_the_state_of_a_plain_recomputation(
    stream: list[OrderFacts], random: Random
) -> None:
    shuffled = stream + stream[: len(stream) // 2]
    random.shuffle(shuffled)
    kept = Kept()

    for batch in split(shuffled, random):
        kept.apply(batch)

    found = {who: without_revision(standing) for who, standing in kept.standings.items()}
    assert found == recomputed(stream)


@given(streams, st.randoms(use_true_random=False))
def test_where_a_batch_ends_does_not_show_in_what_is_announced(
    stream: list[OrderFacts], random: Random
) -> None:
    whole, pieces = Kept(), Kept()

    whole.apply(stream)
    for batch in split(stream, random):
        pieces.apply(batch)

    assert pieces.changes == whole.changes
    assert pieces == whole


@given(streams)
def test_a_batch_handled_again_changes_and_announces_nothing(stream: list[OrderFacts]) -> None:
    kept = Kept()
    kept.apply(stream)
    before = (dict(kept.orders), dict(kept.standings), list(kept.changes))

    absorbed = absorb(kept.orders, stream, SHOPS)
    outcome = advance(absorbed.paths, kept.standings, {}, SHOPS)

    assert not absorbed.orders
    assert not outcome.standings
    assert (kept.orders, kept.standings, kept.changes) == before


def paid(order_id: str, customer_id: str = "ann", **more: object) -> OrderFacts:
    fact = OrderFacts("tea", customer_id, order_id, 1, paid_at=NOON, currency="CNY", total_minor=50)
    return replace(fact, **more)  # type: ignore[arg-type]  # names and types are the test's own


def test_a_late_unpaid_snapshot_takes_no_payment_away() -> None:
    kept = Kept()

    kept.apply([paid("o1"), OrderFacts("tea", "ann", "o1", 9, placed_at=NOON, total_minor=50)])

    assert kept.standings["tea", "ann"].cell is Cell.JUST_BOUGHT
    assert len(kept.changes) == 1


def test_an_order_that_turns_out_to_be_somebody_elses_counts_for_them_alone() -> None:
    kept = Kept()

    kept.apply([paid("o1"), paid("o1", "bob", version_us=2)])

    ann, bob = kept.standings["tea", "ann"], kept.standings["tea", "bob"]
    assert (ann.cell, ann.total.frequency) == (Cell.NEVER_BOUGHT, 0)
    assert (bob.cell, bob.total.monetary_minor) == (Cell.JUST_BOUGHT, 50)


def test_a_purchase_that_moved_is_written_even_where_the_tally_stays_equal() -> None:
    """Whoever has read the customer's purchases meanwhile must be able to notice."""
    kept = Kept()
    middle = paid("o2", paid_at=NOON - timedelta(days=2))
    kept.apply([paid("o1"), middle, paid("o3", paid_at=NOON - timedelta(days=4))])
    moved = [replace(middle, paid_at=NOON - timedelta(days=3))]

    absorbed = absorb(kept.orders, moved, SHOPS)
    who = ("tea", "ann")
    outcome = advance(absorbed.paths, kept.standings, {who: kept.sums(who)}, SHOPS)

    assert outcome.standings == {who: kept.standings[who]}


def test_a_purchase_that_another_transaction_took_meanwhile_is_no_failure() -> None:
    """Then the save finds out, and the batch is handled again."""
    kept = Kept()
    kept.apply([paid("o1")])
    who = ("tea", "ann")

    absorbed = absorb(kept.orders, [paid("o1", cancelled_at=NOON)], SHOPS)
    outcome = advance(absorbed.paths, kept.standings, {who: []}, SHOPS)

    assert outcome.standings[who].cell is Cell.NEVER_BOUGHT


def test_a_refund_amends_the_tally_without_a_look_at_all_purchases() -> None:
    kept = Kept()
    kept.apply([paid("o1"), paid("o2")])
    refund = RefundFacts("r1", 2, amount_minor=20, agreed_at=NOON)
    ahead = paid("o3", paid_at=NOON + timedelta(days=9))
    back = [replace(paid("o1"), refunds=(refund,)), ahead, replace(ahead, refunds=(refund,))]

    absorbed = absorb(kept.orders, back, SHOPS)
    outcome = advance(absorbed.paths, kept.standings, {}, SHOPS)

    assert incomplete(absorbed, kept.standings, SHOPS) == set()
    total = outcome.standings["tea", "ann"].total
    assert (total.frequency, total.monetary_minor) == (2, 80)
    assert total.next_day == DAY + timedelta(days=9)


def test_after_a_purchase_that_moved_a_new_one_counts_once() -> None:
    kept, plain = Kept(), Kept()
    first = [paid("o1"), paid("o2")]
    moved = paid("o1", paid_at=NOON - timedelta(days=3))

    kept.apply(first)
    kept.apply([moved, paid("o3")])
    for fact in (*first, moved, paid("o3")):
        plain.apply([fact])

    assert kept.standings == plain.standings
    assert kept.standings["tea", "ann"].total.frequency == 3


def test_what_an_alias_buys_counts_for_the_survivor_from_the_first_fact_on() -> None:
    survivors = {("tea", "bob"): "ann"}
    refund = RefundFacts("r1", 2, amount_minor=20, agreed_at=NOON)

    absorbed = absorb(
        {}, [paid("o1", "bob"), replace(paid("o1", "bob"), refunds=(refund,))], SHOPS, survivors
    )
    outcome = advance(absorbed.paths, {}, {}, SHOPS)

    assert absorbed.orders["tea", "o1"].owner_id == "ann"
    assert list(outcome.standings) == [("tea", "ann")]
    assert outcome.standings["tea", "ann"].total.monetary_minor == 30


def test_an_order_of_an_alias_that_turns_out_to_be_somebody_elses_leaves_the_survivor() -> None:
    survivors = {("tea", "bob"): "ann"}
    first = absorb({}, [paid("o1", "bob")], SHOPS, survivors)
    before = advance(first.paths, {}, {}, SHOPS).standings

    moved = absorb(first.orders, [paid("o1", "eve", version_us=2)], SHOPS, survivors)
    after = advance(moved.paths, before, {("tea", "ann"): []}, SHOPS).standings

    assert moved.orders["tea", "o1"].owner_id is None
    assert after["tea", "ann"].cell is Cell.NEVER_BOUGHT
    assert after["tea", "eve"].total.frequency == 1
