"""What comes for members because time passes."""

from sqlalchemy.ext.asyncio import AsyncEngine

from plumbing.clock import business_now
from plumbing.crashpoint import crashpoint
from plumbing.resources import worker_role, worker_tx
from segmenter.app.tend_members import tend_members
from segmenter.edges.members.points_store import PointsStore
from segmenter.edges.members.round_store import RoundStore
from segmenter.edges.members.store import MemberStore
from segmenter.edges.store import SOURCE, Outlet


async def tend(engine: AsyncEngine, *, partitions: int, limit: int) -> int:
    """Do the next piece of what is due, in a transaction; return 0 for nothing to do."""
    async with worker_tx(engine, worker_role(SOURCE)) as conn:
        outlet = Outlet(await business_now(conn), partitions)
        done = await tend_members(
            RoundStore(conn),
            MemberStore(conn, outlet),
            PointsStore(conn, outlet),
            outlet.now,
            limit=limit,
        )
        if done:
            crashpoint("timer-before-commit")
    return done
