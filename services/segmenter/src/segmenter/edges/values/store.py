"""Models of value in Postgres: which shop is next, who is at it, what came of it."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec
import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from segmenter.edges.values.wire import Model

_MEET: Final = text(
    """
    insert into shop_value (shop_id, tries)
    select shop_id, 0 from shop_day
    where not exists (select from shop_value where shop_value.shop_id = shop_day.shop_id)
    on conflict (shop_id) do nothing
    """
)
# Leases are of real time: business time may be shifted.
_TAKE: Final = text(
    """
    update shop_value
    set holder = :holder, tried_on = due.day,
        tries = case when tried_on = due.day then tries + 1 else 1 end,
        held_until = clock_timestamp() + make_interval(secs => :holds_s)
    from (
      select shop_id, day from shop_value join shop_day using (shop_id)
      where phase = 'done' and as_of is distinct from day
        and (held_until is null or held_until <= clock_timestamp())
      order by as_of nulls first, shop_id limit 1 for update of shop_value skip locked) as due
    where shop_value.shop_id = due.shop_id
    returning shop_value.shop_id, due.day, tries
    """
)
_SAVE: Final = text(
    """
    update shop_value
    set as_of = :day, model = cast(:model as jsonb), holder = null, held_until = null
    where shop_id = :shop_id and holder = :holder
    """
)
_PUT_OFF: Final = text(
    """
    update shop_value
    set holder = null, held_until = clock_timestamp() + make_interval(secs => :rest_s)
    where shop_id = :shop_id and holder = :holder
    """
)


@dataclass(frozen=True, slots=True)
class Due:
    """A shop whose model of *day* is ours to make, for the *tries*-th time that day."""

    shop_id: str
    day: date
    tries: int


class ModelStore:
    """Bound to one open transaction of the worker's role.

    Args:
        conn: Of it.
        holder: Whose lease; another one for each shop taken. Who lost it saves nothing.
    """

    def __init__(self, conn: AsyncConnection, holder: str) -> None:
        self._conn = conn
        self._holder = holder

    async def take(self, holds_s: float) -> Due | None:
        """Return a shop whose day has no model yet and that nobody is at."""
        await self._conn.execute(_MEET)
        values = {"holder": self._holder, "holds_s": holds_s}
        row = (await self._conn.execute(_TAKE, values)).one_or_none()
        return None if row is None else Due(row.shop_id, row.day, row.tries)

    async def save(self, due: Due, model: Model) -> bool:
        """Keep what came of it; return whether the lease was still ours."""
        values = {
            "shop_id": due.shop_id,
            "day": due.day,
            "model": orjson.dumps(msgspec.to_builtins(model)).decode(),
            "holder": self._holder,
        }
        return bool((await self._conn.execute(_SAVE, values)).rowcount)

    async def put_off(self, due: Due, rest_s: float) -> None:
        values = {"shop_id": due.shop_id, "rest_s": rest_s, "holder": self._holder}
        await self._conn.execute(_PUT_OFF, values)


def model_in(row: Row[Any]) -> Model | None:
    return None if row.model is None else msgspec.convert(row.model, Model)
