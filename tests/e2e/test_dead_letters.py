"""A record that a service cannot use is put away with its bytes, stops nobody, and can come back.

Driven from outside: records are produced onto the topic, operators use the command `huiliu`.
"""

import asyncio
import json
import os
import sys
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio

from contracts.codec import customer_key, encode
from contracts.events import OrderFacts
from contracts.topics import ORDERS
from demo.house import login, token
from localstack import Stack
from plumbing.records import partition_of
from plumbing.resources import open_producer
from plumbing.seal import Sealer
from support.eventually import eventually
from support.town import MORNING, PARTITIONS, SHOP_ID, Town, open_town

pytestmark = pytest.mark.asyncio(loop_scope="module")

READERS: Final = ("ingest", "segmenter", "care-triggers", "reporting")
SEALS: Final = ("ingest", "segmenter", "care-triggers")
# Where each keeps what it knows of an order. Ingest asks for no shop.
KNOWN: Final = {
    "ingest": "ingest.order_ref",
    "segmenter": "segmenter.customer_order",
    "care-triggers": "care_triggers.order_fact",
    "reporting": "reporting.order_fact",
}
GROUPS: Final = {"segmenter": 2}  # each puts away what it can't use; all others have one
NEED_THE_SHOP: Final = READERS[1:]
TOTAL: Final = 45_600  # minor units
UNKNOWN_SHOP: Final = "unknown shop"


