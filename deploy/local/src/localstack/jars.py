"""Kafka's jars: fetched once, checked by their digests, kept under `.local/jars`."""

import asyncio
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from localstack.errors import StackError

KAFKA_VERSION: Final = "4.3.0"
ENDPOINT: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
ABOUT_JARS: Final = 46  # only for the progress line
TELL_EVERY_S: Final = 2.0


async def kafka_jars(folder: Path) -> Path:
    """Return the folder that holds all of Kafka's jars; the first call fetches them.

    A second caller, in this or another process, waits for the first one. A fetch that broke off
    goes on where it was.
    """
    jars = folder / f"kafka-{KAFKA_VERSION}"
    if not jars.exists():
        fetching = asyncio.create_task(asyncio.to_thread(_fetch_alone, folder, jars))
        await _tell_progress(folder, fetching)
        await fetching
    return jars


def say(text: str) -> None:
    sys.stderr.write(f"localstack: {text}\n")
    sys.stderr.flush()


async def _tell_progress(folder: Path, fetching: asyncio.Task[None]) -> None:
    say(f"fetching Apache Kafka {KAFKA_VERSION} (44 MB, only this once) ...")
    while not (await asyncio.wait([fetching], timeout=TELL_EVERY_S))[0]:
        say(f"  {arrived(folder / 'fetch')} of about {ABOUT_JARS} jars")


def arrived(work: Path) -> int:
    # Folders may go while they are counted: walk() passes over them, glob() raises.
    found = os.walk(work / "repository")
    return sum(name.endswith(".jar") for _, _, names in found for name in names)


def _fetch_alone(folder: Path, jars: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        if not jars.exists():  # another process may have been faster
            started = time.monotonic()
            _fetch(folder / "fetch", jars)
            say(f"fetched in {time.monotonic() - started:.0f} s into {jars}")


def _fetch(work: Path, jars: Path) -> None:
    from jgo.env import EnvironmentBuilder  # noqa: PLC0415 - takes 0.3 s, only a first start needs it
    from jgo.maven import MavenContext  # noqa: PLC0415 - the same package, the same 0.3 s

    shutil.rmtree(work / "linked", ignore_errors=True)
    context = MavenContext(repo_cache=work / "repository", timeout=60)
    builder = EnvironmentBuilder(context=context, cache_dir=work / "linked")
    try:
        built = builder.from_endpoint(ENDPOINT)
    except (OSError, RuntimeError, ValueError) as error:
        raise StackError(
            f"Kafka's jars could not be fetched ({type(error).__name__}: {str(error)[:300]}). Is "
            "there a network, and may it be used (HTTPS_PROXY)? Then start again: what has arrived "
            f"is kept. Or copy the folder {jars} from a machine that has it."
        ) from error
    fresh = jars.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    # jgo sorts jars into a class path and a module path; Kafka wants them all on the class path.
    for jar in Path(built.path).glob("**/*.jar"):
        _link(jar.resolve(), fresh / jar.name)
    fresh.rename(jars)
    shutil.rmtree(work, ignore_errors=True)


def _link(source: Path, target: Path) -> None:
    with suppress(FileExistsError):
        try:
            os.link(source, target)
        except PermissionError:
            shutil.copy(source, target)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file *path*; the system frees it when the process ends, however it ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
