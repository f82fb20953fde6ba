"""The process that reads one file: what is hostile or large in it ends here.

It is told what to do and given the file by standard input, and says by standard output what the
rows are. It has no database, no network and no secret, and a bound on its memory. The parent goes
at its own pace: who writes into a full pipe waits.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any, BinaryIO, Final
from zoneinfo import ZoneInfo

from contracts import codec
from contracts.events import CustomerFacts
from ingest.app.accept_facts import MAX_VALUE_BYTES
from ingest.domain.cells import Home
from ingest.domain.columns import BadColumns, Columns, recognise
from ingest.domain.facts import Fact
from ingest.domain.rows import MOST_ROWS, Row, Seen, blamed, documents, grouped, note
from ingest.edges.events import event
from ingest.edges.imports.sheets import BadFile, csv_rows, parquet_rows, xlsx_rows
from ingest.edges.imports.wire import JOB, Chunk, End, Failed, Head, Job, Reject, Said
from ingest.edges.store import SOURCE
from plumbing.frames import framed, read_frame
from plumbing.records import OutRecord, place
from plumbing.working import confine

MIB: Final = 1024 * 1024
# Of addresses, of which much is never touched.
MOST_MEMORY_BYTES: Final = {"csv": 512 * MIB, "xlsx": 768 * MIB, "parquet": 1024 * MIB}
CHUNK_ROWS: Final = 500
CHUNK_BYTES: Final = 1024 * 1024

SOURCE_OF_VALUES: Final = "import"


def main() -> None:
    job = read_frame(sys.stdin.buffer, JOB)
    confine(MOST_MEMORY_BYTES[job.form])
    out = sys.stdout.buffer
    for one in said(job, sys.stdin.buffer):
        out.write(framed(one))
        out.flush()


def said(job: Job, file: BinaryIO) -> Iterator[Said]:
    """Yield what the file says, its head first, an end or a failure last."""
    try:
        yield from _said(job, file)
    except (BadColumns, BadFile) as error:
        yield Failed(str(error))
    except MemoryError:
        yield Failed("it needs more memory than a file gets: send it as CSV, or in parts")
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits to hear of it
        yield Failed("it cannot be read", fault=type(error).__name__)


def _said(job: Job, file: BinaryIO) -> Iterator[Said]:
    rows = _rows(job, file)
    first = next(rows, None)
    if first is None:
        raise BadFile("the file is empty")
    columns = recognise(first.cells, job.kind, job.mapping)
    yield Head(list(columns.header), columns.told())
    yield from _Taking(job, columns).chunks(_bounded(rows))
    yield End()


def _rows(job: Job, file: BinaryIO) -> Iterator[Row]:
    match job.form:
        case "csv":
            return csv_rows(file, job.encoding)
        case "xlsx":
            return xlsx_rows(file)
        case "parquet":
            return parquet_rows(file)


def _bounded(rows: Iterator[Row]) -> Iterator[Row]:
    for count, row in enumerate(rows, 1):
        if count > MOST_ROWS:
            raise BadFile(f"a file has at most {MOST_ROWS} rows: send the rest as another")
        yield row


class _Taking:
    """Makes chunks of rows."""

    def __init__(self, job: Job, columns: Columns) -> None:
        self._job = job
        self._columns = columns
        self._home = Home(
            ZoneInfo(job.zone), job.currency, job.country, datetime.fromisoformat(job.said_at)
        )
        self._limit = datetime.fromisoformat(job.limit)
        self._at = datetime.fromisoformat(job.said_at)

    def chunks(self, rows: Iterator[Row]) -> Iterator[Chunk]:
        """Yield what the rows are behind those that are done; an order is in one chunk."""
        seen = Seen()
        done, size = 0, 0
        chunk = Chunk(0, 0, [], [])
        for group in grouped(rows, self._columns):
            done += len(group)
            if done <= self._job.skip:
                note(group, self._columns, seen)
                continue
            made = documents(group, self._columns, self._home, seen)
            records = made if isinstance(made, str) else self._records(made)
            if isinstance(records, str):
                chunk.rejects += [self._reject(row, records) for row in group]
                size += sum(map(len, chain.from_iterable(row.cells for row in group)))
            else:
                chunk.records += records
                chunk.accepted += len(group)
                size += sum(len(one.value or b"") for one in records)
            chunk.rows = done
            if size >= CHUNK_BYTES or len(chunk.rejects) + chunk.accepted >= CHUNK_ROWS:
                yield chunk
                chunk, size = Chunk(0, 0, [], []), 0
        if chunk.rows:
            yield chunk

    def _records(self, made: list[dict[str, Any]]) -> list[OutRecord] | str:
        """Return the records of these events, or why one of them is none."""
        records = []
        for document in made:
            read = event(document)
            if isinstance(read, tuple):
                return "; ".join(
                    f"{blamed(one.field, self._columns)}: {one.message}" for one in read
                )
            ahead = [name for name, at in read.instants() if at is not None and at > self._limit]
            if ahead:  # its version first, which may be made of the others
                return f"{blamed(ahead[-1], self._columns)}: a time up to now is expected"
            fact = _imported(read.item(self._job.shop_id).said.fact, alone=len(made) == 1)
            encoded = codec.encode(
                fact, source=SOURCE, at=self._at, traceparent=self._job.traceparent
            )
            if len(encoded.value or b"") > MAX_VALUE_BYTES:
                return "the record is larger than one may be"
            records.append(place(encoded, self._job.partitions))
        return records

    def _reject(self, row: Row, reason: str) -> Reject:
        customer_id = self._columns.cell(row.cells, "customer_id")
        return Reject(row.number, reason, list(row.cells), customer_id)


def _imported(fact: Fact, *, alone: bool) -> Fact:
    """Return the fact with its source; what an order says of a person only fills gaps."""
    if not isinstance(fact, CustomerFacts):
        return fact
    consents = tuple(replace(one, source=SOURCE_OF_VALUES) for one in fact.consents)
    return replace(fact, consents=consents, from_order=None if alone else True)


if __name__ == "__main__":
    main()
