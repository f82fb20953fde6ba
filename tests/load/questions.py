"""B16: what a shop of a million customers asks: one of them, and how many a filter means."""

import itertools
import statistics
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

import asyncpg
import httpx

from demo.house import House, token
from load.backlog import template
from load.bed import PARTITIONS, Bed, usage
from load.crowd import Crowd
from load.frame import Bar, Benchmark, Contest, Progress, Run, Size, Tell
from load.orders_log import SHOPS
from localstack import free_port
from support.town import fresh_topics

SHOP_ID: Final = SHOPS[0]
POINTS: Final = 2_000
ROUNDS: Final = 3  # of each filter
SEED: Final = 11

_TRAITS: Final = """
    insert into segmenter.customer_traits
      (shop_id, customer_id, revision, erased, gender, birth_is_lunar, country, province, city,
       has_mobile, email_domain, customer_class, address_tags, attributes)
    select shop_id, customer_id, 1, false, (array['female', 'male', ''])[1 + n % 3], false, 'CN',
           (array['浙江', '广东', '江苏', '四川', '北京'])[1 + n % 5], '', n % 10 > 0,
           case when n % 4 = 0 then 'qq.com' else '' end, 'retail', '{}',
           jsonb_build_object('size', (array['S', 'M', 'L'])[1 + n % 3],
                              'height', (150 + n % 50)::text,
                              'tags', case when n % 7 = 0 then '["vip"]'::jsonb else '[]' end)
    from (select *, substr(customer_id, 3)::int as n from segmenter.customer_state) people
    """
_OWN: Final = """
    update segmenter.shop set attributes = '{"size": "choice", "height": "number"}'
    """
# What is asked, and the same in SQL over the tables that were filled.
_STATE: Final = "select count(*) from segmenter.customer_state where "
_TRAIT: Final = "select count(*) from segmenter.customer_traits where "
_ORDER: Final = "select count(distinct customer_id) from segmenter.customer_order where "
_BOTH: Final = """
    select count(*) from segmenter.customer_state join segmenter.customer_traits
    using (shop_id, customer_id) where """
FILTERS: Final[Mapping[str, tuple[dict[str, Any], str]]] = {
    "cell": (
        {"field": "cell", "in": ["new_high"]},
        _STATE + "cell = 'new_high'",
    ),
    "money of the life": (
        {"field": "net_money", "gte": 50_000},
        _STATE + "monetary_minor >= 50000",
    ),
    "orders of 30 days": (
        {"field": "orders", "gte": 1, "window_days": 30},
        _ORDER + "paid_day > date '2026-03-01' - 30",
    ),
    "orders of 365 days": (
        {"field": "orders", "gte": 1, "window_days": 365},
        _ORDER + "paid_day > date '2026-03-01' - 365",
    ),
    "money of 730 days": (
        {"field": "net_money", "gte": 50_000, "window_days": 730},
        _STATE + "monetary_minor >= 50000",
    ),
    "province": (
        {"field": "province", "in": ["浙江", "江苏"]},
        _TRAIT + "province in ('浙江', '江苏')",
    ),
    "own choice": (
        {"field": "attribute", "name": "size", "in": ["M"]},
        _TRAIT + "attributes ->> 'size' = 'M'",
    ),
    "own number": (
        {"field": "attribute", "name": "height", "gte": 180},
        _TRAIT + "(attributes ->> 'height')::numeric >= 180",
    ),
    "tags": ({"field": "tags", "any": ["vip"]}, _TRAIT + "attributes -> 'tags' ? 'vip'"),
    "five at once": (
        {
            "and": [
                {"field": "gender", "eq": "female"},
                {"field": "province", "in": ["浙江", "广东"]},
                {"field": "orders", "gte": 1, "window_days": 90},
                {"field": "attribute", "name": "size", "in": ["S", "M"]},
                {"not": {"field": "tags", "any": ["vip"]}},
            ]
        },
        _BOTH + "gender = 'female' and province in ('浙江', '广东')"
        " and last_day > date '2026-03-01' - 90 and attributes ->> 'size' in ('S', 'M')"
        " and not attributes -> 'tags' ? 'vip'",
    ),
}


