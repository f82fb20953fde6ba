"""`huiliu attributes` and `huiliu edits`: what is asked of ingest, and what people read."""

import json
from pathlib import Path
from typing import Any

import pytest

from unit.huiliu_cli.test_commands import call, says

OWN = {"name": "cut", "type": "choice", "label": "版型", "choices": ["slim", "wide"]}
EDIT: dict[str, Any] = {
    "edit_id": "ed_1",
    "at": "2026-03-01T01:00:00Z",
    "source": "fair",
    "by": "li",
    "change": {"customer_class": "wholesale"},
    "customers": 2,
    "reverted_at": None,
}


def test_an_attribute_is_defined_listed_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    remote = says(OWN, {"attributes": [OWN]}, None)
    to = ["--shop", "tea house"]

    define = ["define", "cut", "choice", *to, "--choice", "slim", "--choice", "wide"]
    assert call(remote, "attributes", *define, "--label", "版型", "--json") == 0
    assert json.loads(capsys.readouterr().out) == OWN
    assert call(remote, "attributes", "list", *to) == 0
    assert call(remote, "attributes", "remove", "cut", *to) == 0

    assert "版型" in capsys.readouterr().out
    assert [(one.method, one.url.raw_path) for one in remote.asked] == [
        ("PUT", b"/v1/shops/tea%20house/attributes/cut"),
        ("GET", b"/v1/shops/tea%20house/attributes"),
        ("DELETE", b"/v1/shops/tea%20house/attributes/cut"),
    ]
    body = json.loads(remote.asked[0].content)
    assert body == {"type": "choice", "label": "版型", "choices": ["slim", "wide"]}


def test_an_edit_takes_ids_of_a_file_and_is_taken_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ids, change = tmp_path / "ids", tmp_path / "change.json"
    ids.write_text("c-7\n\nc-8\n", "utf-8")
    change.write_text(json.dumps(EDIT["change"]), "utf-8")
    remote = says(EDIT, {"edits": [EDIT]}, {**EDIT, "reverted_at": "2026-03-01T02:00:00Z"})

    made = call(remote, "edits", "make", str(ids), str(change), "--shop", "s", "--source", "fair")
    assert made == 0
    assert capsys.readouterr().out == "edit ed_1: 2 customers changed\n"
    assert call(remote, "edits", "list", "--shop", "s", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [EDIT]
    assert call(remote, "edits", "revert", "ed_1", "--shop", "s") == 0
    assert capsys.readouterr().out == "edit ed_1: 2 customers changed, and taken back\n"

    first, _, last = remote.asked
    assert json.loads(first.content) == {
        "customers": ["c-7", "c-8"],
        "change": EDIT["change"],
        "source": "fair",
    }
    assert (last.method, last.url.path) == ("POST", "/v1/shops/s/customers/edits/ed_1/revert")
