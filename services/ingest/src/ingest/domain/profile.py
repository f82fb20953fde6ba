"""A person, merged of all that was said: any order and any repetition gives the same profile.

Registers hold JSON values, since the whole rests as one encrypted document.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from contracts.events import (
    Attribute,
    Birthday,
    Channel,
    Consent,
    CustomerClass,
    CustomerFacts,
    CustomerProfile,
    Gender,
    OrderHome,
    Purpose,
    Region,
)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
TEXTS: Final = ("name", "phone", "email", "address", "locale", "zone")


class Register(NamedTuple):
    version_us: int
    digest: str  # decides between two values of one version
    value: Any


@dataclass(slots=True)
class Profile:
    """What an order says of its receiver lies apart: it fills gaps and never replaces.

    A value, but not frozen: that makes it dear.

    Args:
        shared: What the same person refused under other ids: it counts while they are one.
    """

    own: Mapping[str, Register] = field(default_factory=dict)
    from_orders: Mapping[str, Register] = field(default_factory=dict)
    attributes: Mapping[str, Register] = field(default_factory=dict)
    consents: Mapping[str, Register] = field(default_factory=dict)
    joined_us: int | None = None
    login_us: int | None = None
    shared: Mapping[str, Register] = field(default_factory=dict)


def absorb(known: Profile, said: CustomerFacts) -> Profile:
    """Merge: the highest (version, digest) of each field, the earliest joining, the last login."""
    news = _registers(said)
    lane = known.from_orders if said.from_order else known.own
    merged = _merged(lane, news)
    return replace(
        known,
        own=known.own if said.from_order else merged,
        from_orders=merged if said.from_order else known.from_orders,
        attributes=_merged(known.attributes, _attributes(said.attributes)),
        consents=_merged(known.consents, _consents(said.consents)),
        joined_us=min(_some(known.joined_us, _us(said.joined_at)), default=None),
        login_us=max(_some(known.login_us, _us(said.last_login_at)), default=None),
    )


def absorb_home(known: Profile, order: OrderHome) -> Profile:
    """Merge where an order's receiver lives, as `absorb` merges a region `from_order`."""
    if order.region is None:
        return known
    new = _place(order.version_us, order.region)
    held = known.from_orders.get("region")
    if held is not None and _later(held, new) is held:
        return known
    return Profile(
        known.own,
        {**known.from_orders, "region": new},
        known.attributes,
        known.consents,
        known.joined_us,
        known.login_us,
        known.shared,
    )


def own_contacts(profile: Profile) -> Mapping[str, str]:
    """Return the number and the mailbox that are the customer's own, spelled in one way.

    What an order says of its receiver is not: a present goes to somebody else's number.
    """
    held = {name: profile.own[name].value for name in ("phone", "email") if name in profile.own}
    return {name: value.lower() for name, value in held.items() if value}


def refusals(profile: Profile) -> Mapping[str, Register]:
    """Return the consents that the customer refused under this id."""
    return {key: one for key, one in profile.consents.items() if one.value[0] is False}


def bound_by(profile: Profile, others: Iterable[Profile]) -> Profile:
    """Return the profile of somebody who is also *others*: what one refused, all refused."""
    shared: dict[str, Register] = {}
    for other in others:
        shared = _merged(shared, refusals(other))
    return replace(profile, shared=shared)


def concerns_matching(merged: Profile, *, before: Profile) -> bool:
    """Tell whether who the customer is, or what others of that person are bound by, may change."""
    return own_contacts(merged) != own_contacts(before) or refusals(merged) != refusals(before)


def publish(shop_id: str, customer_id: str, revision: int, profile: Profile) -> CustomerProfile:
    """Return the whole person."""
    known = _values(profile)
    return CustomerProfile(
        shop_id,
        customer_id,
        revision,
        name=known.get("name"),
        phone=known.get("phone"),
        email=known.get("email"),
        address=known.get("address"),
        locale=known.get("locale"),
        zone=known.get("zone"),
        region=Region(*known["region"]) if "region" in known else None,
        birthday=Birthday(*known["birthday"]) if "birthday" in known else None,
        gender=Gender(known["gender"]) if "gender" in known else None,
        customer_class=CustomerClass(known["class"]) if "class" in known else None,
        attributes=tuple(
            Attribute(name, one.value[0], _at(one.version_us), one.value[1])
            for name, one in sorted(profile.attributes.items())
            if one.value[0]
        ),
        consents=tuple(
            _consent(key, one)
            for key, one in sorted(_stricter(profile).items())
            if one.value[0] is not None
        ),
        joined_at=None if profile.joined_us is None else _at(profile.joined_us),
        last_login_at=None if profile.login_us is None else _at(profile.login_us),
    )


