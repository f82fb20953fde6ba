"""A file of history is sent, waited for, and what was not taken is written down."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from unit.huiliu_cli.test_commands import Remote, call

RUN: dict[str, Any] = {
    "import_id": "im_1",
    "state": "waiting",
    "error": None,
    "rows": 0,
    "accepted": 0,
    "rejected": 0,
    "columns": {},
    "ended_at": None,
}
DONE = {**RUN, "state": "done", "rows": 3, "accepted": 2, "rejected": 1, "ended_at": "2026-01-05"}


def remote(*ends: dict[str, Any]) -> Remote:
    """Return a far end that takes a file, and tells how far it is each time."""
    left = [RUN, *ends]

    def answer(request: httpx.Request) -> httpx.Response:
        request.read()
        if request.url.path.endswith("/rejects"):
            return httpx.Response(200, content=b"line,reason\r\n")
        return httpx.Response(202 if len(left) > len(ends) else 200, json=left.pop(0))

    return Remote(answer)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "orders.csv"
    path.write_text("order_id,customer_id\n", "utf-8")
    return str(path)


def test_a_file_is_sent_and_waited_for(
    capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path
) -> None:
    far, mapping = remote(RUN, DONE), tmp_path / "mapping.json"
    mapping.write_text('{"No": "order_id"}', "utf-8")
    rejects = tmp_path / "rejects.csv"
    argv = ["import", file, "--shop", "tea house", "--kind", "orders", "--dry-run"]

    assert call(far, *argv, "--mapping", str(mapping), "--rejects", str(rejects)) == 0

    sent, *looks = far.asked
    assert (sent.method, sent.url.raw_path) == ("POST", b"/v1/shops/tea%20house/imports")
    for part in (b'filename="orders.csv"', b"order_id,customer_id", b'{"No": "order_id"}', b"true"):
        assert part in sent.content
    assert [one.url.path for one in looks[:2]] == ["/v1/shops/tea house/imports/im_1"] * 2
    assert rejects.read_bytes() == b"line,reason\r\n"
    shown = capsys.readouterr()
    assert "done" in shown.out
    assert "3 rows, 1 rejected" in shown.err


def test_rejected_rows_that_nobody_asked_for_are_pointed_at(
    capsys: pytest.CaptureFixture[str], file: str
) -> None:
    assert call(remote(RUN, DONE), "import", file, "--shop", "s", "--kind", "orders") == 0

    assert capsys.readouterr().err == (
        "orders.csv is import im_1\n3 rows, 1 rejected\n"
        "--rejects FILE writes down the rejected rows, each with its reason\n"
    )


def test_a_service_that_starts_anew_meanwhile_is_waited_for(file: str) -> None:
    far = remote(RUN, DONE)
    answers = far.answer

    def restarting(request: httpx.Request) -> httpx.Response:
        if len(far.asked) == 2:
            raise httpx.ConnectError("refused")
        return answers(request)

    far.answer = restarting

    assert call(far, "import", file, "--shop", "s", "--kind", "orders") == 0
    assert len(far.asked) == 4


def test_one_that_failed_says_why_and_ends_in_error(
    capsys: pytest.CaptureFixture[str], file: str
) -> None:
    failed = {**DONE, "state": "failed", "error": "line 7: broken"}

    assert call(remote(failed), "import", file, "--shop", "s", "--kind", "orders", "--json") == 1

    shown = capsys.readouterr()
    assert json.loads(shown.out) == failed
    assert "the import failed" in shown.err


@pytest.mark.parametrize("name", ["file", "mapping", "rejects"])
def test_a_file_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path, name: str
) -> None:
    missing = str(tmp_path / "nowhere" / "x.csv")
    argv = [missing if name == "file" else file, "--shop", "s", "--kind", "customers"]
    argv += [] if name == "file" else [f"--{name}", missing]

    assert call(remote(DONE), "import", *argv) == 2

    assert "x.csv cannot be" in capsys.readouterr().err


def test_a_mapping_that_is_no_text_is_named(
    capsys: pytest.CaptureFixture[str], file: str, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.json"
    mapping.write_bytes(b"\xff")
    argv = [file, "--shop", "s", "--kind", "orders", "--mapping", str(mapping)]

    assert call(remote(DONE), "import", *argv) == 2

    assert "is not text in UTF-8" in capsys.readouterr().err
