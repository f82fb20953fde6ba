"""Houses to test: each with its own database and topics, on the session's Kafka and Postgres."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from localstack import Stack
from support.town import Town, open_town


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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A whole house needs longer than a function."""
    for item in items:
        if "e2e" in item.path.parts and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))
