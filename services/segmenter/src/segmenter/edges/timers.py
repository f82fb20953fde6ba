"""What happens because time passes."""

import logging
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from care.calendar import start_of_day
from plumbing.clock import business_now
from plumbing.crashpoint import crashpoint
from plumbing.resources import worker_role, worker_tx
from segmenter.app.find_pairs import find_pairs
from segmenter.app.roll_day import Phase, Turn, roll_day
from segmenter.app.score_shops import score_shops
from segmenter.app.walk_churn import walk_churn
from segmenter.edges.goods.pair_store import PairStore
from segmenter.edges.score_store import ScoreStore
from segmenter.edges.store import SOURCE, Outlet
from segmenter.edges.turn_store import TurnStore
from segmenter.edges.values.churn_store import ChurnStore
from segmenter.metrics import DAYS_TURNED, PASS_LATENESS

log = logging.getLogger(__name__)


async def roll_days(engine: AsyncEngine, *, partitions: int, limit: int) -> int:
    """Do one piece of one shop's midnight pass, in a transaction; return 1, or 0 for none to do."""
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        now = await business_now(conn)
        turn = await roll_day(TurnStore(conn, Outlet(now, partitions)), now, limit=limit)
        if turn is not None:
            crashpoint("timer-before-commit")
    if turn is not None and turn.phase is Phase.DONE:
        _note_end(turn, now)
    return int(turn is not None)


async def score_days(engine: AsyncEngine) -> int:
    """Find the figures of one shop's scores, in a transaction; return 1, or 0 for none to do."""
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        scored = await score_shops(ScoreStore(conn), await business_now(conn))
    return int(scored is not None)


async def walk_risks(engine: AsyncEngine, *, partitions: int, limit: int) -> int:
    """Do one piece of one shop's pass over churn risk; return 1, or 0 for none to do."""
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        outlet = Outlet(await business_now(conn), partitions)
        await ChurnStore(conn, outlet).meet()
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        turn = await walk_churn(ChurnStore(conn, outlet), limit=limit)
        if turn is not None:
            crashpoint("timer-before-commit")
    return int(turn is not None)


async def pair_goods(engine: AsyncEngine, *, limit: int) -> int:
    """Do one piece of one shop's pass over pairs, in a transaction; return 1, or 0 for none."""
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        done = await find_pairs(PairStore(conn), limit=limit)
        if done:
            crashpoint("timer-before-commit")
    return int(done)


def _note_end(turn: Turn, now: datetime) -> None:
    late = now - start_of_day(turn.shop.day, turn.shop.zone)
    DAYS_TURNED.inc()
    PASS_LATENESS.set(late.total_seconds())
    log.info(
        "day turned",
        extra={
            "shop_id": turn.shop.shop_id,
            "day": turn.shop.day.isoformat(),
            "everything": turn.everything,
            "late_s": late.total_seconds(),
        },
    )
