"""Take one value out of a sender's JSON, or say that it does not fit."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from webhooks import strict_json

MAX_ID_CHARS: Final = 128
MAX_TEXT_CHARS: Final = 500
EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GID: Final = re.compile(r"gid://[a-z0-9]+/[A-Za-z]+/([0-9]{1,40})", re.ASCII)
_NAIVE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", re.ASCII)
_MOST_MS: Final = 10**14
_CHINA: Final = ZoneInfo("Asia/Shanghai")
_SECONDS: Final = re.compile(r"[0-9]{1,11}", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

# What somebody typed and a country to E.164, or None.
Numbering: TypeAlias = Callable[[str, str], str | None]


class Unmappable(ValueError):
    """A signed body that we cannot read as facts. The text never quotes it."""


def object_of(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object, empty when there is none."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def objects(body: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    value = body.get(name)
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def maybe_text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if not isinstance(value, str):
        return None
    # Readers keep texts where a NUL cannot stand.
    return value.replace("\x00", "").strip()[:MAX_TEXT_CHARS] or None


def text(body: Mapping[str, Any], name: str) -> str:
    value = maybe_text(body, name)
    if value is None:
        raise Unmappable(f"{name} is missing")
    return value


def joined(body: Mapping[str, Any], names: Iterable[str], by: str) -> str | None:
    """Return the texts that are there as one."""
    parts = [maybe_text(body, name) for name in names]
    return by.join(part for part in parts if part) or None


def maybe_id(body: Mapping[str, Any], name: str) -> str | None:
    """Return an id as text: many are above 2^53, so they never pass through a float."""
    value = body.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_ID_CHARS:
        return None
    return None if _CONTROL.search(value) else value


def needed_id(body: Mapping[str, Any], name: str) -> str:
    value = maybe_id(body, name)
    if value is None:
        raise Unmappable(f"{name} is missing")
    return value


def gid(body: Mapping[str, Any]) -> str:
    """Return the digits of the global id, which are exact; `id` may have been rounded."""
    spelled = body.get("admin_graphql_api_id")
    found = _GID.fullmatch(spelled) if isinstance(spelled, str) else None
    return found[1] if found else needed_id(body, "id")


def maybe_instant(body: Mapping[str, Any], name: str) -> datetime | None:
    value = body.get(name)
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Unmappable(f"{name} is no time") from None
    if at.tzinfo is None:
        raise Unmappable(f"{name} is no time that can be")
    return possible(at, name)


def possible(at: datetime, name: str) -> datetime:
    """Return an aware time in UTC; `Unmappable` when it lies where no order can."""
    if not EARLIEST <= at < LATEST:
        raise Unmappable(f"{name} is no time that can be")
    return at.astimezone(UTC)


def maybe_utc(body: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time that is UTC and does not say so, as WooCommerce's `*_gmt`."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _NAIVE.fullmatch(value):
        raise Unmappable(f"{name} is no time")
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Unmappable(f"{name} is no time") from None
    return possible(at.replace(tzinfo=UTC), name)


def maybe_china(body: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time of Shanghai that names no zone, as Taobao and Youzan have it."""
    printed = maybe_text(body, name)
    if printed is None:
        return None
    try:
        at = datetime.strptime(printed, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_CHINA)
    except ValueError:
        raise Unmappable(f"{name} is no time") from None
    return possible(at, name)


def from_ms(body: Mapping[str, Any], name: str) -> datetime:
    """Return what Unix milliseconds say."""
    ms = body.get(name)
    if not isinstance(ms, int) or isinstance(ms, bool):
        raise Unmappable(f"{name} is no time")
    if not 0 <= ms < _MOST_MS:
        raise Unmappable(f"{name} is no time that can be")
    return possible(_EPOCH + timedelta(milliseconds=ms), name)


def maybe_epoch(body: Mapping[str, Any], name: str) -> datetime | None:
    """Return what Unix seconds say, as a number or as digits; 0 and an empty text say nothing."""
    seconds = maybe_id(body, name)
    if seconds is None or seconds == "0":
        return None
    if not _SECONDS.fullmatch(seconds):
        raise Unmappable(f"{name} is no time")
    return possible(datetime.fromtimestamp(int(seconds), UTC), name)


def utc(body: Mapping[str, Any], name: str) -> datetime:
    at = maybe_utc(body, name)
    if at is None:
        raise Unmappable(f"{name} is missing")
    return at


def instant(body: Mapping[str, Any], name: str) -> datetime:
    at = maybe_instant(body, name)
    if at is None:
        raise Unmappable(f"{name} is missing")
    return at


def amount(value: Any) -> str | int | Decimal | None:
    """Return what may be an amount: text, a whole number or a decimal; None when there is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unmappable("an amount is no number")
    return value


def parsed(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object that a text inside the JSON is, as strictly read as what is around it."""
    value = body.get(name)
    try:
        found = strict_json(value.encode()) if isinstance(value, str) else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unmappable(f"{name} is no object as text")
    return found


def texts(body: Any, *names: str) -> str | None:
    """Return these texts of an object as one that tells it from others; None if one is missing."""
    found = [body.get(name) for name in names] if isinstance(body, dict) else [None]
    whole = [one for one in found if isinstance(one, str)]
    return "\x1f".join(whole) if len(whole) == len(found) else None


def micros(at: datetime) -> int:
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