def nothing_of(lane: str) -> Register:
    """Return what stands in own, attributes or consents for a value that was taken away."""
    value = {"own": "", "attributes": ["", None], "consents": [None, None]}[lane]
    return _register(0, value)


def is_news(merged: Profile, *, to: Profile) -> bool:
    """Tell whether what is published of *merged* is not what was of *to*."""
    return _told(merged) != _told(to)


def to_document(profile: Profile) -> dict[str, Any]:
    """Return the profile as JSON's own types, to be stored."""
    shared = {"shared": _rows(profile.shared)} if profile.shared else {}
    return shared | {
        "own": _rows(profile.own),
        "from_orders": _rows(profile.from_orders),
        "attributes": _rows(profile.attributes),
        "consents": _rows(profile.consents),
        "joined_us": profile.joined_us,
        "login_us": profile.login_us,
    }


def from_document(document: Mapping[str, Any]) -> Profile:
    return Profile(
        own=_read(document["own"]),
        from_orders=_read(document["from_orders"]),
        attributes=_read(document["attributes"]),
        consents=_read(document["consents"]),
        joined_us=document["joined_us"],
        login_us=document["login_us"],
        shared=_read(document.get("shared", {})),
    )


def _registers(said: CustomerFacts) -> dict[str, Register]:
    values: dict[str, Any] = {name: getattr(said, name) for name in TEXTS}
    if said.birthday is not None:
        day = said.birthday
        values["birthday"] = [day.month, day.day, day.year, day.lunar, day.leap_month]
    values["gender"] = said.gender
    values["class"] = said.customer_class
    news = {
        name: _register(said.version_us, value)
        for name, value in values.items()
        if value is not None
    }
    if said.region is not None:
        news["region"] = _place(said.version_us, said.region)
    return news


def _attributes(said: Iterable[Attribute]) -> dict[str, Register]:
    news: dict[str, Register] = {}
    for one in said:
        register = _register(_exact_us(one.at), [one.value, one.source])
        news[one.name] = _later(news.get(one.name, register), register)
    return news


def _consents(said: Iterable[Consent]) -> dict[str, Register]:
    news: dict[str, Register] = {}
    for one in said:
        key = f"{one.channel}:{one.purpose}"
        register = _register(_exact_us(one.at), [one.given, one.source])
        # Of a yes and a no at one instant, the no is true.
        register = register._replace(digest=f"{0 if one.given else 1}{register.digest}")
        news[key] = _later(news.get(key, register), register)
    return news


def _consent(key: str, register: Register) -> Consent:
    channel, _, purpose = key.partition(":")
    given, source = register.value
    return Consent(Channel(channel), Purpose(purpose), given, _at(register.version_us), source)


def _told(profile: Profile) -> tuple[object, ...]:
    return (
        _values(profile),
        profile.attributes,
        _stricter(profile),
        profile.joined_us,
        profile.login_us,
    )


def _stricter(profile: Profile) -> Mapping[str, Register]:
    return {**profile.consents, **profile.shared, **refusals(profile)}


def _values(profile: Profile) -> dict[str, Any]:
    """Return what is known; an empty text took its value away."""
    registers = {**profile.from_orders, **profile.own}
    return {name: one.value for name, one in registers.items() if one.value != ""}


def _place(version_us: int, region: Region) -> Register:
    place = [region.country, region.province, region.city]
    return Register(version_us, _digest_of_place(*place), place)


def _register(version_us: int, value: Any) -> Register:
    return Register(version_us, _digest(value), value)


def _digest(value: Any) -> str:
    printed = json.dumps(value, ensure_ascii=False, sort_keys=True).encode()
    return hashlib.sha256(printed).hexdigest()[:16]


@lru_cache(maxsize=4096)
def _digest_of_place(country: str, province: str, city: str) -> str:
    return _digest([country, province, city])


def _merged(known: Mapping[str, Register], news: Mapping[str, Register]) -> dict[str, Register]:
    return {**known, **{name: _later(known.get(name, one), one) for name, one in news.items()}}


def _later(a: Register, b: Register) -> Register:
    return b if b[:2] > a[:2] else a


def _rows(registers: Mapping[str, Register]) -> dict[str, list[Any]]:
    return {name: [*one] for name, one in registers.items()}


def _read(rows: Mapping[str, list[Any]]) -> dict[str, Register]:
    return {name: Register._make(row) for name, row in rows.items()}


def _some(*values: int | None) -> list[int]:
    return [value for value in values if value is not None]


def _us(at: datetime | None) -> int | None:
    return None if at is None else _exact_us(at)


def _exact_us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def _at(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)
