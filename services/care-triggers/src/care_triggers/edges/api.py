"""HTTP: explain a customer's messages, work off tasks, look at the rules."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from care_triggers.edges.answers import (
    ExplainAnswer,
    RuleList,
    TaskAnswer,
    TaskList,
    history,
    message_answer,
    order_answer,
    parcel_answer,
    review_answer,
    rule_answer,
    task_answer,
    timer_answer,
)
from care_triggers.edges.queries import Queries
from care_triggers.edges.rows import SERVICE
from plumbing.clock import business_now
from web.auth import Principal, ShopId, require
from web.bodies import Strict, json_body
from web.pages import Limit, decode_cursor, encode_cursor, instant_of, micros_of
from web.shop_session import Engine, shop_tx

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["care"])

CustomerId = Annotated[str, Query(min_length=1, max_length=200)]
RuleId = Annotated[str, Query(max_length=64, pattern=r"^[a-z0-9_]+$")]


class TaskOutcome(Strict):
    outcome: str = Field(min_length=1, max_length=500)


@router.get("/explain", operation_id="explain", dependencies=[Depends(require("care:read"))])
async def explain(
    shop_id: ShopId, engine: Engine, customer_id: CustomerId, rule_id: RuleId | None = None
) -> ExplainAnswer:
    """Tell why a customer got a message, or did not: facts, timers, decisions and deliveries.

    At most the newest 200 of each; a customer that nobody knows has an empty explanation.
    """
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        queries = Queries(conn)
        facts = await queries.facts(customer_id)
        timers = await queries.timers(customer_id, rule_id)
        messages = await queries.messages(customer_id, rule_id)
        decisions = await queries.decisions(customer_id, rule_id)
        deliveries = await queries.deliveries(customer_id, rule_id)
    return ExplainAnswer(
        customer_id=customer_id,
        rule_id=rule_id,
        orders=[order_answer(row) for row in facts["orders"]],
        parcels=[parcel_answer(row) for row in facts["parcels"]],
        reviews=[review_answer(row) for row in facts["reviews"]],
        timers=[timer_answer(row) for row in timers],
        messages=[message_answer(row) for row in messages],
        history=history(decisions, deliveries),
    )


@router.get("/tasks", operation_id="list_tasks", dependencies=[Depends(require("tasks:read"))])
async def list_tasks(
    shop_id: ShopId,
    engine: Engine,
    state: Literal["open", "done", "closed"] | None = None,
    customer_id: CustomerId | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> TaskList:
    """List tasks for people, the most urgent first."""
    after = _after(cursor)
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        rows = await Queries(conn).tasks(state, customer_id, after, limit)
    tasks = [task_answer(row) for row in rows]
    full = len(tasks) == limit
    last = encode_cursor(micros_of(tasks[-1].due_at), tasks[-1].task_id) if full else None
    return TaskList(tasks=tasks, next_cursor=last)


@router.post("/tasks/{task_id}/done", operation_id="end_task")
async def end_task(
    who: Annotated[Principal, Depends(require("tasks:write"))],
    shop_id: ShopId,
    task_id: str,
    engine: Engine,
    body: Annotated[TaskOutcome, Depends(json_body(TaskOutcome))],
) -> TaskAnswer:
    """Note that a person has dealt with it, and with what outcome."""
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        now = await business_now(conn)
        row = await Queries(conn).end_task(task_id, outcome=body.outcome, by=who.subject, now=now)
    return task_answer(row)


@router.get("/rules", operation_id="list_rules", dependencies=[Depends(require("care:read"))])
async def list_rules(shop_id: ShopId, engine: Engine) -> RuleList:
    """List the shop's rules as they stand today."""
    async with shop_tx(engine, SERVICE, shop_id) as conn:
        rows = await Queries(conn).rules()
    return RuleList(rules=[rule_answer(row) for row in rows])


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    parts = decode_cursor(cursor, int, str)
    return None if parts is None else (instant_of(parts[0]), str(parts[1]))
