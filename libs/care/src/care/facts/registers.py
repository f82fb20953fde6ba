"""What every merged state is made of: registers, and earliest or latest known instants.

Plain data throughout, as JSON stores it: a state is loaded, merged and stored some ten thousand
times a second. Instants are UTC microseconds; a value is what `json` would give back.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

# (version_us, value). The digest is only computed when two versions are equal.
Register: TypeAlias = tuple[int, Any]
Registers: TypeAlias = dict[str, Register]
Instants: TypeAlias = dict[str, int]
Json: TypeAlias = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Return UTC microseconds since 1970, exactly; *at* must be aware."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(at_us: int | None) -> datetime | None:
    return None if at_us is None else _EPOCH + timedelta(microseconds=at_us)


def digest(value: Any) -> str:
    """Return the sha256 of *value*'s canonical JSON: what breaks a tie of two versions."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def wins(new: Register, old: Register) -> bool:
    """Return whether *new* replaces *old*: the higher (version, sha256 of the value) is true."""
    if new[0] != old[0]:
        return new[0] > old[0]
    return bool(new[1] != old[1]) and digest(new[1]) > digest(old[1])


def merge_register(a: Register | None, b: Register | None) -> Register | None:
    if a is None or b is None:
        return a or b
    return b if wins(b, a) else a


def earliest(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return min(a, b)


def latest(a: datetime | None, b: datetime | None) -> datetime | None:
    if a is None or b is None:
        return a or b
    return max(a, b)


def write_register(into: Registers, name: str, new: Register) -> bool:
    """Put *new* into its place unless what stands there wins; tell whether anything changed."""
    old = into.get(name)
    if old is not None and not wins(new, old):
        return False
    into[name] = new
    return True


def write_registers(
    into: Registers, version_us: int, names: Iterable[str], values: Iterable[Any]
) -> bool:
    """`write_register` for each pair, all of one version; a value of `None` says nothing."""
    changed = False
    for name, value in zip(names, values, strict=True):
        if value is not None and write_register(into, name, (version_us, value)):
            changed = True
    return changed


def write_moments(
    into: Registers, version_us: int, names: Iterable[str], values: Iterable[datetime | None]
) -> bool:
    """`write_registers` for instants, which are kept as microseconds."""
    changed = False
    for name, at in zip(names, values, strict=True):
        if at is not None and write_register(into, name, (version_us, to_us(at))):
            changed = True
    return changed


def keep_earliest(into: Instants, names: Iterable[str], values: Iterable[datetime | None]) -> bool:
    changed = False
    for name, at in zip(names, values, strict=True):
        if at is None:
            continue
        new, old = to_us(at), into.get(name)
        if old is None or new < old:
            into[name] = new
            changed = True
    return changed


def keep_latest(into: Instants, names: Iterable[str], values: Iterable[datetime | None]) -> bool:
    changed = False
    for name, at in zip(names, values, strict=True):
        if at is None:
            continue
        new, old = to_us(at), into.get(name)
        if old is None or new > old:
            into[name] = new
            changed = True
    return changed


def value_of(registers: Registers, name: str) -> Any:
    held = registers.get(name)
    return None if held is None else held[1]


def registers_from_json(stored: Json) -> Registers:
    """Return registers as `merge` made them: JSON gives a list back for each pair."""
    return {name: (pair[0], pair[1]) for name, pair in stored.items()}


def registers_to_json(registers: Registers) -> Json:
    return {name: [version_us, value] for name, (version_us, value) in registers.items()}
