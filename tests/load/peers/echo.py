"""The peer of B1 and B2: bare FastAPI on uvicorn with its best settings; it keeps nothing.

Run by the peers' own Python: echo.py PORT
"""

import sys
from datetime import datetime

import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

app = FastAPI(openapi_url=None)
taken = {"orders": 0}


class Item(BaseModel):
    sku: str
    name: str
    quantity: int
    price: int


class Region(BaseModel):
    country: str
    province: str
    city: str


class Order(BaseModel):
    kind: str
    order_id: str
    customer_id: str
    version: datetime
    placed_at: datetime
    paid_at: datetime
    closes_at: datetime
    ship_by: datetime
    currency: str
    total: int
    discount: int
    freight: int
    pay_on_delivery: bool
    is_test: bool
    is_presale: bool
    items: list[Item]
    region: Region


@app.post("/echo")
async def echo(request: Request) -> Response:
    await request.body()
    taken["orders"] += 1
    return Response(b'{"accepted":1}', media_type="application/json")


@app.post("/batch")
async def batch(orders: list[Order]) -> Response:
    taken["orders"] += len(orders)
    return Response(b'{"accepted":500}', media_type="application/json")


@app.get("/taken")
async def count() -> dict[str, int]:
    return taken


if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
