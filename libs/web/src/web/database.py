"""The service's database as the edge sees it: is it there, is it ours, may we use it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from plumbing.away import is_away
from plumbing.resources import WrongRole, check_role
from plumbing.stopping import pause
from web.settings import PREFIX, ServiceSettings, refuse

FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 5.0
ANSWERS_WITHIN_S = 2.0

_WRONG_LOGIN = frozenset({"28000", "28P01", "3D000"})  # login, password, no such database

_SHIFTED = text("select by_interval <> interval '0' from clock.shift")

log = logging.getLogger(__name__)


async def check_database(
    engine: AsyncEngine, service: str, settings: ServiceSettings, stop: asyncio.Event
) -> None:
    """Wait until Postgres answers; end the process with exit code 2 when the login is not fit.

    Returns early when *stop* is set.
    """
    wait_s = FIRST_WAIT_S
    while not stop.is_set():
        try:
            async with engine.connect() as conn:
                await _judge(conn, service, settings)
        except (SQLAlchemyError, OSError) as error:
            _refuse_login(error)
            if not is_away(error):
                raise
        else:
            return
        log.warning("database away", extra={"again_in_s": wait_s})
        await pause(stop, wait_s)
        wait_s = min(LONGEST_WAIT_S, wait_s * 2)


def database_answers(engine: AsyncEngine) -> Callable[[], Awaitable[str | None]]:
    """Return a readiness check: does Postgres answer a query at once."""

    async def check() -> str | None:
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S), engine.connect() as conn:
                await conn.execute(text("select 1"))
        except (SQLAlchemyError, OSError):
            return "does not answer"
        return None

    return check


async def _judge(conn: AsyncConnection, service: str, settings: ServiceSettings) -> None:
    try:
        await check_role(conn, service)
    except WrongRole as error:
        refuse(f"{PREFIX}DATABASE_URL", str(error))
    if settings.production and await conn.scalar(_SHIFTED):
        refuse(
            f"{PREFIX}ENVIRONMENT",
            "the business clock is shifted (clock.shift), which production refuses",
        )


def _refuse_login(error: BaseException) -> None:
    codes = {getattr(one, "sqlstate", None) for one in _chain(error)}
    if codes & _WRONG_LOGIN:
        refuse(f"{PREFIX}DATABASE_URL", "the server does not know this login or this database")


def _chain(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = getattr(one, "orig", None) or one.__cause__
