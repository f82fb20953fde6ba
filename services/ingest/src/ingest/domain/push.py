"""What all platforms share: what a connector knows, what a push says, and its money."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from contracts.events import CustomerFacts
from ingest.domain import reading
from ingest.domain.facts import Item, Said
from ingest.domain.identity import Keyed, customer_of
from ingest.domain.money import MOST_MINOR, to_minor
from ingest.domain.reading import Numbering, Unmappable

MOST: Final = 1_000_000  # pieces in one line
MOST_TOLD: Final = 10  # mistakes of one body


@dataclass(frozen=True, slots=True)
class Context:
    """What the connector knows beside the body."""

    shop_id: str
    currency: str
    country: str
    accept_test: bool
    keyed: Keyed
    phone: Numbering
    now: datetime


TaskKind: TypeAlias = Literal[
    "erase_customer", "tell_customer", "erase_shop", "deleted_order", "dispute", "app_removed"
]


@dataclass(frozen=True, slots=True)
class Task:
    """What a platform asks of a person: no body of it does the like by itself.

    Args:
        kind: What it is.
        subject: The customer or the order that it is about, as the platform calls them.
    """

    kind: TaskKind
    subject: str = ""

    @property
    def reason(self) -> str:
        return _TASKS[self.kind]


ABOUT_CUSTOMERS: Final[tuple[TaskKind, ...]] = ("erase_customer", "tell_customer")
_TASKS: Final[Mapping[TaskKind, str]] = {
    "erase_customer": "for a person: the platform asks to erase a customer",
    "tell_customer": "for a person: a customer asks what is known of them",
    "erase_shop": "for a person: the platform asks to erase all of the shop",
    "deleted_order": "for a person: something was deleted, which may be this order",
    "dispute": "for a person: a payment of this order is disputed",
    "app_removed": "for a person: the shop has removed the app, and nothing is pushed any more",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body says.

    Args:
        said: The facts.
        aliases: Other spellings of an order's id, by order and customer.
        notes: How often something odd was met.
        items: What is said with words of reviews, besides *said*.
        refused: Why a part of the body says nothing to us, if so: it is kept for an operator.
        task: What is asked of a person, if so: it is kept for an operator too.
    """

    said: tuple[Said, ...] = ()
    aliases: tuple[tuple[str, str, str], ...] = ()
    notes: Mapping[str, int] | None = None
    items: tuple[Item, ...] = ()
    refused: str | None = None
    task: Task | None = None

    def everything(self) -> list[Item]:
        return [*map(Item, self.said), *self.items]


def each(
    messages: Any, read: Callable[[Mapping[str, Any]], Said | None], notes: Mapping[str, int]
) -> Reading:
    """Return what the messages of a list say; those that say nothing to us are told by number.

    Args:
        messages: The body.
        read: Reads one; None when it only greets. ValueError when it says nothing to us.
        notes: What *read* notes.

    Raises:
        Unmappable: No list, or nothing in it says anything.
    """
    if not isinstance(messages, list) or not messages:
        raise Unmappable("not a list of messages")
    said: list[Said] = []
    wrong: list[str] = []
    for number, message in enumerate(messages):
        try:
            if not isinstance(message, dict):
                raise Unmappable("not an object")
            one = read(message)
        except ValueError as error:
            wrong.append(f"{number}: {error}")
        else:
            said += [] if one is None else [one]
    refused = ", ".join(wrong[:MOST_TOLD])
    if len(wrong) == len(messages):
        raise Unmappable(refused)
    return Reading(tuple(said), notes=notes, refused=refused or None)


def buyer(
    said: CustomerFacts, account: str | None, order_id: str, context: Context
) -> CustomerFacts:
    """Return what an order says of who bought, by their id: it fills gaps of the profile.

    Args:
        said: With whatever customer id.
        account: The platform's id of the customer; None of a guest.
        order_id: Names who is known by nothing else.
        context: The connector's.
    """
    customer_id = customer_of(
        account, phone=said.phone, email=said.email, order_id=order_id, keyed=context.keyed
    )
    return replace(said, customer_id=customer_id, from_order=True)


def minor(printed: Any, currency: str, notes: Counter[str]) -> int | None:
    """Return an amount in minor units, None when there is none; what was rounded is noted.

    Raises:
        BadAmount, Unmappable: It is no amount.
    """
    amount = reading.amount(printed)
    if amount is None:
        return None
    found, exact = to_minor(amount, currency)
    notes["rounded_amount"] += not exact
    return found


def cents(body: Mapping[str, Any], name: str, notes: Counter[str]) -> int | None:
    """Return an amount that is told in minor units; what is none is noted, and costs no more."""
    amount = body.get(name)
    if amount is None:
        return None
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 <= amount <= MOST_MINOR:
        notes["strange_amount"] += 1
        return None
    return amount


def quantity(item: Mapping[str, Any], name: str = "quantity") -> int:
    """Return how many pieces a line of an order has."""
    found = item.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= MOST:
        raise Unmappable("a line without a quantity that can be")
    return found
