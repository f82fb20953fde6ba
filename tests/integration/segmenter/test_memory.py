"""What a pod remembers of a partition: true whenever it is believed, whoever wrote meanwhile."""

from contextlib import suppress
from random import Random

import pytest

from contracts.events import OrderFacts
from contracts.topics import ORDERS
from integration.segmenter.conftest import (
    NOON,
    PLACE,
    SERVICE,
    Pod,
    Segmenter,
    paid,
    shop,
)
from integration.segmenter.test_orders import some_facts, state_of
from plumbing.consume import NotReady
from plumbing.offsets import Fenced
from segmenter.domain.fold import Held, OrderKey
from segmenter.edges.memory import ROW_BYTES, Memories, Memory
from support.bench import CommitLost

O1: OrderKey = ("tea", "o1")
HELD = Held(paid("o1"), None)


async def remember(pod: Pod, memories: Memories) -> None:
    async with pod.fenced() as (conn, _):
        memory = await memories.take(conn, PLACE)
        memory.orders.note({O1: HELD}, memory.xmin)
        memories.keep(PLACE, memory)


async def known(pod: Pod, memories: Memories) -> bool:
    async with pod.fenced() as (conn, _):
        memory = await memories.take(conn, PLACE)
        memories.keep(PLACE, memory)
        return O1 in memory.orders.held


async def test_what_was_committed_is_known_for_as_long_as_the_claim_holds(pod: Pod) -> None:
    memories = Memories(SERVICE)

    await remember(pod, memories)

    assert await known(pod, memories)
    assert await known(pod, memories)


async def test_a_batch_that_did_not_commit_leaves_nothing(pod: Pod) -> None:
    memories = Memories(SERVICE)
    await remember(pod, memories)

    async def fail() -> None:
        async with pod.fenced() as (conn, _):
            memories.keep(PLACE, await memories.take(conn, PLACE))
            raise CommitLost

    with pytest.raises(CommitLost):
        await fail()

    assert not await known(pod, memories)


async def test_a_batch_that_failed_in_the_middle_leaves_nothing(pod: Pod) -> None:
    memories = Memories(SERVICE)
    await remember(pod, memories)

    async with pod.fenced() as (conn, _):
        await memories.take(conn, PLACE)

    assert not await known(pod, memories)


async def test_after_a_fence_or_a_revocation_nothing_is_known(pod: Pod) -> None:
    """Another pod had the partition and gave it back: it may have written anything."""
    memories, other = Memories(SERVICE), Pod(pod.segmenter)
    await remember(pod, memories)

    await other.claim()
    with pytest.raises(Fenced):
        await known(pod, memories)
    await pod.claim()

    assert not await known(pod, memories)


async def test_a_savepoint_neither_sees_nor_leaves_anything(pod: Pod) -> None:
    """A replay rolls back to one, and goes on to commit."""
    memories = Memories(SERVICE)
    await remember(pod, memories)

    async with pod.fenced() as (conn, _), conn.begin_nested():
        memory = await memories.take(conn, PLACE)
        assert not memory.orders.held
        memory.orders.note({O1: HELD}, memory.xmin)
        memories.keep(PLACE, memory)

    assert not await known(pod, memories)


async def test_without_a_claim_nothing_is_kept(segmenter: Segmenter) -> None:
    memories = Memories(SERVICE)

    for _ in range(2):
        async with segmenter.tx() as conn:
            memory = await memories.take(conn, PLACE)
            assert not memory.orders.held
            memory.orders.note({O1: HELD}, memory.xmin)
            memories.keep(PLACE, memory)


def test_all_partitions_together_stay_within_their_bytes() -> None:
    memories, made = (
        Memories(SERVICE, most_bytes=400 * ROW_BYTES),
        [Memory(epoch=1), Memory(epoch=1)],
    )

    for batch in range(50):
        for part, memory in enumerate(made):
            new = {("tea", f"{batch}-{number}"): HELD for number in range(40)}
            memory.orders.note(new, "1")
            memories.keep((ORDERS, part), memory)
            assert new.keys() <= memory.orders.held.keys()

    assert sum(len(memory.orders.held) for memory in made) <= 400
    assert all(memory.orders.held.keys() == memory.orders.seen.keys() for memory in made)


async def test_an_order_that_another_partition_wrote_is_read_again(pod: Pod) -> None:
    """Its row has another xmin; the batch is handled again without the memory."""
    first, cancelled = paid("o1"), OrderFacts("tea", "ann", "o1", 9, cancelled_at=NOON)
    await pod.handle([first])
    await pod.segmenter.orders(OrderFacts("tea", "ann", "o1", 8, total_minor=70_00))

    with pytest.raises(NotReady):
        await pod.handle([first, cancelled])
    await pod.handle([first, cancelled])

    rows = await pod.segmenter.rows("select frequency, monetary_minor, cell from customer_state")
    assert rows == [{"frequency": 0, "monetary_minor": 0, "cell": "never_bought"}]
    assert len(await pod.segmenter.announced()) == 2


@pytest.mark.parametrize("seed", range(4))
async def test_pods_that_take_turns_and_lose_commits_leave_what_one_leaves(
    pod: Pod, seed: int
) -> None:
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    segmenter = pod.segmenter
    facts = some_facts(random, 150)
    await segmenter.shops(shop("ink", zone="America/New_York", currency="USD"))
    await segmenter.orders(*facts)
    golden, told = await state_of(segmenter), await segmenter.announced()
    await segmenter.forget()

    pods = [pod, Pod(segmenter), Pod(segmenter)]
    owner, done, lost, fenced = pod, 0, 0, 0
    while done < len(facts):
        if random.random() < 0.3:
            previous, owner = owner, random.choice(pods)
            await owner.claim()
            if previous is not owner:
                with pytest.raises(Fenced):
                    await previous.handle(facts[: done + 1])
                fenced += 1
        upto = min(len(facts), done + random.randint(1, 8))
        if random.random() < 0.2:
            with suppress(CommitLost):
                await owner.handle(facts[:upto], lost=True)
            lost += 1
            if random.random() < 0.5:
                continue
        await owner.handle(facts[:upto])
        done = upto

    assert lost > 0
    assert fenced > 0
    assert await state_of(segmenter) == golden
    assert await segmenter.announced() == told
