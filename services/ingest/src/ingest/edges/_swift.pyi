from collections.abc import Iterable, Sequence
from typing import TypeAlias

# name in JSON, kind, number on the wire, whether it is required, whether it cannot lie ahead of now
Row: TypeAlias = tuple[str, str, int, bool, bool]

class Reader:
    def __init__(
        self,
        order: Sequence[Row],
        line: Sequence[Row],
        place: Sequence[Row],
        items: int,
        currencies: Iterable[str],
        countries: Iterable[str],
        earliest_us: int,
        latest_us: int,
        most_minor: int,
    ) -> None: ...
    def read(self, raw: bytes, many: bool) -> list[tuple[bytes, bytes, int]] | None: ...
