"""`huiliu merges`: what is asked of ingest, and what people read."""

import json
from typing import Any

import pytest

from unit.huiliu_cli.test_commands import call, says

MERGE = {"alias_id": "c-8", "survivor_id": "c-7", "decided_at": "2026-01-05", "why": "phone"}
PERSON: dict[str, Any] = {"survivor_id": "c-7", "customers": ["c-7", "c-8"], "merges": [MERGE]}
DOUBT = {"why": "email", "since": "2026-01-05", "customers": ["c-1", "c-2"]}


def test_merges_are_listed_looked_at_said_and_undone(capsys: pytest.CaptureFixture[str]) -> None:
    remote = says({"merges": [MERGE]}, {"doubtful": [DOUBT]}, PERSON, PERSON, None)
    to = ["--shop", "tea house"]

    for command in (["list"], ["doubtful"], ["person", "c 8"], ["make", "c-7", "c-8"]):
        assert call(remote, "merges", *command, *to) == 0
    assert call(remote, "merges", "undo", "c 8", *to) == 0

    assert [(one.method, one.url.raw_path) for one in remote.asked] == [
        ("GET", b"/v1/shops/tea%20house/merges"),
        ("GET", b"/v1/shops/tea%20house/merges/doubtful"),
        ("GET", b"/v1/shops/tea%20house/customers/c%208/person"),
        ("POST", b"/v1/shops/tea%20house/merges"),
        ("DELETE", b"/v1/shops/tea%20house/merges/c%208"),
    ]
    assert json.loads(remote.asked[3].content) == {"customers": ["c-7", "c-8"]}
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("c-8", "phone", "email", "c 8 is a person apart"))


@pytest.mark.parametrize(
    ("command", "answer", "told"),
    [
        (["list"], {"merges": [MERGE]}, [MERGE]),
        (["doubtful"], {"doubtful": [DOUBT]}, [DOUBT]),
        (["person", "c-8"], PERSON, PERSON),
        (["make", "c-7", "c-8"], PERSON, PERSON),
    ],
)
def test_machines_get_what_the_service_says(
    capsys: pytest.CaptureFixture[str], command: list[str], answer: Any, told: Any
) -> None:
    assert call(says(answer), "merges", *command, "--shop", "s", "--json") == 0

    assert json.loads(capsys.readouterr().out) == told
