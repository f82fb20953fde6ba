"""Judging used audiences: at the first use, with a new filter, after midnight, after changes."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing.clock import business_now
from plumbing.crashpoint import crashpoint
from plumbing.resources import worker_role, worker_tx
from segmenter.app.judge_audience import judge_audience, judge_changed
from segmenter.edges.audience.desk import WORK_MEMORY
from segmenter.edges.audience.judge_store import JudgeStore
from segmenter.edges.store import SOURCE, Outlet

LONGEST_MS: Final = 15 * 60 * 1000  # of comparing the largest shop's audience

_LIMIT: Final = text(
    """
    select set_config('statement_timeout', :statement, true),
           set_config('work_mem', :memory, true)
    """
)


async def judge_audiences(engine: AsyncEngine, *, partitions: int, limit: int) -> int:
    """Do one piece of a judgement, in a transaction; return 1, or 0 when there is none to do."""
    for use_case in (judge_audience, judge_changed):
        async with worker_tx(engine, worker_role(SOURCE)) as conn:
            await conn.execute(_LIMIT, {"statement": str(LONGEST_MS), "memory": WORK_MEMORY})
            store = JudgeStore(conn, Outlet(await business_now(conn), partitions))
            done = await use_case(store, limit=limit)
            if done:
                crashpoint("timer-before-commit")
        if done:
            return 1
    return 0
