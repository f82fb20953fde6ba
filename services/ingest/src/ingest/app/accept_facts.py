"""Take facts from a shop: nobody hears "accepted" before they are durable."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from ingest.domain.facts import Fact, Item, Ready, Waiting

MAX_VALUE_BYTES: Final = 900_000  # a broker takes records of 1 MiB, headers and key included


class Entry(Protocol):
    """A fact as the record that it will be."""

    @property
    def event_id(self) -> str: ...
    @property
    def value(self) -> bytes | None: ...


E = TypeVar("E", bound=Entry)


class Log(Protocol[E]):
    """Kafka, or the spool when Kafka does not answer."""

    def entry(self, fact: Fact) -> E: ...

    def seen(self, event_id: str) -> bool:
        """Tell whether this process made the event durable lately."""

    def remember(self, event_ids: Iterable[str]) -> None: ...

    async def put(self, entries: Sequence[E]) -> None:
        """Return when all are durable; raise when that cannot be promised."""


class Registry(Protocol):
    """What is known of orders and parcels; each call is one transaction."""

    async def settle(self, shop_id: str, waiting: Sequence[Waiting]) -> list[Fact]:
        """Return the facts whose owner is known, and park the rest."""

    async def keep_texts(self, shop_id: str, texts: Mapping[str, tuple[Fact, str]]) -> None:
        """Store review texts, by event id: topics carry none."""

    async def spell(self, shop_id: str, aliases: Sequence[tuple[str, str, str]]) -> None:
        """Note further spellings (spelling, order, customer) and free what waits for them."""


class Outcome(NamedTuple):
    status: Literal["accepted", "duplicate", "too_large"]
    event_id: str


@dataclass(slots=True)
class _Batch(Generic[E]):
    """What is left to do for the items that are new."""

    ready: list[E] = field(default_factory=list)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    texts: dict[str, tuple[Fact, str]] = field(default_factory=dict)


async def accept_facts(
    shop_id: str, items: Sequence[Item], *, registry: Registry, log: Log[E]
) -> list[Outcome]:
    """Make *items* durable, all or none, and say for each what became of it.

    What the registry parks is durable there; if the log then refuses, the sender is told to come
    again, and the repetition merges away.
    """
    outcomes: list[Outcome] = []
    batch: _Batch[E] = _Batch()
    fresh: set[str] = set()
    for item in items:
        entry = log.entry(item.said.fact)
        status = _status(entry, fresh, log)
        outcomes.append(Outcome(status, entry.event_id))
        if status == "accepted":
            fresh.add(entry.event_id)
            _sort(batch, item, entry)
    if batch.texts:
        await registry.keep_texts(shop_id, batch.texts)
    if batch.waiting:
        known = await registry.settle(shop_id, list(batch.waiting.values()))
        batch.ready += [log.entry(fact) for fact in known]
    if batch.ready:
        await log.put(batch.ready)
    log.remember(fresh)
    return outcomes


async def accept_entries(entries: Iterable[E], *, log: Log[E]) -> list[Outcome]:
    """Do what `accept_facts` does for facts whose owner is known, and which are entries already."""
    outcomes = []
    fresh: dict[str, E] = {}
    for entry in entries:
        status = _status(entry, fresh, log)
        outcomes.append(Outcome(status, entry.event_id))
        if status == "accepted":
            fresh[entry.event_id] = entry
    if fresh:
        await log.put(list(fresh.values()))
        log.remember(fresh)
    return outcomes


def is_fresh(entry: E, *, log: Log[E]) -> bool:
    """Tell whether *entry* only has to be made durable, and remembered then.

    It is for who cannot wait.
    """
    return _status(entry, (), log) == "accepted"


async def accept_push(
    shop_id: str,
    items: Sequence[Item],
    aliases: Sequence[tuple[str, str, str]],
    *,
    registry: Registry,
    log: Log[E],
) -> list[Outcome]:
    """Make what one webhook says durable, with the spellings of orders that it taught us."""
    outcomes = await accept_facts(shop_id, items, registry=registry, log=log)
    if aliases:
        await registry.spell(shop_id, aliases)
    return outcomes


def _status(
    entry: E, fresh: Collection[str], log: Log[E]
) -> Literal["accepted", "duplicate", "too_large"]:
    if len(entry.value or b"") > MAX_VALUE_BYTES:
        return "too_large"
    if entry.event_id in fresh or log.seen(entry.event_id):
        return "duplicate"
    return "accepted"


def _sort(batch: _Batch[E], item: Item, entry: E) -> None:
    if item.review_text is not None:
        batch.texts[entry.event_id] = (item.said.fact, item.review_text)
    if isinstance(item.said, Ready):
        batch.ready.append(entry)
    else:
        batch.waiting[entry.event_id] = item.said