@dataclass(frozen=True, slots=True)
class Desk:
    """What an operator has: the command line, and the means of a producer."""

    town: Town
    environ: Mapping[str, str]

    async def huiliu(self, *arguments: str) -> str:
        """Run `huiliu`; return what it prints."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("huiliu")),
            *arguments,
            env=self.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def letters(self, service: str, **filters: str) -> list[dict[str, Any]]:
        page = await self.town.api.get(service, "/v1/dead-letters", **filters)
        # The segmenter has a second group, whose letters of the same records are its own.
        return [letter for letter in page["letters"] if letter["group"] == service]

    async def at(self, service: str, offset: int) -> dict[str, Any]:
        """Return the one letter of the record at *offset*."""
        [letter] = [one for one in await self.letters(service) if one["offset"] == offset]
        return letter

    async def tried(self, service: str) -> None:
        """Wait until what was asked for was tried."""
        query = f"select id from {login(service)}.replay_request"  # noqa: S608 - ours

        async def served() -> bool:
            return await self.town.rows(query) == []

        await eventually(served, within_s=20)

    async def produce(
        self, key: bytes, value: bytes | None, headers: Mapping[str, bytes]
    ) -> tuple[int, int]:
        """Put a record on the orders' topic; return its partition and offset."""
        async with open_producer(self.town.stack.kafka_servers) as producer:
            sent = await producer.send_and_wait(
                ORDERS,
                key=key,
                value=value,
                headers=list(headers.items()),
                partition=partition_of(key, PARTITIONS),
            )
        return sent.partition, sent.offset

    async def hear_of(self, shop_id: str, customer_id: str, order_id: str) -> None:
        """Put a paid order on the topic, whether its shop is known or not."""
        fact = OrderFacts(
            shop_id,
            customer_id,
            order_id,
            int(MORNING.timestamp()) * 1_000_000,
            placed_at=MORNING,
            paid_at=MORNING,
            currency="CNY",
            total_minor=TOTAL,
        )
        encoded = encode(fact, source="ingest", at=MORNING)
        assert encoded.key is not None
        await self.produce(encoded.key, encoded.value, dict(encoded.headers))

    async def knows(self, service: str, order_id: str) -> bool:
        query = f"select order_id from {KNOWN[service]} where order_id = $1"  # noqa: S608 - ours
        return await self.town.rows(query, order_id) != []

    async def buy(self, customer_id: str, order_id: str, at: datetime) -> None:
        order = {
            "kind": "order",
            "order_id": order_id,
            "customer_id": customer_id,
            "version": at.isoformat(),
            "placed_at": at.isoformat(),
            "paid_at": at.isoformat(),
            "currency": "CNY",
            "total": TOTAL,
        }
        await self.town.api.say(SHOP_ID, order)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(
    kafka: Stack, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    """A house that waits two seconds for a shop, not thirty."""
    folder = tmp_path_factory.mktemp("town")
    patience = {"HUILIU_SHOP_PATIENCE_S": "2"}
    async with open_town(kafka, postgres, folder, patience) as town:
        await town.start()
        await town.open_shop()
        await town.clock.rest()
        environ = {
            **{name: value for name, value in os.environ.items() if name[:7] != "HUILIU_"},
            "HUILIU_TOKEN": token(ttl_s=3600),
            **{
                f"HUILIU_{login(service).upper()}_URL": f"http://127.0.0.1:{http}"
                for service, (http, _) in town.ports.items()
            },
        }
        yield Desk(town, environ)


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that nobody can use, between two orders of one customer."""

    before: str
    after: str
    part: int
    offset: int
    value: bytes
    reason: str


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=[
        pytest.param(("OrderFacts", b"\xff" * 12, "huiliu.v1.OrderFacts: "), id="no protobuf"),
        pytest.param(("v2", b"\x0a\x03tea", "unknown event type 'huiliu.v2."), id="a new version"),
    ],
)
async def poison(desk: Desk, request: pytest.FixtureRequest) -> Poison:
    kind, value, reason = request.param
    who, name = f"c-{kind}", kind.lower()
    type_name = "huiliu.v2.OrderFacts" if kind == "v2" else f"huiliu.v1.{kind}"
    headers = {"ce_type": type_name.encode(), "ce_id": f"id-{name}".encode()}

    await desk.buy(who, f"{name}-before", MORNING)
    await desk.town.clock.rest()
    part, offset = await desk.produce(customer_key(SHOP_ID, who), value, headers)
    await desk.buy(who, f"{name}-after", MORNING + timedelta(minutes=1))
    await desk.town.clock.rest()
    return Poison(f"{name}-before", f"{name}-after", part, offset, value, reason)


@pytest.mark.parametrize("service", READERS)
async def test_a_record_that_cannot_be_read_stops_nobody_and_is_kept_with_reason_and_bytes(
    desk: Desk, poison: Poison, service: str
) -> None:
    assert await desk.knows(service, poison.before)
    assert await desk.knows(service, poison.after)

    letter = await desk.at(service, poison.offset)
    assert (letter["topic"], letter["partition"]) == (ORDERS, poison.part)
    assert letter["reason"].startswith(poison.reason)
    assert await bytes_of(desk, service, letter["id"]) == poison.value


@pytest.mark.parametrize("service", READERS)
async def test_its_replay_leaves_it_with_its_reason_and_ends_nobody(
    desk: Desk, poison: Poison, service: str
) -> None:
    before = await desk.at(service, poison.offset)

    answer = await desk.town.api.post(service, "/v1/dead-letters/replay", {"ids": [before["id"]]})
    await desk.tried(service)

    assert answer == {"requested": 1}
    assert await desk.at(service, poison.offset) == before
    assert desk.town.pods[service].alive


async def bytes_of(desk: Desk, service: str, letter_id: int) -> bytes:
    """Return the record's bytes, unsealed with the key that the house has."""
    whole = await desk.town.api.get(service, f"/v1/dead-letters/{letter_id}")
    rests = b64decode(whole["value_base64"])
    assert whole["sealed"] == (service in SEALS)
    if not whole["sealed"]:
        return rests
    place = "dead_letter:{topic}:{partition}:{offset}".format(**whole)
    return Sealer(sha256(b"huiliu-local-data").digest()).unseal(rests, place.encode())


async def test_the_command_line_lists_and_replays(desk: Desk, poison: Poison) -> None:
    letter = await desk.at("segmenter", poison.offset)
    of = ("--service", "segmenter")

    listed = json.loads(await desk.huiliu("dead-letters", "list", *of, "--json"))
    table = await desk.huiliu("dead-letters", "list", *of, "--reason", letter["reason"])
    said = await desk.huiliu("dead-letters", "replay", str(letter["id"]), *of)
    await desk.tried("segmenter")

    assert letter in listed
    assert poison.reason[:15] in table
    assert said == "1 letter will be tried again\n"
    assert await desk.at("segmenter", poison.offset) == letter


async def test_a_fact_of_a_shop_that_comes_later_is_merged_by_its_replay(desk: Desk) -> None:
    await desk.hear_of("silk", "c-silk", "silk-1")
    await desk.town.clock.rest()
    for service in NEED_THE_SHOP:
        [letter] = await desk.letters(service, reason=UNKNOWN_SHOP)
        assert letter["key"] == "silk:c-silk"
        assert not await desk.knows(service, "silk-1")

    await desk.town.open_shop("silk")
    await desk.town.clock.rest()
    for service in NEED_THE_SHOP:
        of = ("--service", service, "--reason", UNKNOWN_SHOP, "--json")
        groups = GROUPS.get(service, 1)
        assert len(json.loads(await desk.huiliu("dead-letters", "list", *of))) == groups
        asked = json.loads(await desk.huiliu("dead-letters", "replay", *of))
        assert asked == {"requested": groups}
        await desk.tried(service)
        assert await desk.letters(service, reason=UNKNOWN_SHOP) == []
        assert await desk.knows(service, "silk-1")

    await desk.town.clock.rest()
    answer = await desk.town.api.get("segmenter", "/v1/shops/silk/customers/c-silk")
    assert (answer["life"]["frequency"], answer["life"]["monetary_minor"]) == (1, TOTAL)


async def test_a_replay_before_its_shop_is_there_leaves_the_letter(desk: Desk) -> None:
    await desk.hear_of("ink", "c-ink", "ink-1")
    await desk.town.clock.rest()
    [before] = await desk.letters("reporting", reason=UNKNOWN_SHOP)

    await desk.town.api.post("reporting", "/v1/dead-letters/replay", {"key": "ink:c-ink"})
    await desk.tried("reporting")

    assert await desk.letters("reporting", reason=UNKNOWN_SHOP) == [before]
