"""What an earlier version wrote, this version reads: topics are kept longer than versions live."""

import json
from pathlib import Path
from typing import Any

import pytest

from contracts import codec
from support.specimens import AT, EVENT_TYPES, specimen

GOLDEN: dict[str, Any] = json.loads((Path(__file__).parent / "golden.json").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_bytes_written_once_are_read_for_ever(name: str) -> None:
    kept = GOLDEN[name]
    kind = name.partition("@")[0]  # "Shop@1" is what a shop was before it had more fields

    event = codec.decode((("ce_type", f"huiliu.v1.{kind}".encode()),), bytes.fromhex(kept["value"]))

    read = {field: repr(getattr(event, field)) for field in kept["fields"]}
    assert read == kept["fields"]


def test_every_event_type_has_golden_bytes() -> None:
    assert {name for name in GOLDEN if "@" not in name} == {kind.__name__ for kind in EVENT_TYPES}


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
def test_the_same_event_is_the_same_bytes_and_id_in_every_version(kind: type[Any]) -> None:
    sent = codec.encode(specimen(kind), source="test", at=AT)

    assert (sent.value or b"").hex() == GOLDEN[kind.__name__]["value"]
    assert sent.event_id == GOLDEN[kind.__name__]["event_id"]
