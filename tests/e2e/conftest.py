"""Houses to test: each with its own database and topics, on the session's Kafka and Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from localstack import Stack
from simulators.sms import Pace
from support.canonical import Record, record
from support.script import Push, insist, play
from support.town import Town, open_town

# Claims and unknown outcomes settle in seconds; a busy machine makes no reminder late.
BRISK = {
    "HUILIU_REQUEST_TIMEOUT_S": "2",
    "HUILIU_CLAIM_TIMEOUT_S": "4",
    "HUILIU_UNKNOWN_CLOSE_S": "6",
    "HUILIU_LATE_START_S": "10",
}
# Receipts come after the answer's COMMIT, as if the message had travelled.
TRAVELS = Pace(receipt_after_s=0.7)


@pytest.fixture
async def town(kafka: Stack, postgres: str, tmp_path: Path) -> AsyncIterator[Town]:
    """A house of the test's own, whose services the test starts."""
    async with open_town(kafka, postgres, tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unstarted_town(
    kafka: Stack, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """One house for all tests of a module, which starts what it needs."""
    async with open_town(kafka, postgres, tmp_path_factory.mktemp("town")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_town(unstarted_town: Town) -> Town:
    """One house for all tests of a module, all services up; each test has its own customers."""
    await unstarted_town.start()
    await unstarted_town.open_shop()
    return unstarted_town


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def brisk_town(
    golden: Record, kafka: Stack, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Town]:
    """A house like the golden one, nothing started yet."""
    folder = tmp_path_factory.mktemp("town")
    async with open_town(kafka, postgres, folder, BRISK, TRAVELS) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def golden(kafka: Stack, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The scripted day without any fault: what a run with faults must come to."""
    folder = tmp_path_factory.mktemp("golden")
    async with open_town(kafka, postgres, folder, BRISK, TRAVELS) as town:

        async def say(push: Push) -> None:
            await insist(town, *push.facts)

        await town.start()
        await town.open_shop()
        await town.clock.rest()
        await play(town, say)
        return await record(town)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A whole house needs longer than a function."""
    for item in items:
        if "e2e" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))