@dataclass(eq=False)
class Questions:
    """A segmenter that nothing else is asked of; each run asks for other customers."""

    bed: Bed
    crowd: Crowd
    database: str
    pid: int
    http: httpx.AsyncClient
    name: str = "segmenter"
    _runs: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def run(self) -> Run:
        random = Random(SEED + next(self._runs))  # noqa: S311 - no secret
        began, used = time.perf_counter(), usage(self.pid).cpu_s
        points = [await self._point(random) for _ in range(POINTS)]
        counts: dict[str, list[float]] = {name: [] for name in FILTERS}
        wrong = ""
        for name in [*FILTERS] * ROUNDS:
            asked, sql = FILTERS[name]
            at = time.perf_counter()
            got = await self.http.post(
                f"/v1/shops/{SHOP_ID}/audiences/count", json={"filter": asked}
            )
            counts[name].append(time.perf_counter() - at)
            found = got.json()["count"] if got.is_success else got.text
            if found != (expected := await self._expected(sql)):
                wrong += f"{name}: {found} instead of {expected}. "
        medians = {f"count {name}, s": statistics.median(took) for name, took in counts.items()}
        return Run(
            POINTS,
            time.perf_counter() - began,
            usage(self.pid).cpu_s - used,
            usage(self.pid).peak_rss_bytes,
            wrong,
            {
                "point_p99_ms": statistics.quantiles(points, n=100)[98] * 1000,
                "count_s": max(medians.values()),
                **medians,
            },
        )

    async def _point(self, random: Random) -> float:
        who = f"c-{random.randrange(self.crowd.customers):08d}"
        at = time.perf_counter()
        got = await self.http.get(f"/v1/shops/{SHOP_ID}/customers/{who}")
        took = time.perf_counter() - at
        got.raise_for_status()
        return took

    async def _expected(self, sql: str) -> int:
        conn = await self.bed.connect(self.database)
        try:
            return int(await conn.fetchval(sql))
        finally:
            await conn.close()


async def _fill(conn: asyncpg.Connection, crowd: Crowd, tell: Tell) -> None:
    await crowd.settle(conn, Progress("written customers", crowd.customers, tell))
    await conn.execute(_TRAITS, timeout=900)
    await conn.execute(_OWN)
    await conn.execute("vacuum (analyze)", timeout=900)


@asynccontextmanager
async def _open(bed: Bed, size: Size, tell: Tell) -> AsyncIterator[Contest]:
    await fresh_topics(bed.kafka)  # nothing comes meanwhile
    crowd = Crowd(1_000_000, shops=1)
    if size.short:
        crowd = replace(crowd, customers=500)
    database = await template(bed)
    conn = await bed.connect(database)
    try:
        await _fill(conn, crowd, tell)
    finally:
        await conn.close()
    house = House(
        bed.kafka.kafka_servers,
        bed.admin_url,
        database,
        bed.folder,
        partitions=PARTITIONS,
        settings={"HUILIU_LOG_LEVEL": "WARNING"},
    )
    port = free_port()
    try:
        pod = await house.start("segmenter", (port, free_port()))
        await pod.ready()
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"authorization": f"Bearer {token(ttl_s=3600)}"},
            timeout=60,
        ) as http:
            yield Contest(
                Questions(bed, crowd, database, pod.process.pid, http),
                None,
                {
                    "customers": f"{crowd.customers:,} of one shop, an order each, with profiles",
                    "point_p99_ms": f"of {POINTS:,} customers asked for one after the other",
                    "count_s": f"the slowest of {len(FILTERS)} filters, each a median of {ROUNDS}",
                },
            )
    finally:
        await house.stop()
        await bed.drop(database)


B16: Final = Benchmark(
    name="B16",
    what="one of 1M customers asked for, and how many a filter means (no peer)",
    unit="customers",
    bars=[Bar("point_p99_ms", 10, 10, less=True), Bar("count_s", 2, 2, less=True)],
    open=_open,
    runs=3,
    warm_ups=0,
)
