"""Wrong settings end the process at its start: exit code 2, and one line for each that names it."""

import asyncio
import os
import socket
import sys
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from care_triggers.edges.rules_file import SHIPPED
from demo.house import SERVICES

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

AT_ONCE: Final = 3  # more of them would only wait for each other
ENDS_WITHIN_S: Final = 60
WORD: Final = "planted"  # stands in every secret, so that no line may hold it
KEY: Final = b64encode(WORD.encode().ljust(32, b"!")).decode()
GOOD: Final = {
    "ENVIRONMENT": "test",
    "DATABASE_URL": f"postgresql+asyncpg://anybody:{WORD}@127.0.0.1:9/huiliu",
    "KAFKA_SERVERS": "127.0.0.1:9",
    "TOKEN_SECRET": f"{WORD}, and longer than 32 characters",
    "DATA_KEY": KEY,
    "HOST": "127.0.0.1",
    "HTTP_PORT": "0",
    "OPS_PORT": "0",
    "SMS__URL": "http://127.0.0.1:9/sms",
    "SMS__SECRET": f"whsec_{KEY}",
}
SEALS: Final = ("ingest", "segmenter", "care-triggers", "notifier")


@dataclass(frozen=True, slots=True)
class Case:
    """A start with some settings changed (None: unset), and how each line it says begins."""

    name: str
    service: str
    changes: Mapping[str, str | None]
    lines: tuple[str, ...]
    rules: tuple[str, str] | None = field(default=None)  # of the shipped file: this, for that


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    stdout: str
    stderr: str


def _of_all(service: str) -> list[Case]:
    sealed = ("HUILIU_DATA_KEY: ",) if service in SEALS else ()
    several = {
        "DATABASE_URL": None,
        "KAFKA_SERVERS": None,
        "HTTP_PORT": "70000",
        "TOKEN_SECRET": WORD,
        "DATA_KEY": f"{WORD}-short",
    }
    lines = ("HUILIU_DATABASE_URL: missing", "HUILIU_KAFKA_SERVERS: missing", "HUILIU_HTTP_PORT: ")
    lines = (*lines, "HUILIU_TOKEN_SECRET: is shorter than 32 characters", *sealed)
    url, crash = f"http://anybody:{WORD}@127.0.0.1/huiliu", "after-lunch:1"
    return [
        Case("several at once", service, several, lines),
        Case("no database's URL", service, {"DATABASE_URL": url}, ("HUILIU_DATABASE_URL: must",)),
        Case("no such crash point", service, {"CRASH": crash}, ("HUILIU_CRASH: ",)),
    ]


def _of_rules(name: str, said: str, change: tuple[str, str]) -> Case:
    line = f"HUILIU_RULES_FILE: {{folder}}/{name}.yaml line {said}"
    rules_file = f"{{folder}}/{name}.yaml"
    return Case(name, "care-triggers", {"RULES_FILE": rules_file}, (line,), change)


CASES: Final = [
    *(case for service in SERVICES for case in _of_all(service)),
    _of_rules("an unknown field", "8, rules[0].colour: Extra", ("wait: 30m", "colour: red")),
    _of_rules(
        "a condition that is not boolean",
        "8, rules[0].audience: answers INT, not yes or no",
        ("wait: 30m", "audience: order.items"),
    ),
    Case(
        "no rule file",
        "care-triggers",
        {"RULES_FILE": "{folder}/nowhere.yaml"},
        ("HUILIU_RULES_FILE: {folder}/nowhere.yaml: No such file",),
    ),
    Case(
        "no gateway",
        "notifier",
        {"SMS__URL": f"http://anybody:{WORD}@127.0.0.1:9/", "SMS__SECRET": f"whsec_{WORD}"},
        (
            "HUILIU_SMS__URL: must be http(s)://host/path, without a login",
            "HUILIU_SMS__SECRET: ",
        ),
    ),
    Case(
        "a gateway that reports in no known words",
        "notifier",
        {"RECEIPTS": f'[{{{{"kind": "pager", "path": "{WORD}"}}}}]'},
        ("HUILIU_RECEIPTS__0: ",),
    ),
    Case(
        "a path that can be guessed",
        "notifier",
        {"RECEIPTS": f'[{{{{"kind": "aliyun", "path": "{WORD}"}}}}]'},
        ("HUILIU_RECEIPTS__0__ALIYUN__PATH: 22 to 64 random",),
    ),
    Case("a port that is taken", "reporting", {"HTTP_PORT": "{taken}"}, ("HUILIU_HTTP_PORT: ",)),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ends(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Ended]:
    """Start all of them, a few at a time, and return how each ended."""
    folder = tmp_path_factory.mktemp("settings")
    free = asyncio.Semaphore(AT_ONCE)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        known = {"folder": str(folder), "taken": str(taken.getsockname()[1])}

        async def run(case: Case) -> Ended:
            if case.rules is not None:
                text = SHIPPED.read_text("utf-8").replace(*case.rules, 1)
                (folder / f"{case.name}.yaml").write_text(text, "utf-8")
            async with free:
                return await _start(case, known)

        found = await asyncio.gather(*map(run, CASES))
    return {_id(case): end for case, end in zip(CASES, found, strict=True)}


async def _start(case: Case, known: Mapping[str, str]) -> Ended:
    given = {**GOOD, **case.changes}
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HUILIU_")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    environ |= {
        f"HUILIU_{name}": value.format(**known)
        for name, value in given.items()
        if value is not None
    }
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name(case.service)),
        "serve",
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), ENDS_WITHIN_S)
    except TimeoutError:
        process.kill()
        out, err = await process.communicate()
    lines = err.decode().replace(known["folder"], "{folder}")
    return Ended(process.returncode or 0, out.decode(), lines)


def _id(case: Case) -> str:
    return f"{case.service}: {case.name}"


@pytest.mark.parametrize("case", CASES, ids=_id)
async def test_a_wrong_setting_ends_the_process_with_one_line_that_names_it(
    ends: Mapping[str, Ended], case: Case
) -> None:
    ended = ends[_id(case)]
    lines = ended.stderr.splitlines()

    assert ended.code == 2, ended
    assert [
        next((line for line in case.lines if said.startswith(line)), said) for said in lines
    ] == list(case.lines)
    assert WORD not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr + ended.stdout
