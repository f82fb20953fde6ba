"""Cohorts over HTTP: who bought first in a month, and what became of them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from segmenter.app.cohorts import MOST_MONTHS, view_cohorts
from segmenter.edges.api import AsOf, view
from segmenter.edges.cohort_store import CohortStore
from web.auth import ShopId, require
from web.shop_session import Engine
from web.tagged import TaggedRoute

router = APIRouter(prefix="/v1/shops/{shop_id}", tags=["segments"], route_class=TaggedRoute)
read = Depends(require("customers:read"))

Months = Annotated[
    int,
    Query(
        ge=1, le=MOST_MONTHS, description="how many months of first purchases, the last included"
    ),
]


class MonthAnswer(BaseModel):
    offset: int = Field(description="months since the first purchase; 0: its own month")
    customers: int = Field(description="of the cohort, who bought in that month")
    orders: int
    monetary_minor: int


class CohortAnswer(BaseModel):
    month: str = Field(description="of the first counted order, as in 2026-03")
    customers: int
    months: list[MonthAnswer] = Field(description="up to as_of's, those without orders too")


class CohortsAnswer(BaseModel):
    shop_id: str
    as_of: date
    currency: str
    cohorts: list[CohortAnswer] = Field(description="oldest first, those without customers too")


@router.get("/cohorts", operation_id="get_cohorts", dependencies=[read])
async def get_cohorts(
    shop_id: ShopId, engine: Engine, months: Months = 12, as_of: AsOf = None
) -> CohortsAnswer:
    """Customers by the month of their first counted order, and what they bought month by month.

    Months are the shop's, up to *as_of* or its live day; orders are those known now.
    """
    async with view(engine, shop_id, as_of) as (conn, shop):
        day = as_of or shop.day
        cohorts = await view_cohorts(CohortStore(conn), day, months)
    return CohortsAnswer(
        shop_id=shop_id,
        as_of=day,
        currency=shop.currency,
        cohorts=[
            CohortAnswer(
                month=f"{one.month:%Y-%m}",
                customers=one.customers,
                months=[
                    MonthAnswer(
                        offset=offset,
                        customers=bought.customers,
                        orders=bought.orders,
                        monetary_minor=bought.monetary_minor,
                    )
                    for offset, bought in enumerate(one.months)
                ],
            )
            for one in cohorts
        ],
    )
