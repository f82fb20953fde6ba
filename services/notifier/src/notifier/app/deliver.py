"""The send path without its network: pass the gate and claim, later settle what came of it.

`pass_gate` and `settle` are a transaction each; the request is made between them, in none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol, assert_never

from contracts.events import DeliveryState, MessageClass
from notifier.app.note_receipt import WaitingStore, after_waiting
from notifier.domain import gate, outcome
from notifier.domain.channel import Reached
from notifier.domain.gate import Terms
from notifier.domain.message import Case, Message, moved
from notifier.domain.outcome import Outcome, Refused
from notifier.domain.render import Render, compose
from notifier.domain.verdict import Draft, Expire, Go, Hold, Stop, Suppress, Verdict
from notifier.errors import BadText


@dataclass(frozen=True, slots=True)
class Ref:
    shop_id: str
    customer_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to make one request: its attempt is on disk once the transaction is."""

    message: Message
    draft: Draft


class GateStore(Protocol):
    """What the gate needs from storage, inside one open transaction."""

    async def load(self, ref: Ref) -> Case | None:
        """Lock receiver and message and read the rest; None when it is not due any more."""

    async def was_said(self, message: Message, draft: Draft, day: date) -> bool:
        """Tell whether another message said the same to the same address that day."""

    async def reserve(self, message: Message, draft: Draft, day: date) -> bool:
        """Count the message for the day, and its words; False when they were just taken."""

    async def add_attempt(self, message: Message, draft: Draft, day: date) -> None: ...

    async def postpone(self, message: Message) -> None:
        """Write `next_at` alone: nothing that anybody need be told."""

    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


class OutcomeStore(WaitingStore, Protocol):
    """What the settlement needs from storage, inside one open transaction."""

    async def lock(self, message_id: str) -> Message | None: ...

    async def end_attempt(self, message_id: str, attempt_no: int, result: Outcome) -> bool:
        """Write *result* to the attempt; False when it has one already."""

    async def give_back(self, message_id: str, attempt_no: int) -> None:
        """Undo `reserve`: the message was not sent."""

    async def save(self, messages: Iterable[Message], at: datetime) -> None: ...


async def pass_gate(
    store: GateStore, render: Render, terms: Terms, ref: Ref
) -> Claim | Stop | None:
    """Judge a due message and claim it, or write down why not; None when it is no longer due."""
    case = await store.load(ref)
    if case is None:
        return None
    verdict = await _judge(store, render, terms, case)
    if isinstance(verdict, Go):
        claimed = _claimed(case, verdict)
        if await store.reserve(claimed, verdict.draft, verdict.day):
            await store.add_attempt(claimed, verdict.draft, verdict.day)
            await store.save([claimed], case.now)
            return Claim(claimed, verdict.draft)
        verdict = Suppress("repeat")
    await _note(store, case, verdict)
    return verdict


async def settle(store: OutcomeStore, claim: Claim, result: Outcome, now: datetime) -> Message:
    """Write down what the gateway answered; return the message as it is now."""
    message = await store.lock(claim.message.message_id)
    if message is None:  # its row was pruned or its shop removed while the gateway thought
        return claim.message
    attempt_no = claim.message.attempt_no
    after = outcome.settle(message, attempt_no, result, now)
    first = await store.end_attempt(message.message_id, attempt_no, result)
    if first and isinstance(result, Refused):
        await store.give_back(message.message_id, attempt_no)
    (after,) = await after_waiting(store, [after])
    if after is not message:
        await store.save([after], now)
    return after


async def _judge(store: GateStore, render: Render, terms: Terms, case: Case) -> Verdict:
    found = gate.enter(case, terms)
    if not isinstance(found, Reached):
        return found
    draft = _draft(case, found, render, terms)
    repeated = (
        draft is not None
        and case.message.message_class is not MessageClass.TRANSACTIONAL
        and await store.was_said(case.message, draft, gate.today(case))
    )
    return gate.judge(case, found, draft, terms, repeated=repeated)


def _draft(case: Case, reached: Reached, render: Render, terms: Terms) -> Draft | None:
    if case.rule is None:
        return None
    try:
        return compose(case, case.rule, reached, terms.outlets[reached.channel], render)
    except BadText:
        return None


def _claimed(case: Case, go: Go) -> Message:
    draft = go.draft
    return moved(
        case.message,
        DeliveryState.CLAIMED,
        attempt_no=case.message.attempt_no + 1,
        channel=draft.channel,
        gateway=draft.gateway,
        pieces=draft.pieces,
        price_micros=draft.price_micros,
        currency=draft.currency,
        sent_at=case.now,
    )


async def _note(store: GateStore, case: Case, verdict: Stop) -> None:
    message = case.message
    match verdict:
        case Hold(reason, until):
            if reason == message.reason:
                await store.postpone(replace(message, next_at=until))
                return
            after = moved(message, DeliveryState.PLANNED, reason=reason, next_at=until)
        case Suppress(reason):
            after = moved(message, DeliveryState.SUPPRESSED, reason=reason)
        case Expire(reason):
            after = moved(message, DeliveryState.EXPIRED, reason=reason)
        case other:
            assert_never(other)
    await store.save([after], case.now)
