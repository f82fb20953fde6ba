"""Keep what rules may ask of a person, and the greeting of the day of birth."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

from care_triggers.app import settle
from care_triggers.app.note_event import Key
from care_triggers.domain import birthday
from care_triggers.domain.course import Effect, Instance, Steps
from care_triggers.domain.rulebook import Pending, Rulebook, ending
from care_triggers.domain.values import Person
from contracts.events import CustomerProfile, Shop


@dataclass(frozen=True, slots=True)
class Known:
    """One person's row: the profile's revision, what we keep of it, and what was done."""

    shop_id: str
    person: Person
    revision: int
    steps: Steps = field(default_factory=dict)


class Store(settle.Store, Protocol):
    async def rules(self, shops: Collection[str]) -> Rulebook: ...
    async def shops(self, shops: Collection[str]) -> dict[str, Shop]: ...
    async def lock_people(self, people: Collection[Key]) -> dict[Key, Known]: ...
    async def save_people(self, people: Collection[Known]) -> None: ...
    async def pending_of(self, people: Collection[Key]) -> Pending: ...


class DayStore(Store, Protocol):
    async def take_shop(self, now: datetime) -> tuple[Shop, date, str] | None:
        """Lock a shop whose birthdays of today are not planned: it, its day, how far we are."""

    async def lock_born_on(
        self, shop_id: str, keys: Sequence[str], after: str, limit: int
    ) -> list[Known]:
        """Lock people by the key of their birthday, in the order of their ids."""

    async def save_progress(self, shop_id: str, day: date, cursor: str, *, done: bool) -> None: ...


async def note_profiles(store: Store, profiles: Sequence[CustomerProfile], now: datetime) -> None:
    """Keep the newest profile of each person; greet who was born today."""
    if not profiles:
        return
    before = await store.lock_people({(one.shop_id, one.customer_id) for one in profiles})
    after = dict(before)
    for profile in profiles:
        key = (profile.shop_id, profile.customer_id)
        known = after.get(key)
        if known is None or (profile.revision > known.revision and not known.person.erased):
            steps = known.steps if known else {}
            after[key] = Known(profile.shop_id, _person(profile), profile.revision, steps)
    shops = {shop_id for shop_id, _ in after}
    await _greet(store, before, after, await store.shops(shops), now)


async def note_erased(store: Store, people: Collection[Key], now: datetime) -> None:
    """Forget them: what waits is dropped, what is planned is recalled."""
    if not people:
        return
    known = await store.lock_people(people)
    await store.save_people(
        [
            Known(key[0], Person(key[1], erased=True), known[key].revision if key in known else 0)
            for key in sorted(people)
        ]
    )
    pending = await store.pending_of(people)
    book = await store.rules({shop_id for shop_id, _ in people})
    await settle.settle(store, ending(pending, book, "erased", now), now)


async def plan_birthdays(store: DayStore, now: datetime, *, limit: int) -> bool:
    """Plan one batch of one shop's birthdays of today; tell whether there was anything to do.

    A shop that missed days goes straight to today: a greeting that is late is none.
    """
    taken = await store.take_shop(now)
    if taken is None:
        return False
    shop, day, cursor = taken
    people = await store.lock_born_on(shop.shop_id, birthday.keys_on(day), cursor, limit)
    known = {(one.shop_id, one.person.customer_id): one for one in people}
    await _greet(store, known, known, {shop.shop_id: shop}, now)
    done = len(people) < limit
    last = people[-1].person.customer_id if people else cursor
    await store.save_progress(shop.shop_id, day, last, done=done)
    return True


async def _greet(
    store: Store,
    before: Mapping[Key, Known],
    people: Mapping[Key, Known],
    shops: Mapping[str, Shop],
    now: datetime,
) -> None:
    book = await store.rules(shops.keys())
    effects: list[Effect] = []
    changed: list[Known] = []
    for key, known in people.items():
        steps = dict(known.steps)
        for rule, step in book.following(known.shop_id, birthday.KIND, known.steps):
            instance = Instance(
                known.shop_id,
                known.person.customer_id,
                rule,
            )
            shop = shops[known.shop_id]
            now_step, asked = birthday.follow(instance, step, known.person, shop, now)
            if now_step is not None:
                steps[rule.rule_id] = now_step
            effects += asked
        after = replace(known, steps=steps)
        if before.get(key) != after:
            changed.append(after)
    await store.save_people(changed)
    await settle.settle(store, effects, now)


def _person(profile: CustomerProfile) -> Person:
    region = profile.region
    return Person(
        customer_id=profile.customer_id,
        birthday=profile.birthday,
        gender=profile.gender or "",
        customer_class=profile.customer_class or "",
        country=region.country if region else "",
        province=region.province if region else "",
        city=region.city if region else "",
    )
