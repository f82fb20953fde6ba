"""`huiliu connectors`: the address to paste, secrets that nobody sees pass by."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from unit.huiliu_cli.test_commands import call, says

MADE: dict[str, Any] = {
    "connector_id": "cn_1",
    "kind": "shopify",
    "accept_test": False,
    "active_secrets": 1,
    "config": None,
    "path": "/v1/hooks/cn_1",
    "created_at": "2026-03-01T01:00:00Z",
}


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text("shpss_1\n", "utf-8")
    return str(path)


def test_a_new_connector_prints_the_address_to_paste(
    capsys: pytest.CaptureFixture[str], secret_file: str
) -> None:
    remote = says(MADE, MADE)
    argv = ["connectors", "add", "shopify", "--shop", "tea house", "--secret-file", secret_file]

    assert call(remote, *argv) == 0
    assert "http://127.0.0.1:8101/v1/hooks/cn_1\n" in capsys.readouterr().out
    assert call(remote, *argv, "--public-url", "https://in.example/", "--json") == 0

    assert json.loads(capsys.readouterr().out)["url"] == "https://in.example/v1/hooks/cn_1"
    asked = remote.asked[0]
    assert (asked.method, asked.url.raw_path) == ("POST", b"/v1/shops/tea%20house/connectors")
    assert json.loads(asked.content) == {
        "kind": "shopify",
        "secrets": ["shpss_1"],
        "accept_test": False,
    }


@pytest.mark.parametrize("named", [["--secret-file", "-"], []])
def test_a_secret_may_come_by_standard_input(
    monkeypatch: pytest.MonkeyPatch, named: list[str]
) -> None:
    remote = says(MADE)
    monkeypatch.setattr("sys.stdin", io.StringIO("piped\n"))

    assert call(remote, "connectors", "add", "shopify", "--shop", "s", *named) == 0

    assert json.loads(remote.asked[0].content)["secrets"] == ["piped"]


def test_a_generic_connector_brings_its_description(tmp_path: Path, secret_file: str) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"rules": []}', "utf-8")
    remote = says(MADE, MADE)
    to = ["--shop", "s", "--secret-file", secret_file, "--config", str(config)]

    assert call(remote, "connectors", "add", "generic", *to) == 0
    assert call(remote, "connectors", "describe", "cn_1", str(config), "--shop", "s") == 0

    first, second = [json.loads(one.content) for one in remote.asked]
    assert first["config"] == second["config"] == {"rules": []}


@pytest.mark.parametrize(
    ("raw", "said"), [(b"{", "is not JSON"), (b"\xff", "is not text"), (None, "read")]
)
def test_a_file_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, raw: bytes | None, said: str
) -> None:
    path = tmp_path / "config.json"
    if raw is not None:
        path.write_bytes(raw)
    remote = says()

    assert call(remote, "connectors", "describe", "cn_1", str(path), "--shop", "s") == 2

    shown = capsys.readouterr().err
    assert said in shown
    assert "config.json" in shown
    assert remote.asked == []


def test_a_secret_is_rotated_then_the_old_one_dropped(
    capsys: pytest.CaptureFixture[str], secret_file: str
) -> None:
    remote = says({**MADE, "active_secrets": 2}, MADE)

    argv = ["connectors", "rotate", "cn_1", "--shop", "s", "--secret-file", secret_file]
    assert call(remote, *argv) == 0
    assert call(remote, "connectors", "keep", "cn_1", "1", "--shop", "s", "--json") == 0

    assert [(one.method, json.loads(one.content)) for one in remote.asked] == [
        ("PATCH", {"new_secret": "shpss_1"}),
        ("PATCH", {"keep_secrets": 1}),
    ]
    assert "active secrets" in capsys.readouterr().out


def test_connectors_and_what_they_pushed_in_vain_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = {"id": 1, "connector_id": "cn_1", "reason": "no rule fits", "received_at": "2026-03-01"}
    kept |= {"task": None, "subject": None}
    remote = says(
        {"connectors": [MADE]},
        {"connectors": []},
        {"pushes": [kept], "cursor": None},
        {"connectors": [MADE]},
    )

    assert call(remote, "connectors", "list", "--shop", "s") == 0
    assert call(remote, "connectors", "list", "--shop", "s") == 0
    assert call(remote, "connectors", "kept", "--shop", "s") == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("cn_1", "no connectors yet", "no rule fits"))
    assert call(remote, "connectors", "list", "--shop", "s", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [MADE]


def test_the_last_pushes_tell_whether_the_wiring_works(capsys: pytest.CaptureFixture[str]) -> None:
    push = {"at": "2026-03-01T01:00:00Z", "outcome": "forged", "reason": "", "size_bytes": 7}
    remote = says({"pushes": [push]}, {"pushes": []}, {"pushes": [push]})

    for _ in range(2):
        assert call(remote, "connectors", "pushes", "cn_1", "--shop", "s") == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("forged", "nothing has been pushed yet"))
    assert call(remote, "connectors", "pushes", "cn_1", "--shop", "s", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [push]
    assert {one.url.path for one in remote.asked} == {"/v1/shops/s/connectors/cn_1/pushes"}


def test_what_asks_for_a_person_is_listed_and_put_away(capsys: pytest.CaptureFixture[str]) -> None:
    task = {"id": 12, "connector_id": "cn_1", "reason": "to erase", "received_at": "2026-03-01"}
    task |= {"task": "erase_customer", "subject": "191167"}
    remote = says(
        {"pushes": [task], "cursor": None}, {"pushes": [], "cursor": None}, {"pushes": [task]}, {}
    )

    for _ in range(2):
        assert call(remote, "connectors", "kept", "--shop", "s", "--tasks") == 0
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("to erase", "191167", "nothing asks for a person"))
    assert call(remote, "connectors", "kept", "--shop", "s", "--tasks", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [task]
    assert {one.url.params["tasks"] for one in remote.asked} == {"true"}

    assert call(remote, "connectors", "put-away", "12", "--shop", "s") == 0
    assert capsys.readouterr().out == "put away\n"
    assert (remote.asked[-1].method, remote.asked[-1].url.path) == (
        "DELETE",
        "/v1/shops/s/kept-pushes/12",
    )


def test_a_connector_is_closed(capsys: pytest.CaptureFixture[str]) -> None:
    remote = says({})

    assert call(remote, "connectors", "remove", "cn_1", "--shop", "s") == 0

    [asked] = remote.asked
    assert (asked.method, asked.url.path) == ("DELETE", "/v1/shops/s/connectors/cn_1")
    assert capsys.readouterr().out == "it is closed\n"
