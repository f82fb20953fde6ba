"""Questions put to the database: how many, who, and what the shop has defined."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import AttributeType
from segmenter.domain.audience.tree import Question, Today
from segmenter.edges.audience.compile import compile_question

PAGE: Final = 5000

_SHOP: Final = text(
    """
    select shop_id, zone, currency, day, attributes, clock.business_now() as now
    from shop join shop_day using (shop_id) where shop_id = :shop_id
    """
)


@dataclass(frozen=True, slots=True)
class AskedShop:
    today: Today
    own: Mapping[str, AttributeType]


@dataclass(frozen=True, slots=True)
class Counts:
    customers: int  # of the shop
    left: tuple[int, ...]  # of the chosen; then after each exclusion
    nodes: Mapping[str, int]  # whom each node alone would choose, by its path


@dataclass(frozen=True, slots=True)
class Previewed:
    customer_id: str
    cell: str
    frequency: int
    monetary_minor: int
    last_day: date | None


async def asked_shop(conn: AsyncConnection, shop_id: str) -> AskedShop | None:
    row = (await conn.execute(_SHOP, {"shop_id": shop_id})).one_or_none()
    if row is None:
        return None
    own = {name: AttributeType(of) for name, of in (row.attributes or {}).items()}
    return AskedShop(Today(row.shop_id, row.zone, row.currency, row.day), own)


async def count(
    conn: AsyncConnection, question: Question, today: Today, *, each: bool = True
) -> Counts:
    """Count whom *question* means, in one statement; with *each*, of all its nodes too."""
    found = compile_question(question, today)
    steps = [found.conditions[question.chosen.path]]
    for node in question.excluded:
        steps.append(f"({steps[-1]} and not {found.conditions[node.path]})")
    asked = list(dict.fromkeys([*steps, *(found.conditions.values() if each else ())]))
    counted = ", ".join(f"count(*) filter (where {one}) as n{n}" for n, one in enumerate(asked))
    # `offset 0` keeps the query in one process: each of several would add up all orders. The others
    # are shared among processes.
    rows = f"{found.rows} offset 0" if found.adds_up else found.rows
    query = f"select count(*) as customers, {counted} from ({rows}) asked"  # noqa: S608 - names of ours
    row = (await conn.execute(text(query), found.values)).one()
    numbers = {one: int(row[n + 1]) for n, one in enumerate(asked)}
    nodes = {path: numbers[one] for path, one in found.conditions.items()} if each else {}
    return Counts(row.customers, tuple(numbers[step] for step in steps), nodes)


async def preview(
    conn: AsyncConnection, question: Question, today: Today, after: str, limit: int
) -> list[Previewed]:
    """Return whom *question* means, behind *after*, by id."""
    found = compile_question(question, today)
    query = f"""
        select customer_id, cell, frequency, monetary_minor, last_day
        from ({found.rows}) asked join customer_state using (customer_id)
        where {found.member} and shop_id = :shop_id and customer_id > :after
        order by customer_id limit :limit
        """  # noqa: S608 - names of ours
    values = {**found.values, "after": after, "limit": limit}
    return [Previewed(*row) for row in await conn.execute(text(query), values)]


async def members(conn: AsyncConnection, question: Question, today: Today) -> AsyncIterator[str]:
    """Yield whom *question* means; the database hands them over by pages."""
    found = compile_question(question, today)
    query = f"select customer_id from ({found.rows}) asked where {found.member}"  # noqa: S608 - names of ours
    async for customer_id in _streamed(conn, query, found.values):
        yield customer_id


async def kept_members(conn: AsyncConnection, shop_id: str, audience_id: str) -> AsyncIterator[str]:
    """Yield the members that are kept, those still to be announced included."""
    query = """
        select customer_id from audience_member
        where shop_id = :shop_id and audience_id = :audience_id
          and not exists (select from audience_change gone
                          where gone.shop_id = audience_member.shop_id
                            and gone.audience_id = audience_member.audience_id
                            and gone.customer_id = audience_member.customer_id)
        union all
        select customer_id from audience_change
        where shop_id = :shop_id and audience_id = :audience_id and member
        """
    values = {"shop_id": shop_id, "audience_id": audience_id}
    async for customer_id in _streamed(conn, query, values):
        yield customer_id


async def _streamed(
    conn: AsyncConnection, query: str, values: Mapping[str, Any]
) -> AsyncIterator[str]:
    paged = {"yield_per": PAGE}
    result = await conn.stream(text(query), dict(values), execution_options=paged)
    async for row in result:
        yield row.customer_id
