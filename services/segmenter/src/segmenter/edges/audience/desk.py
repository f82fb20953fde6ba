"""How much is asked at once: a shop's questions must not keep the others from theirs."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final

from fastapi import Depends, Request
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from segmenter.edges.audience.ask_store import AskedShop, asked_shop
from segmenter.edges.store import SOURCE
from segmenter.errors import TooCostly, TooManyQuestions, UnknownShop
from web.shop_session import shop_tx

MOST_AT_ONCE: Final = 4
MOST_OF_A_SHOP: Final = 2
ANSWER_WITHIN_MS: Final = 10_000
READER_IDLE_MS: Final = 30_000
WORK_MEMORY: Final = "32MB"  # a million customers are joined without a file
_CANCELLED: Final = "57014"  # query_canceled, by the statement's timeout

_LIMIT: Final = text(
    """
    select set_config('statement_timeout', :statement, true),
           set_config('idle_in_transaction_session_timeout', :idle, true),
           set_config('work_mem', :memory, true)
    """
)


@dataclass(slots=True)
class Desk:
    """Of one process: who is being answered."""

    at_work: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def place(self, shop_id: str) -> Iterator[None]:
        """Hold a place while a question of *shop_id* is answered; refuse when there is none."""
        if self.at_work[shop_id] >= MOST_OF_A_SHOP or self.at_work.total() >= MOST_AT_ONCE:
            raise TooManyQuestions("others are being answered: ask again in a moment")
        self.at_work[shop_id] += 1
        try:
            yield
        finally:
            self.at_work[shop_id] -= 1
            self.at_work += Counter()  # forget shops with none


def _desk_of(request: Request) -> Desk:
    state = request.app.state
    if not hasattr(state, "audience_desk"):
        state.audience_desk = Desk()
    desk: Desk = state.audience_desk
    return desk


AtDesk = Annotated[Desk, Depends(_desk_of)]


@asynccontextmanager
async def opened(
    engine: AsyncEngine, shop_id: str
) -> AsyncIterator[tuple[AsyncConnection, AskedShop]]:
    """Open the shop, with a bound on how long a statement may take."""
    async with shop_tx(engine, SOURCE, shop_id) as conn:
        limits = {
            "statement": str(ANSWER_WITHIN_MS),
            "idle": str(READER_IDLE_MS),
            "memory": WORK_MEMORY,
        }
        await conn.execute(_LIMIT, limits)
        try:
            shop = await asked_shop(conn, shop_id)
            if shop is None:
                raise UnknownShop("no such shop")
            yield conn, shop
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _CANCELLED:
                raise
            raise TooCostly(
                f"the answer takes longer than {ANSWER_WITHIN_MS // 1000} s:"
                " ask for fewer spans and articles, or shorter ones"
            ) from None
