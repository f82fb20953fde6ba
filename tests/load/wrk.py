"""The load: wrk with one thread, posting orders of which no two are alike."""

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

SCRIPT: Final = Path(__file__).with_name("orders.lua")
GIVE_UP_S: Final = 30

# Some 630 bytes and 17 fields, as a shop system sends an order. Every body has the same length.
_ORDER: Final[Mapping[str, Any]] = {
    "kind": "order",
    "order_id": "RUN-NUMBER",
    "customer_id": "buyer-CUSTOMER",
    "version": "DAYT08:30:SECOND.123456Z",
    "placed_at": "DAYT08:12:07.000000Z",
    "paid_at": "DAYT08:30:SECOND.123456Z",
    "closes_at": "DAYT09:12:07Z",
    "ship_by": "DAYT16:00:00+08:00",
    "currency": "CNY",
    "total": "TOTAL",
    "discount": 500,
    "freight": 800,
    "pay_on_delivery": False,
    "is_test": False,
    "is_presale": False,
    "items": [
        {"sku": "tea-longjing-250", "name": "龙井 250g", "quantity": 2, "price": 4900},
        {"sku": "cup-celadon-2", "name": "青瓷杯 两只装", "quantity": 1, "price": 2600},
    ],
    "region": {"country": "CN", "province": "浙江省", "city": "杭州市"},
}
_DIGITS: Final = {"NUMBER": "%09d", "CUSTOMER": "%05d", "TOTAL": "%05d", "SECOND": "%02d"}


def missing() -> str | None:
    return None if shutil.which("wrk") else "wrk is not installed: apt-get install wrk"


def customer_of(number: int) -> str:
    return f"buyer-{number % 5000:05d}"


def total_of(number: int) -> int:
    return 100_000 + 1000 + number % 9973


def number_of(order_id: str, run: str) -> int | None:
    """Return which order of *run* this is; None for another run's."""
    named, _, number = order_id.partition("-")
    return int(number) if named == run else None


def _template(run: str) -> str:
    """Return the order as orders.lua wants it."""
    told = json.dumps(_ORDER, ensure_ascii=False, separators=(",", ":")).replace("RUN", run)
    told = told.replace("DAY", (datetime.now(UTC) - timedelta(days=2)).date().isoformat())
    told = told.replace('"TOTAL"', "1TOTAL")  # a number, and one without a leading zero
    return re.sub("|".join(_DIGITS), lambda found: _DIGITS[found[0]], told)


@dataclass(frozen=True, slots=True)
class Shot:
    """What wrk saw: requests with an answer, and those that were begun."""

    answered: int
    issued: int  # orders, in bodies that may have been cut off
    wall_s: float
    refused: int
    broken: int
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """Where orders are posted to, and how many at once."""

    url: str
    path: str
    headers: Mapping[str, str]
    connections: int
    seconds: int
    first: str = ""
    last: str = ""
    count: int = 1  # orders in a body
    limit: int = 0  # answers; none when 0
    pause_ms: float = 0.0  # of each connection before a request

    async def fire(self, run: str) -> Shot:
        host = self.url.removeprefix("http://")
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json"]
        lines += [f"{name}: {value}".replace("%", "%%") for name, value in self.headers.items()]
        head = "\r\n".join([*lines, "Content-Length: %d", "", ""])
        process = await asyncio.create_subprocess_exec(
            *("wrk", "-t1", f"-c{self.connections}", f"-d{self.seconds}s", "--latency"),
            *("-s", str(SCRIPT), self.url),
            env={
                **os.environ,
                "BENCH_HEAD": head,
                "BENCH_ORDER": _template(run),
                "BENCH_FIRST": self.first,
                "BENCH_LAST": self.last,
                "BENCH_COUNT": str(self.count),
                "BENCH_LIMIT": str(self.limit),
                "BENCH_PAUSE": str(round(self.pause_ms)),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asyncio.wait_for(process.communicate(), self.seconds + GIVE_UP_S)
        found = re.search(r"^RESULT (.*)$", said.decode(), re.MULTILINE)
        if found is None:
            raise RuntimeError(f"wrk said:\n{said.decode()}")
        return Shot(**json.loads(found[1]))
