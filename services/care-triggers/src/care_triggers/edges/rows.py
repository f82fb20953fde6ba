"""What every part of the store stands on: one open transaction, and what seals personal data."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Row, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from care_triggers.app.note_event import Key
from care_triggers.domain.values import Person, Timer
from contracts.events import Birthday, Shop, Variable
from plumbing.seal import Sealer

SERVICE: Final = "care-triggers"


@dataclass(frozen=True, slots=True)
class House:
    """What the process was started with."""

    partitions: int
    sealer: Sealer


class Rows:
    """Bound to one connection with an open transaction; the edge that opened it ends it."""

    def __init__(self, conn: AsyncConnection, house: House) -> None:
        self._conn = conn
        self._house = house

    async def _by_key(
        self, table: Table, id_column: Column[Any], keys: Collection[Key], *columns: Column[Any]
    ) -> Sequence[Row[Any]]:
        """Read rows without a lock; the first two columns are the key."""
        if not keys:
            return []
        query = select(table.c.shop_id, id_column, *columns).where(among(table, id_column, keys))
        return (await self._conn.execute(query)).all()


def among(table: Table, id_column: Column[Any], keys: Collection[Key]) -> ColumnElement[bool]:
    return tuple_(table.c.shop_id, id_column).in_(sorted(keys))


def shop_to_json(shop: Shop) -> dict[str, Any]:
    return asdict(shop)


def shop_from_json(body: dict[str, Any]) -> Shop:
    settings = tuple(Variable(one["name"], one["value"]) for one in body["settings"])
    return Shop(**{**body, "settings": settings})


def timer_of(row: Row[Any]) -> Timer:
    return Timer(
        key=row.key,
        shop_id=row.shop_id,
        customer_id=row.customer_id,
        rule_id=row.rule_id,
        rule_version=row.rule_version,
        kind=row.kind,
        once_key=row.once_key,
        due_at=row.due_at,
        expires_at=row.expires_at,
        order_id=row.order_id,
        parcel_id=row.parcel_id,
        review_id=row.review_id,
        day=getattr(row, "day", None),
    )


def seal_person(person: Person, shop_id: str, sealer: Sealer) -> bytes:
    """Encrypt what is personal, bound to its row."""
    plain = json.dumps(asdict(person), ensure_ascii=False).encode()
    return sealer.seal(plain, _context(shop_id, person.customer_id))


def unseal_person(sealed: bytes, shop_id: str, customer_id: str, sealer: Sealer) -> Person:
    body = json.loads(sealer.unseal(sealed, _context(shop_id, customer_id)))
    birthday = body["birthday"]
    return Person(**{**body, "birthday": Birthday(**birthday) if birthday else None})


def birth_index(shop_id: str, key: str, sealer: Sealer) -> bytes:
    """Return how people are found by the day of their birth without reading it."""
    return sealer.blind_index(f"birthday:{shop_id}:{key}")


def _context(shop_id: str, customer_id: str) -> bytes:
    return f"care-triggers.customer:{shop_id}:{customer_id}".encode()
