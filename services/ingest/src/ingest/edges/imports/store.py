"""Imports in Postgres: the run and how far it has come, the file's pieces, the rows not taken."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Row, delete, insert, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ingest.domain.columns import Kind
from ingest.edges.imports.wire import Form, Reject
from ingest.edges.people import blind_of
from ingest.edges.store import SOURCE
from ingest.edges.tables import import_piece, import_reject, import_run
from plumbing.resources import worker_role, worker_tx
from plumbing.seal import Sealer

# uploading: its pieces come. waiting: for its turn. running: a pod is at it, or was when it died.
State: TypeAlias = Literal["uploading", "waiting", "running", "done", "failed", "cancelled"]

_NEXT: Final = text(
    """
    update import_run set state = 'running',
        started_at = coalesce(started_at, clock_timestamp()), touched_at = clock_timestamp()
    where import_id = (select import_id from import_run where state in ('waiting', 'running')
                       order by created_at, import_id limit 1)
    returning *
    """
)
# The rows that are done are the fence: of two who do the same, one finds them moved.
_ADVANCE: Final = text(
    """
    update import_run set rows = :to, accepted = accepted + :accepted,
        rejected = rejected + :rejected, touched_at = clock_timestamp()
    where import_id = :import_id and rows = :from and state = 'running'
    """
)
_DROP_ERASED: Final = text(
    """
    delete from import_reject r using erased e
    where r.import_id = :import_id and r.line between :first and :last
      and e.shop_id = r.shop_id and e.customer_hash = r.customer_hash
    """
)
_END: Final = text(
    """
    update import_run set state = :state, error = :error, ended_at = clock_timestamp()
    where import_id = :import_id and state in ('uploading', 'waiting', 'running')
      and rows = coalesce(cast(:rows as int), rows)
    """
)
_FORGET: Final = text(
    """
    with gone as (
        delete from import_run
        where (state = 'uploading' and touched_at < clock_timestamp() - interval '15 minutes')
           or ended_at < clock_timestamp() - make_interval(days => :kept_days)
        returning import_id),
    pieces as (delete from import_piece where import_id in (select import_id from gone))
    delete from import_reject where import_id in (select import_id from gone)
    """
)


@dataclass(frozen=True, slots=True)
class Run:
    """One import. `rows` are done: accepted or rejected, and committed."""

    import_id: str
    shop_id: str
    kind: Kind
    form: Form
    encoding: str
    mapping: Mapping[str, str]
    dry_run: bool
    state: State
    error: str | None
    header: Sequence[str]
    columns: Mapping[str, str]
    size_bytes: int
    rows: int
    accepted: int
    rejected: int
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ImportStore:
    """One open transaction; as the API it sees one shop only."""

    def __init__(self, conn: AsyncConnection, sealer: Sealer) -> None:
        self._conn = conn
        self._sealer = sealer

    async def add(self, import_id: str, shop_id: str) -> None:
        """Make room for a file that is coming; what it is, is said when all of it has come."""
        row = {"import_id": import_id, "shop_id": shop_id, "state": "uploading"}
        unknown = {"kind": "orders", "form": "csv", "encoding": "", "dry_run": True}
        await self._conn.execute(insert(import_run), {**row, **unknown, "size_bytes": 0})

    async def keep_piece(self, import_id: str, shop_id: str, number: int, piece: bytes) -> None:
        row = {"import_id": import_id, "shop_id": shop_id, "number": number}
        sealed = self._sealer.seal(piece, _piece_context(import_id, number))
        await self._conn.execute(insert(import_piece), {**row, "sealed": sealed})
        touched = update(import_run).where(import_run.c.import_id == import_id)
        await self._conn.execute(touched.values(touched_at=text("clock_timestamp()")))

    async def begin(self, import_id: str, said: Mapping[str, Any]) -> Run:
        """Let it wait for its turn."""
        changed = update(import_run).where(import_run.c.import_id == import_id)
        row = await self._conn.execute(
            changed.values(**said, state="waiting").returning(*import_run.c)
        )
        return _run(row.one())

    async def drop(self, import_id: str) -> None:
        for table in (import_run, import_piece):
            await self._conn.execute(delete(table).where(table.c.import_id == import_id))

    async def next(self) -> Run | None:
        """Return what is to be gone on with, or begun."""
        row = (await self._conn.execute(_NEXT)).one_or_none()
        return None if row is None else _run(row)

    async def note_head(
        self, import_id: str, header: Sequence[str], columns: Mapping[str, str]
    ) -> None:
        changed = update(import_run).where(import_run.c.import_id == import_id)
        await self._conn.execute(
            changed.values(header=json.dumps(header), columns=json.dumps(columns))
        )

    async def advance(self, run: Run, to: int, accepted: int, rejects: Sequence[Reject]) -> bool:
        """Note that the rows up to *to* are done; False when that is not ours to say any more."""
        moved = await self._conn.execute(
            _ADVANCE,
            {
                "import_id": run.import_id,
                "from": run.rows,
                "to": to,
                "accepted": accepted,
                "rejected": len(rejects),
            },
        )
        if moved.rowcount != 1:
            return False
        if rejects:
            rows = [self._reject_row(run, one) for one in rejects]
            await self._conn.execute(insert(import_reject), rows)
            span = {"first": rejects[0].line, "last": rejects[-1].line}
            await self._conn.execute(_DROP_ERASED, {"import_id": run.import_id, **span})
        return True

    async def end(
        self, import_id: str, state: State, error: str | None = None, rows: int | None = None
    ) -> bool:
        """End what has not ended, and forget its file; tell whether it was so.

        Who says how many *rows* are done ends it only if it stands there: nobody else goes on.
        """
        ended = await self._conn.execute(
            _END,
            {
                "import_id": import_id,
                "state": state,
                "rows": rows,
                "error": None if error is None else error.replace("\x00", ""),
            },
        )
        if ended.rowcount != 1:
            return False
        await self._conn.execute(delete(import_piece).where(import_piece.c.import_id == import_id))
        return True

    async def find(self, shop_id: str, import_id: str) -> Run | None:
        wanted = select(import_run).where(
            import_run.c.shop_id == shop_id, import_run.c.import_id == import_id
        )
        row = (await self._conn.execute(wanted)).one_or_none()
        return None if row is None else _run(row)

    async def runs(self, before: tuple[datetime, str] | None, limit: int) -> list[Run]:
        """Return a page, the newest first."""
        place = tuple_(import_run.c.created_at, import_run.c.import_id)
        page = select(import_run).order_by(place.desc()).limit(limit)
        if before is not None:
            page = page.where(place < before)
        return [_run(row) for row in await self._conn.execute(page)]

    async def rejects(
        self, import_id: str, after: int, limit: int
    ) -> list[tuple[int, str, list[str]]]:
        """Return lines with their reasons and cells, in order, behind line *after*."""
        table = import_reject.c
        page = select(table.line, table.reason, table.sealed).where(
            table.import_id == import_id, table.line > after
        )
        rows = await self._conn.execute(page.order_by(table.line).limit(limit))
        return [
            (
                line,
                reason,
                json.loads(self._sealer.unseal(sealed, _reject_context(import_id, line))),
            )
            for line, reason, sealed in rows
        ]

    def _reject_row(self, run: Run, one: Reject) -> dict[str, Any]:
        cells = json.dumps(one.cells, ensure_ascii=False).encode("utf-8", "surrogatepass")
        who = (run.shop_id, one.customer_id)
        return {
            "import_id": run.import_id,
            "shop_id": run.shop_id,
            "line": one.line,
            "reason": one.reason.replace("\x00", ""),
            "sealed": self._sealer.seal(cells, _reject_context(run.import_id, one.line)),
            "customer_hash": blind_of(self._sealer, who) if one.customer_id else None,
        }


async def pieces_of(engine: AsyncEngine, sealer: Sealer, import_id: str) -> AsyncIterator[bytes]:
    """Yield a file, piece by piece, each read by a transaction of its own."""
    number = 0
    while True:
        wanted = select(import_piece.c.sealed).where(
            import_piece.c.import_id == import_id, import_piece.c.number == number
        )
        async with worker_tx(engine, worker_role(SOURCE)) as conn:
            sealed = await conn.scalar(wanted)
        if sealed is None:
            return
        yield sealer.unseal(sealed, _piece_context(import_id, number))
        number += 1


async def forget_imports(conn: AsyncConnection, kept_days: int) -> None:
    """Delete uploads that broke off, and imports that ended long ago, with their rejects."""
    await conn.execute(_FORGET, {"kept_days": kept_days})


def _run(row: Row[Any]) -> Run:
    said = {name: getattr(row, name) for name in Run.__slots__}
    return Run(
        **said
        | {
            "mapping": json.loads(row.mapping or "{}"),
            "header": json.loads(row.header or "[]"),
            "columns": json.loads(row.columns or "{}"),
        }
    )


def _piece_context(import_id: str, number: int) -> bytes:
    return f"import:{import_id}:{number}".encode()


def _reject_context(import_id: str, line: int) -> bytes:
    return f"import-reject:{import_id}:{line}".encode()
