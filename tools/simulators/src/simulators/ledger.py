"""What a gateway took on: append-only, written before it answers or fails to."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

Entry: TypeAlias = Mapping[str, Any]


class Ledger:
    """One entry a request, accepted or not; a JSON line each in *path*, if there is one.

    The line is with the operating system when `append` returns: it survives the death of this
    process. An earlier run's lines are read back; a half line at the end counts as nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._entries: list[Entry] = []
        self._file: int | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
            self._entries = [json.loads(line) for line in whole.splitlines()]
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.ftruncate(self._file, len(whole) + 1 if whole else 0)

    def append(self, entry: Entry) -> None:
        if self._file is not None:
            os.write(self._file, json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._entries.append(entry)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def requests(self) -> Sequence[Entry]:
        """All of them, also what was refused."""
        return self._entries

    @property
    def accepted(self) -> list[Entry]:
        """What was taken on, and so reached a person, in the order of acceptance."""
        return [entry for entry in self._entries if entry["accepted"]]

    def of(self, message_id: str) -> list[Entry]:
        """Return the acceptances of one message: more than one means that it was sent twice."""
        return [entry for entry in self.accepted if entry["id"] == message_id]

    def twice(self) -> dict[str, int]:
        """Return the messages that were accepted more than once, and how often."""
        counts = Counter(entry["id"] for entry in self.accepted)
        return {message_id: count for message_id, count in counts.items() if count > 1}
