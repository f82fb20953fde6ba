"""Filters beside a batch: each field, and a hundred random trees, choose whom DuckDB chooses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from sqlalchemy import insert

from contracts.events import AttributeType
from integration.segmenter.conftest import Segmenter
from segmenter.domain.audience.fields import FIELDS
from segmenter.domain.audience.parse import parse
from segmenter.edges.audience.ask_store import asked_shop, count, members
from segmenter.edges.tables import metadata
from support.audience_shop import OWN, TODAY, AudienceShop, audience_shop
from support.batch_audience import Batch
from support.database import connect
from support.filter_trees import ASKED, leaf, tree
from web.shop_session import shop_tx

CUSTOMERS = 2000
SEED = 20260301


async def put(segmenter: Segmenter, shop: AudienceShop) -> None:
    """Write the shop's rows as they are: where they come from is tested elsewhere."""
    async with segmenter.tx() as conn:
        for name, rows in shop.tables().items():
            table = metadata.tables[name]
            for start in range(0, len(rows), 500):
                await conn.execute(insert(table), list(rows[start : start + 500]))
    admin = await connect(segmenter.db.admin_url)  # as autovacuum would soon
    await admin.execute("analyze")
    await admin.close()


@dataclass(frozen=True, slots=True)
class Beside:
    segmenter: Segmenter
    batch: Batch

    async def agree(self, given: Mapping[str, Any]) -> int:
        """Assert that both choose the same; return how many."""
        own = {name: AttributeType(of) for name, of in OWN.items()}
        question = parse(json.loads(json.dumps(given)), (), own)
        async with shop_tx(self.segmenter.engine, "segmenter", "tea") as conn:
            shop = await asked_shop(conn, "tea")
            assert shop is not None
            assert shop.today.day == TODAY
            found = [one async for one in members(conn, question, shop.today)]
            counted = await count(conn, question, shop.today)
        wanted = self.batch.chosen(given)
        assert sorted(found) == sorted(wanted), given
        assert counted.left == (len(wanted),)
        assert counted.nodes["/filter"] == len(wanted)
        return len(wanted)


@pytest.fixture
async def beside(segmenter: Segmenter) -> Beside:
    print(f"seed {SEED}")  # noqa: T201 - for the record
    shop = audience_shop(Random(SEED), CUSTOMERS)  # noqa: S311 - repeatable on purpose
    await put(segmenter, shop)
    await segmenter.score()
    return Beside(segmenter, Batch(shop))


async def test_every_field_chooses_whom_the_batch_chooses(beside: Beside) -> None:
    assert {asked.split()[0] for asked in ASKED} == {*FIELDS, "attribute"}
    random = Random(SEED)  # noqa: S311 - repeatable on purpose
    for asked in ASKED:
        sizes = [await beside.agree(leaf(random, asked)) for _ in range(6)]
        assert 0 < sum(sizes) < 6 * CUSTOMERS, asked


async def test_a_hundred_random_trees_choose_whom_the_batch_chooses(beside: Beside) -> None:
    random = Random(SEED + 1)  # noqa: S311 - repeatable on purpose
    sizes = [await beside.agree(tree(random)) for _ in range(100)]

    assert sum(0 < size < CUSTOMERS for size in sizes) > 60
