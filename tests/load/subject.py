"""The segmenter itself, which tells when the first order reached its handler.

Run as a process: subject.py OUT json|protobuf. With JSON, the codec's decoder is another one and
nothing else.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.codec import Unreadable
from contracts.events import OrderFacts, OrderMoney
from plumbing.records import Record
from segmenter import main
from segmenter.edges import consumer
from segmenter.edges.details import consumer as details


def json_decoder(kind: type) -> Callable[..., Any]:
    read: Callable[[bytes], Any] = msgspec.json.Decoder(kind).decode

    def decode(_: Iterable[Any], value: bytes | None, __: bytes | None = None) -> Any:
        try:
            return read(value or b"")
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from error

    return decode


def _write(out: Path, began: dict[str, float]) -> None:
    out.write_text(json.dumps(began))


def announce(out: Path) -> None:
    handle = consumer.Consumer.on_orders
    began: dict[str, float] = {}

    async def on_orders(
        self: consumer.Consumer, conn: AsyncConnection, records: Sequence[Record]
    ) -> None:
        if not began:
            began.update(began=time.perf_counter(), cpu_s=time.process_time())
            _write(out, began)
        await handle(self, conn, records)

    consumer.Consumer.on_orders = on_orders  # type: ignore[method-assign]  # to note the time


if __name__ == "__main__":
    announce(Path(sys.argv[1]))
    if sys.argv[2] == "json":
        consumer.decode = json_decoder(OrderMoney)
        details.decode = json_decoder(OrderFacts)  # type: ignore[attr-defined]  # imported there
    sys.argv = [sys.argv[0], "serve"]
    main.main()
